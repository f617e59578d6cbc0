-- What alarms cost and are worth, without the canary's. From each step of an alert's way to the next, the last seven days (ms).
CREATE VIEW alerting.stage_delays AS
SELECT a.priority, s.stage, count(*) AS alerts,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY s.ms) AS p50_ms, percentile_disc(0.99) WITHIN GROUP (ORDER BY s.ms) AS p99_ms
FROM alerting.alert a
CROSS JOIN LATERAL jsonb_to_record(a.body -> 'delays') AS d(
    sensor bigint, received bigint, detected bigint, raised bigint, sent bigint, delivered bigint, seen bigint, acknowledged bigint)
CROSS JOIN LATERAL (VALUES ('received', d.received - d.sensor), ('detected', d.detected - d.received), ('raised', d.raised - d.detected),
    ('sent', d.sent - d.raised), ('delivered', d.delivered - d.sent), ('seen', d.seen - d.delivered),
    ('acknowledged', d.acknowledged - d.raised)) AS s(stage, ms)
WHERE NOT a.retrospective AND a.ward <> 'vigil-canary' AND a.raised_at > now() - interval '7 days' AND s.ms IS NOT NULL
GROUP BY 1, 2;

CREATE OR REPLACE VIEW alerting.rule_precision AS
SELECT a.rule, count(*) AS alerts, count(f.useful) AS judged, count(*) FILTER (WHERE f.useful) AS useful,
       avg(f.useful::int)::double precision AS precision
FROM alerting.alert a
LEFT JOIN (SELECT alert, bool_or(useful) AS useful FROM alerting.feedback GROUP BY alert) f ON f.alert = a.id
WHERE NOT a.retrospective AND a.ward <> 'vigil-canary'
GROUP BY a.rule
ORDER BY precision NULLS LAST, alerts DESC;

CREATE OR REPLACE VIEW alerting.pages_by_ward_day AS
SELECT p.ward, date_trunc('day', to_timestamp(p.created_at / 1000.0)) AS day, count(*) AS pages, sum(p.count) AS alerts,
       count(DISTINCT a.patient) AS patients
FROM alerting.page p JOIN alerting.alert a ON a.id = p.alert
WHERE p.ward <> 'vigil-canary'
GROUP BY 1, 2;
