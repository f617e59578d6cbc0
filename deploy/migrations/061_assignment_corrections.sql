-- Every correction of an assignment that moved the past: what was said before and what since, by whom. Nothing is changed or taken back.
-- `before_*` null: the device was on nobody by this row. `readings`: how many changed hands at once; what is stored later follows uncounted.
CREATE TABLE clinical.assignment_correction (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device         text NOT NULL REFERENCES clinical.device,
    n              integer NOT NULL,
    before_patient text REFERENCES clinical.patient,
    before_during  tstzrange,
    after_patient  text NOT NULL REFERENCES clinical.patient,
    after_during   tstzrange NOT NULL,
    author         text NOT NULL,
    at             timestamptz NOT NULL,
    readings       bigint NOT NULL,
    CHECK ((before_patient IS NULL) = (before_during IS NULL))
);
CREATE INDEX ON clinical.assignment_correction (before_patient, id DESC);
CREATE INDEX ON clinical.assignment_correction (after_patient, id DESC);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON clinical.assignment_correction
FOR EACH STATEMENT EXECUTE FUNCTION access.append_only();
