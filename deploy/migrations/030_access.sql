-- Who may come in, and what they saw or changed. Written by dashboard_api only.
CREATE SCHEMA access;

CREATE TABLE access.account (
    username      text PRIMARY KEY CHECK (username ~ '^[A-Za-z0-9._@-]{1,64}$'),
    role          text NOT NULL CHECK (role IN ('doctor', 'nurse', 'patient', 'oncall', 'admin', 'auditor', 'integration')),
    password_hash text NOT NULL,
    all_wards     boolean NOT NULL DEFAULT false,   -- on the care team of every ward, also of ones made later
    wards         text[] NOT NULL DEFAULT '{}',
    patient       text REFERENCES clinical.patient, -- role patient: themself
    scopes        text[] NOT NULL DEFAULT '{}',     -- role integration: which of the role's rights this account has
    created_at    timestamptz NOT NULL DEFAULT now(),
    disabled_at   timestamptz
);

-- Failed log-ins by the name that was offered, whether such an account exists or not: a lock-out says nothing about that.
CREATE TABLE access.login_failure (
    username     text PRIMARY KEY,
    failures     integer NOT NULL,
    last_at      timestamptz NOT NULL,
    locked_until timestamptz
);

-- A log-in and its rotating refresh token; an old refresh token that comes back revokes the session.
CREATE TABLE access.session (
    id             text PRIMARY KEY,
    username       text NOT NULL REFERENCES access.account,
    refresh_digest bytea NOT NULL,
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    revoked_at     timestamptz,
    revoked_why    text
);
CREATE INDEX ON access.session (username);

-- Access outside the care team, for a limited time.
CREATE TABLE access.break_glass (
    id         text PRIMARY KEY,
    username   text NOT NULL REFERENCES access.account,
    patient    text NOT NULL REFERENCES clinical.patient,
    reason     text NOT NULL,
    at         timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    reviewed_by text,
    reviewed_at timestamptz
);
CREATE INDEX ON access.break_glass (username, expires_at);

-- The answer to a POST with an Idempotency-Key, sealed with the site's key (it may hold a secret shown once).
CREATE TABLE access.idempotency (
    username text NOT NULL,
    key      text NOT NULL,
    request  bytea NOT NULL,
    at       timestamptz NOT NULL,
    status   integer,
    answer   bytea,
    PRIMARY KEY (username, key)
);
CREATE INDEX ON access.idempotency (at);

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
CREATE INDEX ON access.audit (at, n);
CREATE INDEX ON access.audit USING gin ((detail -> 'patients'));

CREATE FUNCTION access.append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access.audit FOR EACH STATEMENT EXECUTE FUNCTION access.append_only();

-- Where the chain ends: the one row that every writer locks.
CREATE TABLE access.audit_head (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    n      bigint NOT NULL,
    digest bytea NOT NULL
);
INSERT INTO access.audit_head (n, digest) VALUES (0, '\x');

-- Which version of a patient's context Kafka has acknowledged: what is behind is published again.
CREATE TABLE access.context_published (
    patient text PRIMARY KEY REFERENCES clinical.patient,
    version bigint NOT NULL
);
