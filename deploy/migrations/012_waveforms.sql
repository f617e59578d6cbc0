-- Waveforms, kept for days: chunks as they travel (vitals.waveform), int16 with gain and offset. Written by streams/archive only.
CREATE TABLE telemetry.waveform (
    patient_no    integer NOT NULL,
    channel       text NOT NULL,
    observed_at   timestamptz NOT NULL,
    device_no     integer NOT NULL,
    seq           bigint NOT NULL,
    received_at   timestamptz NOT NULL,
    rate_hz       double precision NOT NULL,
    unit          text NOT NULL,
    gain          double precision NOT NULL,
    offset_number double precision NOT NULL,
    samples       bytea NOT NULL
);
SELECT create_hypertable('telemetry.waveform', 'observed_at', chunk_time_interval => interval '6 hours', create_default_indexes => false);
CREATE UNIQUE INDEX waveform_identity ON telemetry.waveform (patient_no, channel, observed_at, device_no, seq);
ALTER TABLE telemetry.waveform ALTER COLUMN samples SET STORAGE EXTERNAL;
