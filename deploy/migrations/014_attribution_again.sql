-- Corrections are kept as long as Kafka keeps readings, and a day: an archive that is behind stores readings attributed before the correction whenever it
-- comes to them. Until `look_until` the archive looks again; it sets it anew with each such reading that it stores.
ALTER TABLE telemetry.attribution_todo ADD COLUMN look_until timestamptz NOT NULL DEFAULT now() + interval '5 minutes';
CREATE INDEX ON telemetry.attribution_todo (at);
