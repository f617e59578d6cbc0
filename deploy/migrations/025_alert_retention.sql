-- Closed alerts may be forgotten whole, a partition's oldest first and a few at a time; nothing else ever leaves the log of events.
CREATE INDEX alert_closed ON alerting.alert (partition, closed_at) WHERE state = 'closed';
CREATE INDEX ON alerting.finding (alert);
CREATE INDEX ON alerting.command (alert);

CREATE OR REPLACE FUNCTION alerting.append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('alerting.forgetting', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;

-- How many were forgotten. The lock is the one under which alerts writes the partition (alerts/timescale.py).
CREATE FUNCTION alerting.forget(which integer, before timestamptz, most integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    gone text[];
BEGIN
    PERFORM pg_advisory_xact_lock(20, which);
    SELECT array_agg(id) INTO gone FROM (
        SELECT id FROM alerting.alert WHERE partition = which AND state = 'closed' AND closed_at < before ORDER BY closed_at LIMIT most
    ) old;
    IF gone IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM set_config('alerting.forgetting', 'on', true);
    DELETE FROM alerting.event WHERE alert = ANY (gone);
    PERFORM set_config('alerting.forgetting', 'off', true);
    DELETE FROM alerting.link_use WHERE page IN (SELECT id FROM alerting.page WHERE alert = ANY (gone));
    DELETE FROM alerting.page WHERE alert = ANY (gone);
    DELETE FROM alerting.finding WHERE alert = ANY (gone);
    DELETE FROM alerting.command WHERE alert = ANY (gone);
    DELETE FROM alerting.feedback WHERE alert = ANY (gone);
    DELETE FROM alerting.alert WHERE id = ANY (gone);
    RETURN cardinality(gone);
END $$;
