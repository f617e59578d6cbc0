-- Whose readings they are, when an assignment is corrected afterwards; and the vitals' names for whoever reads with SQL alone.

-- vitals.registry as a table: `vital` of a reading is its place there. Tests keep the two the same.
CREATE TABLE telemetry.vital (
    no      smallint PRIMARY KEY,
    name    text NOT NULL UNIQUE,
    unit    text NOT NULL,
    display text NOT NULL
);
INSERT INTO telemetry.vital (no, name, unit, display) VALUES
    (0, 'hr', '/min', 'Heart rate'),
    (1, 'pulse', '/min', 'Pulse rate'),
    (2, 'spo2', '%', 'SpO2'),
    (3, 'rr', '/min', 'Respiration rate'),
    (4, 'temp', 'Cel', 'Temperature'),
    (5, 'sbp', 'mm[Hg]', 'Systolic pressure'),
    (6, 'dbp', 'mm[Hg]', 'Diastolic pressure'),
    (7, 'map', 'mm[Hg]', 'Mean pressure'),
    (8, 'glucose', 'mg/dL', 'Glucose'),
    (9, 'etco2', 'mm[Hg]', 'End-tidal CO2'),
    (10, 'weight', 'kg', 'Weight'),
    (11, 'fio2', '%', 'Inspired oxygen'),
    (12, 'o2_flow', 'L/min', 'Oxygen flow'),
    (13, 'on_oxygen', '{0,1}', 'On oxygen'),
    (14, 'acvpu', '{A,C,V,P,U}', 'Consciousness');

-- Every patient that a device was ever said to be on, also where a correction has said otherwise since: readings are looked for there.
CREATE TABLE telemetry.attribution (
    device_no  integer NOT NULL,
    patient_no integer NOT NULL,
    PRIMARY KEY (device_no, patient_no)
);
CREATE FUNCTION telemetry.attributed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO telemetry.attribution SELECT d.no, p.no FROM clinical.device d, clinical.patient p WHERE d.id = NEW.device AND p.id = NEW.patient
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER attributed AFTER INSERT OR UPDATE ON clinical.assignment FOR EACH ROW EXECUTE FUNCTION telemetry.attributed();
INSERT INTO telemetry.attribution
SELECT DISTINCT d.no, p.no FROM clinical.assignment a JOIN clinical.device d ON d.id = a.device JOIN clinical.patient p ON p.id = a.patient;

-- Corrections made a short while ago: readings that a gateway had attributed before it heard of them may still come in. The archive looks again.
CREATE TABLE telemetry.attribution_todo (
    device text NOT NULL,
    since  timestamptz NOT NULL,
    until  timestamptz NOT NULL,
    at     timestamptz NOT NULL DEFAULT now()
);

-- Readings of `device` observed in [since, until) go to the patient whom the device was on by clinical.assignment as it stands now. A reading of a time at
-- which the device was on nobody keeps its row with patient_no 0, which is no patient's: none sees it, and a later correction finds it again.
-- Roll-ups of both patients follow through telemetry.rollup_todo. Says how many rows and samples changed hands, and how many of the samples are nobody's now.
CREATE FUNCTION telemetry.reattribute(device text, since timestamptz, until timestamptz, OUT readings bigint, OUT samples bigint, OUT unassigned bigint)
LANGUAGE plpgsql AS $$
DECLARE
    wanted_no integer := (SELECT no FROM clinical.device d WHERE d.id = device);
    candidates integer[] := ARRAY(SELECT patient_no FROM telemetry.attribution WHERE device_no = wanted_no) || 0;
BEGIN
    INSERT INTO telemetry.attribution_todo VALUES (device, since, coalesce(until, 'infinity'));
    SELECT * FROM telemetry.reattribute_now(wanted_no, candidates, tstzrange(since, until)) INTO readings, samples, unassigned;
END $$;

CREATE FUNCTION telemetry.reattribute_now(
    wanted_no integer, candidates integer[], span tstzrange, OUT readings bigint, OUT samples bigint, OUT unassigned bigint
) LANGUAGE sql AS $$
WITH owned AS (
    SELECT p.no, a.during FROM clinical.assignment a JOIN clinical.patient p ON p.id = a.patient JOIN clinical.device d ON d.id = a.device
    WHERE d.no = wanted_no AND a.during && span
), wrong AS MATERIALIZED (
    SELECT r.patient_no AS old_no, coalesce((SELECT o.no FROM owned o WHERE o.during @> r.observed_at), 0) AS new_no, r.vital, r.observed_at, r.seq
    FROM telemetry.reading r
    WHERE r.patient_no = ANY(candidates) AND r.vital = ANY(ARRAY(SELECT no FROM telemetry.vital)) AND r.device_no = wanted_no
        AND r.observed_at >= coalesce(lower(span), '-infinity') AND r.observed_at < coalesce(upper(span), 'infinity')
), moved AS (
    UPDATE telemetry.reading r SET patient_no = w.new_no FROM wrong w
    WHERE w.new_no <> w.old_no AND r.patient_no = w.old_no AND r.vital = w.vital AND r.observed_at = w.observed_at
        AND r.device_no = wanted_no AND r.seq = w.seq
    RETURNING w.old_no, w.new_no, r.vital, r.observed_at, r.seq
), buckets AS (
    SELECT patient_no, floor(extract(epoch FROM observed_at) / 60)::bigint AS bucket, bit_or(1 << vital) AS vitals
    FROM moved, LATERAL (VALUES (old_no), (new_no)) AS either (patient_no) WHERE patient_no > 0 GROUP BY 1, 2
), noted AS (
    INSERT INTO telemetry.rollup_todo (step, patients, buckets, vitals)
    SELECT '1m', array_agg(patient_no), array_agg(bucket), array_agg(vitals) FROM buckets HAVING count(*) > 0
)
SELECT count(*), count(DISTINCT seq), count(DISTINCT seq) FILTER (WHERE new_no = 0) FROM moved
$$;
