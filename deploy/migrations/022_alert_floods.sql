-- What a page speaks for: its cause (a gateway's loss is one, whatever devices it had) and how many alerts.
ALTER TABLE alerting.page ADD COLUMN cause text NOT NULL DEFAULT '', ADD COLUMN count integer NOT NULL DEFAULT 1;
CREATE INDEX ON alerting.page (created_at);
CREATE INDEX page_cause ON alerting.page (cause, created_at) WHERE cause <> '';
