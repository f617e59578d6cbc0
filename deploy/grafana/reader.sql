-- Once, as the database's owner: an account for Grafana that reads what its dashboards need and nothing that names a person.
-- Afterwards: ALTER ROLE vigil_grafana PASSWORD '...';
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vigil_grafana') THEN
        CREATE ROLE vigil_grafana LOGIN CONNECTION LIMIT 8;
    END IF;
END $$;
ALTER ROLE vigil_grafana SET default_transaction_read_only = on;
ALTER ROLE vigil_grafana SET statement_timeout = '10s';
GRANT USAGE ON SCHEMA clinical, telemetry, alerting TO vigil_grafana;
GRANT SELECT ON clinical.ward, clinical.patient, clinical.device TO vigil_grafana;
GRANT SELECT ON telemetry.reading, telemetry.rollup_1m, telemetry.rollup_1h, telemetry.vital, telemetry.link, telemetry.progress TO vigil_grafana;
GRANT SELECT (id, reason, detail, door, source, device, seq, vital, observed_at, first_at, last_at, times, state) ON telemetry.refusal TO vigil_grafana;
GRANT SELECT ON alerting.alert TO vigil_grafana;
