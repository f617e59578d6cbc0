-- A kept answer goes with the person that it tells of.
ALTER TABLE access.idempotency ADD COLUMN patient text;
CREATE INDEX ON access.idempotency (patient) WHERE patient IS NOT NULL;
