-- What was known at a time: an alert's events up to it, laid over one another (alerts.case.rebuild says the same in Python).
CREATE AGGREGATE alerting.laid(jsonb) (SFUNC = jsonb_concat, STYPE = jsonb, INITCOND = '{}');

CREATE FUNCTION alerting.as_of(which text, moment timestamptz) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT nullif(alerting.laid(coalesce(body #> '{set,alert}', '{}') ORDER BY version), '{}')
    FROM alerting.event WHERE alert = which AND at <= moment
$$;

CREATE FUNCTION alerting.patient_as_of(whose text, moment timestamptz) RETURNS SETOF jsonb LANGUAGE sql STABLE AS $$
    SELECT known FROM (SELECT alerting.as_of(id, moment) AS known FROM alerting.alert WHERE patient = whose ORDER BY raised_at, id) a
    WHERE known IS NOT NULL
$$;
