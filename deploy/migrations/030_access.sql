-- Who may come in, and what they saw or changed. Written by dashboard_api only.
CREATE SCHEMA access;

CREATE TABLE access.account (
    username      text PRIMARY KEY,
    role          text NOT NULL CHECK (role IN ('doctor', 'nurse', 'patient', 'oncall', 'admin', 'auditor', 'integration')),
    password_hash text NOT NULL,
    all_wards     boolean NOT NULL DEFAULT false,   -- on the care team of every ward, also of ones made later
    wards         text[] NOT NULL DEFAULT '{}',
    patient       text REFERENCES clinical.patient, -- role patient: themself
    created_at    timestamptz NOT NULL DEFAULT now(),
    disabled_at   timestamptz,
    failures      integer NOT NULL DEFAULT 0,
    locked_until  timestamptz
);

-- Append-only and hash-chained: digest = SHA-256(previous digest || canonical JSON of the entry).
CREATE TABLE access.audit (
    n        bigint PRIMARY KEY,
    at       timestamptz NOT NULL,
    actor    text NOT NULL,
    role     text NOT NULL,
    action   text NOT NULL,
    patient  text,
    resource text NOT NULL,
    outcome  text NOT NULL,
    detail   jsonb NOT NULL DEFAULT '{}',
    digest   bytea NOT NULL
);
CREATE INDEX ON access.audit (patient, n);
CREATE INDEX ON access.audit (actor, n);

CREATE FUNCTION access.append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access.audit FOR EACH STATEMENT EXECUTE FUNCTION access.append_only();
