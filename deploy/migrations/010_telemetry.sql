-- Readings, roll-ups, refusals, and how far the archive has come. Written by streams/archive only.
CREATE SCHEMA telemetry;

-- A row is one vital of one sample. `value` NULL: the device said that there is no value (a technical condition).
-- `seq` is in the key: a device may measure twice in one millisecond; (device, seq) is a sample's identity for ever.
CREATE TABLE telemetry.reading (
    patient_no  integer NOT NULL,
    vital       smallint NOT NULL,
    observed_at timestamptz NOT NULL,
    device_no   integer NOT NULL,
    seq         bigint NOT NULL,
    value       double precision,
    quality     real,
    received_at timestamptz NOT NULL,
    clock_ms    integer NOT NULL DEFAULT 0
);
SELECT create_hypertable('telemetry.reading', 'observed_at', chunk_time_interval => interval '1 day', create_default_indexes => false);
CREATE UNIQUE INDEX reading_identity ON telemetry.reading (patient_no, vital, observed_at, device_no, seq);

-- Roll-ups of 1 minute and 1 hour; late data corrects them. `low`, `high`, `total` over the n readings that have a value.
CREATE TABLE telemetry.rollup_1m (
    patient_no integer NOT NULL,
    vital      smallint NOT NULL,
    bucket     timestamptz NOT NULL,
    n          integer NOT NULL,
    low        double precision,
    high       double precision,
    total      double precision,
    last       double precision,
    last_at    timestamptz NOT NULL,
    PRIMARY KEY (patient_no, vital, bucket)
);
SELECT create_hypertable('telemetry.rollup_1m', 'bucket', chunk_time_interval => interval '7 days', create_default_indexes => false);
CREATE TABLE telemetry.rollup_1h (LIKE telemetry.rollup_1m INCLUDING ALL);
SELECT create_hypertable('telemetry.rollup_1h', 'bucket', chunk_time_interval => interval '90 days', create_default_indexes => false);

-- What was refused, with its original bytes (`id` = vitals.refusal.Refusal.identity: a repeat only counts).
CREATE TABLE telemetry.refusal (
    id          text PRIMARY KEY,
    reason      text NOT NULL,
    detail      text NOT NULL,
    door        text NOT NULL,
    source      text NOT NULL,
    device      text,
    seq         bigint,
    vital       text,
    observed_at timestamptz,
    payload     bytea NOT NULL,
    traceparent text,
    first_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    times       integer NOT NULL DEFAULT 1,
    state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'requeued', 'discarded')),
    decided_by  text,
    decided_at  timestamptz
);
CREATE INDEX ON telemetry.refusal (first_at, id);
CREATE INDEX ON telemetry.refusal (device, seq);

-- Written in the same transaction as the rows: a restart takes up exactly where the stored rows end.
CREATE TABLE telemetry.progress (
    reader      text NOT NULL,
    topic       text NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (reader, topic, partition)
);

-- Every sample number ever stored of a device, as ranges: duplicates are known for ever.
CREATE TABLE telemetry.seen (
    device_no integer NOT NULL,
    partition integer NOT NULL,
    seqs      int8multirange NOT NULL,
    PRIMARY KEY (device_no, partition)
);

-- What has been added since the last fold into `seen`: a row a transaction, written with the readings, so a crash forgets nothing.
-- The three arrays go together: device devices[i] stored the numbers lows[i] to highs[i], both inclusive.
CREATE TABLE telemetry.seen_recent (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partition integer NOT NULL,
    devices   integer[] NOT NULL,
    lows      bigint[] NOT NULL,
    highs     bigint[] NOT NULL
);

-- Roll-up buckets whose readings changed, written with the readings. Bit i of vitals[j]: vital i of patients[j] in bucket buckets[j]
-- (minutes, or hours, since 1970). A reader that changes readings itself adds a row in its own transaction.
CREATE TABLE telemetry.rollup_todo (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    step     text NOT NULL CHECK (step IN ('1m', '1h')),
    patients integer[] NOT NULL,
    buckets  bigint[] NOT NULL,
    vitals   integer[] NOT NULL
);
CREATE INDEX ON telemetry.rollup_todo (step, id);

-- Readings before this were dropped by retention: their roll-ups are final.
CREATE TABLE telemetry.horizon (
    only_row       boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    dropped_before timestamptz NOT NULL
);
INSERT INTO telemetry.horizon (dropped_before) VALUES ('-infinity');

-- The last known connection state of each device.
CREATE TABLE telemetry.link (
    device   text PRIMARY KEY,
    state    text NOT NULL,
    battery  real,
    buffered integer,
    at       timestamptz NOT NULL
);
