-- What a patient agreed to: the newest row of a purpose counts, older ones stay.
CREATE TABLE access.consent (
    n       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient text NOT NULL REFERENCES clinical.patient,
    purpose text NOT NULL,
    granted boolean NOT NULL,
    author  text NOT NULL,
    at      timestamptz NOT NULL
);
CREATE INDEX ON access.consent (patient, purpose, n);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access.consent FOR EACH STATEMENT EXECUTE FUNCTION access.append_only();

-- Rule sets, one row a version; the newest is in force. Kafka hears of it on the topic `rules`.
CREATE TABLE clinical.rule_set (
    version    bigint PRIMARY KEY,
    body       jsonb NOT NULL,
    author     text NOT NULL,
    reason     text NOT NULL DEFAULT '',
    at         timestamptz NOT NULL,
    published_at timestamptz
);
