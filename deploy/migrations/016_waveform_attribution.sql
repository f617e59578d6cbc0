-- A corrected assignment takes the waveforms with it too: chunk by chunk, by the time at which each begins. A chunk that its patient has already
-- (a gateway said it again after the correction) is not kept twice. Else as before.
CREATE OR REPLACE FUNCTION telemetry.reattribute_now(
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
), curves AS MATERIALIZED (
    SELECT c.*, EXISTS (
        SELECT FROM telemetry.waveform t WHERE t.patient_no = c.new_no AND t.channel = c.channel AND t.observed_at = c.observed_at
            AND t.device_no = wanted_no AND t.seq = c.seq
    ) OR row_number() OVER (PARTITION BY c.new_no, c.channel, c.observed_at, c.seq ORDER BY c.old_no) > 1 AS there
    FROM (
        SELECT w.patient_no AS old_no, coalesce((SELECT o.no FROM owned o WHERE o.during @> w.observed_at), 0) AS new_no, w.channel, w.observed_at, w.seq
        FROM telemetry.waveform w
        WHERE w.patient_no = ANY(candidates) AND w.device_no = wanted_no
            AND w.observed_at >= coalesce(lower(span), '-infinity') AND w.observed_at < coalesce(upper(span), 'infinity')
    ) c WHERE c.new_no <> c.old_no
), curves_moved AS (
    UPDATE telemetry.waveform w SET patient_no = c.new_no FROM curves c
    WHERE NOT c.there AND w.patient_no = c.old_no AND w.channel = c.channel AND w.observed_at = c.observed_at AND w.device_no = wanted_no AND w.seq = c.seq
), curves_twice AS (
    DELETE FROM telemetry.waveform w USING curves c
    WHERE c.there AND w.patient_no = c.old_no AND w.channel = c.channel AND w.observed_at = c.observed_at AND w.device_no = wanted_no AND w.seq = c.seq
)
SELECT count(*), count(DISTINCT seq), count(DISTINCT seq) FILTER (WHERE new_no = 0) FROM moved
$$;
