-- A pager that keeps incidents of its own is told when somebody answered and when it is over: `about` is the page that opened it there.
ALTER TABLE alerting.page ADD COLUMN about text NOT NULL DEFAULT '';

CREATE OR REPLACE VIEW alerting.pages_by_ward_day AS
SELECT p.ward, date_trunc('day', to_timestamp(p.created_at / 1000.0)) AS day, count(*) AS pages, sum(p.count) AS alerts,
       count(DISTINCT a.patient) AS patients
FROM alerting.page p JOIN alerting.alert a ON a.id = p.alert
WHERE p.ward <> 'vigil-canary' AND p.about = ''
GROUP BY 1, 2;
