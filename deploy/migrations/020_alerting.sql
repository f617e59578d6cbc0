-- Alerts: an append-only log of events, the current state as a projection of it. Written by alerts only.
CREATE SCHEMA alerting;

CREATE TABLE alerting.alert (
    id           text PRIMARY KEY,
    version      integer NOT NULL,
    patient      text NOT NULL,
    ward         text NOT NULL,
    class        text NOT NULL,
    priority     text NOT NULL,
    state        text NOT NULL,
    rule         text NOT NULL,
    subject      text NOT NULL DEFAULT '',
    started_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    raised_at    timestamptz NOT NULL,
    closed_at    timestamptz,
    retrospective boolean NOT NULL DEFAULT false,
    partition    integer NOT NULL,
    due_at       bigint,                   -- ms: when time itself changes it next
    body         jsonb NOT NULL,           -- the whole vitals.alert.Alert
    memory       jsonb NOT NULL            -- alerts.case.Memory
);
CREATE INDEX ON alerting.alert (raised_at DESC, id);
CREATE INDEX ON alerting.alert (patient, raised_at DESC);
CREATE INDEX ON alerting.alert (ward, state);
CREATE INDEX alert_open ON alerting.alert (patient) WHERE state <> 'closed';
CREATE INDEX alert_due ON alerting.alert (partition, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE alerting.event (
    alert   text NOT NULL,
    version integer NOT NULL,
    at      timestamptz NOT NULL,
    kind    text NOT NULL,                 -- raised, updated, returned, acknowledged, commented, paged, suppressed, ...
    actor   text,
    cause   text,                          -- the finding's, the command's, the page's identity
    body    jsonb NOT NULL,                -- {"set": {"alert": {...}, "memory": {...}}, "reason": ..., "stages": [[stage, reason], ...]}
    PRIMARY KEY (alert, version)
);
CREATE UNIQUE INDEX event_cause ON alerting.event (cause) WHERE cause IS NOT NULL;

CREATE FUNCTION alerting.append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON alerting.event FOR EACH ROW EXECUTE FUNCTION alerting.append_only();

-- Which alert a finding belongs to: the one it raised, or the open one that it was deduplicated into.
CREATE TABLE alerting.finding (
    id    text PRIMARY KEY,
    alert text NOT NULL
);

-- The answer to a command, for whoever waits for it (NOTIFY vigil_command carries its id).
CREATE TABLE alerting.command (
    id       text PRIMARY KEY,
    alert    text NOT NULL,
    accepted boolean NOT NULL,
    reason   text NOT NULL DEFAULT '',
    at       timestamptz NOT NULL DEFAULT now()
);

-- How far each partition is in the database; its row is locked while a batch of it is written, so two owners never cross.
CREATE TABLE alerting.progress (
    topic       text NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (topic, partition)
);

-- What is still to be said on `vitals.alerts`, in order of n within a partition; deleted once Kafka has it.
CREATE TABLE alerting.outbox (
    n         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partition integer NOT NULL,
    patient   text NOT NULL,
    body      bytea NOT NULL,
    trace     bytea
);
CREATE INDEX ON alerting.outbox (partition, n);

-- Pages: the notifications' outbox. `id` is the idempotency key. A lease keeps two senders off one page; a dead sender's runs out.
CREATE TABLE alerting.page (
    id           text PRIMARY KEY,
    alert        text NOT NULL,
    partition    integer NOT NULL,
    kind         text NOT NULL,            -- why it pages: raised, worse, escalated, overdue, ...
    ward         text NOT NULL,
    bed          text NOT NULL DEFAULT '',
    priority     text NOT NULL,
    person       text NOT NULL DEFAULT '',
    channel      text NOT NULL,            -- webhook, smtp, apprise, pagerduty, opsgenie
    address      text NOT NULL DEFAULT '',
    fallback     jsonb NOT NULL DEFAULT '[]', -- [[channel, address], ...] to try where this one gives no receipt
    state        text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed', 'cancelled')),
    attempts     integer NOT NULL DEFAULT 0,
    created_at   bigint NOT NULL,          -- ms, as all times here
    next_at      bigint NOT NULL,
    expires_at   bigint NOT NULL,
    leased_by    text,
    leased_until bigint,
    sent_at      bigint,
    delivered_at bigint,
    seen_at      bigint,
    error        text NOT NULL DEFAULT '',
    told         boolean NOT NULL DEFAULT false -- the alert's timeline knows of the outcome
);
CREATE INDEX page_waiting ON alerting.page (next_at) WHERE state = 'waiting';
CREATE INDEX page_untold ON alerting.page (partition) WHERE state <> 'waiting' AND NOT told;
CREATE INDEX ON alerting.page (alert);
CREATE INDEX ON alerting.page (ward, created_at);

-- Procedures and maintenance: nothing of this patient (or ward) pages until then, but for high alerts.
CREATE TABLE alerting.pause (
    id      text PRIMARY KEY,
    patient text,
    ward    text,
    until   bigint NOT NULL,
    reason  text NOT NULL,
    author  text NOT NULL,
    at      timestamptz NOT NULL DEFAULT now(),
    CHECK (num_nonnulls(patient, ward) = 1)
);
