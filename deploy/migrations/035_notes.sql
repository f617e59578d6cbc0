-- Notes on a patient. `sealed`: AES-256-GCM of the text under the patient's own key (identity.person), bound to patient and note: erasure
-- deletes that key, and no note can be read again. Nothing is changed or taken back; a note may strike out one earlier note, saying why.
CREATE TABLE clinical.note (
    n       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id      text NOT NULL UNIQUE,
    patient text NOT NULL REFERENCES clinical.patient,
    author  text NOT NULL,
    role    text NOT NULL,
    at      timestamptz NOT NULL,
    sealed  bytea NOT NULL,
    strikes text REFERENCES clinical.note (id),
    CONSTRAINT note_struck_once UNIQUE (strikes)
);
CREATE INDEX ON clinical.note (patient, n DESC);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON clinical.note FOR EACH STATEMENT EXECUTE FUNCTION access.append_only();
