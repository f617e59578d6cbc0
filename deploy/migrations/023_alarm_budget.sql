-- Was it useful? By rule, worst first. `precision` over the alerts that somebody judged; null where nobody did.
CREATE VIEW alerting.rule_precision AS
SELECT a.rule, count(*) AS alerts, count(f.useful) AS judged, count(*) FILTER (WHERE f.useful) AS useful,
       avg(f.useful::int)::double precision AS precision
FROM alerting.alert a
LEFT JOIN (SELECT alert, bool_or(useful) AS useful FROM alerting.feedback GROUP BY alert) f ON f.alert = a.id
WHERE NOT a.retrospective
GROUP BY a.rule
ORDER BY precision NULLS LAST, alerts DESC;

-- The budget as it is spent: pages by ward and day, against the patients in the ward.
CREATE VIEW alerting.pages_by_ward_day AS
SELECT p.ward, date_trunc('day', to_timestamp(p.created_at / 1000.0)) AS day, count(*) AS pages, sum(p.count) AS alerts,
       count(DISTINCT a.patient) AS patients
FROM alerting.page p JOIN alerting.alert a ON a.id = p.alert
GROUP BY 1, 2;
