-- One-minute roll-ups before this were dropped by retention: where their readings are still there, hours are computed from those.
ALTER TABLE telemetry.horizon ADD COLUMN minutes_dropped_before timestamptz NOT NULL DEFAULT '-infinity';
