-- Failed log-ins of a name by what is counted: `from ADDRESS` (wrong passwords from there), `name` (from anywhere), `code` (wrong codes
-- after the right password). What was counted before begins anew.
DELETE FROM access.login_failure;
ALTER TABLE access.login_failure ADD COLUMN counted text NOT NULL, DROP CONSTRAINT login_failure_pkey, ADD PRIMARY KEY (username, counted);
