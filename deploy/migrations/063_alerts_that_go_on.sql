-- What closed by itself lately, of one patient: a condition that began before that was known may go on in it (alerts/same.py).
CREATE INDEX alert_over ON alerting.alert (patient, ended_at) WHERE state = 'closed';
