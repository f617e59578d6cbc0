-- What is answered again is answered with its headers: where the thing is (Location), of which kind (Content-Type), not to be kept (Cache-Control).
ALTER TABLE access.idempotency ADD COLUMN headers jsonb NOT NULL DEFAULT '{"content-type": "application/json"}';
