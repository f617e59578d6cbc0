-- What was added to a device's own time of a chunk (`clock_ms` as of a reading): its raw time is observed_at - clock_ms, whatever the ledger said
-- when it came, and tells whether it is there already. Only what was corrected is in the index: of the rest the identity says it.
ALTER TABLE telemetry.waveform ADD COLUMN clock_ms integer NOT NULL DEFAULT 0;
CREATE INDEX waveform_corrected ON telemetry.waveform (device_no, channel, seq) WHERE clock_ms <> 0;
