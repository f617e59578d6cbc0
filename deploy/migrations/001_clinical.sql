-- Who is where: pseudonyms, wards, devices, assignment intervals. Names are in schema `identity` only, encrypted per patient.
CREATE EXTENSION IF NOT EXISTS timescaledb;
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE SCHEMA clinical;
CREATE SCHEMA identity;

CREATE TABLE clinical.ward (
    id         text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9._-]{1,64}$'),
    name       text NOT NULL,
    time_zone  text NOT NULL DEFAULT 'UTC',
    created_at timestamptz NOT NULL DEFAULT now()
);

-- `no` is the small key of the readings tables; `id` the random pseudonym that travels. `version` rises with every change.
CREATE TABLE clinical.patient (
    no            integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    id            text PRIMARY KEY,
    ward          text NOT NULL REFERENCES clinical.ward,
    bed           text NOT NULL DEFAULT '',
    age_band      text NOT NULL DEFAULT 'adult' CHECK (age_band IN ('0-3m', '3-12m', '1-4y', '4-12y', '12-16y', 'adult')),
    spo2_scale    smallint NOT NULL DEFAULT 1 CHECK (spo2_scale IN (1, 2)),
    pregnant      boolean NOT NULL DEFAULT false,
    version       bigint NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    discharged_at timestamptz
);
CREATE INDEX ON clinical.patient (ward);

CREATE TABLE clinical.limit_override (
    patient    text NOT NULL REFERENCES clinical.patient,
    vital      text NOT NULL,
    low        double precision,
    high       double precision,
    reason     text NOT NULL,
    author     text NOT NULL,
    set_at     timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    PRIMARY KEY (patient, vital)
);

-- `sealed`: AES-256-GCM of JSON {mrn, name, birth_date, sex} under a key of this patient's own, itself wrapped by the site's key.
-- Erasure deletes the row. `mrn_digest`: HMAC-SHA-256, to find a record number without reading any.
CREATE TABLE identity.person (
    patient     text PRIMARY KEY REFERENCES clinical.patient,
    wrapped_key bytea NOT NULL,
    sealed      bytea NOT NULL,
    mrn_digest  bytea NOT NULL UNIQUE
);

CREATE TABLE clinical.device (
    no          integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    id          text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9._-]{1,64}$'),
    kind        text NOT NULL,
    ward        text REFERENCES clinical.ward,
    gateway     text REFERENCES clinical.device,
    enrolled_at timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz
);

-- Which device was on which patient when; a device is on one patient at a time.
CREATE TABLE clinical.assignment (
    device  text NOT NULL REFERENCES clinical.device,
    n       integer NOT NULL,
    patient text NOT NULL REFERENCES clinical.patient,
    during  tstzrange NOT NULL CHECK (NOT isempty(during) AND lower_inc(during) AND lower(during) IS NOT NULL),
    author  text NOT NULL,
    at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (device, n),
    EXCLUDE USING gist (device WITH =, during WITH &&)
);
CREATE INDEX ON clinical.assignment (patient);

-- Whatever concerns the gateways' directory or a patient's context wakes its readers.
CREATE FUNCTION clinical.changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('vigil_directory', TG_TABLE_NAME);
    RETURN NULL;
END $$;
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON clinical.device FOR EACH STATEMENT EXECUTE FUNCTION clinical.changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON clinical.assignment FOR EACH STATEMENT EXECUTE FUNCTION clinical.changed();
