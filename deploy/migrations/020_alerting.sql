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
    started_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    raised_at    timestamptz NOT NULL,
    closed_at    timestamptz,
    retrospective boolean NOT NULL DEFAULT false,
    body         jsonb NOT NULL            -- the whole vitals.alert.Alert
);
CREATE INDEX ON alerting.alert (raised_at DESC, id);
CREATE INDEX ON alerting.alert (patient, raised_at DESC);
CREATE INDEX ON alerting.alert (ward, state);

CREATE TABLE alerting.event (
    alert   text NOT NULL,
    version integer NOT NULL,
    at      timestamptz NOT NULL,
    kind    text NOT NULL,                 -- raised, updated, returned, acknowledged, commented, paged, suppressed, ...
    actor   text,
    cause   text,                          -- the finding's or the command's identity
    body    jsonb NOT NULL,
    PRIMARY KEY (alert, version)
);
CREATE UNIQUE INDEX event_cause ON alerting.event (alert, cause) WHERE cause IS NOT NULL;

CREATE FUNCTION alerting.append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON alerting.event FOR EACH ROW EXECUTE FUNCTION alerting.append_only();

-- The answer to a command, for whoever waits for it (NOTIFY vigil_command carries its id).
CREATE TABLE alerting.command (
    id       text PRIMARY KEY,
    alert    text NOT NULL,
    accepted boolean NOT NULL,
    reason   text NOT NULL DEFAULT '',
    at       timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE alerting.progress (
    topic       text NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (topic, partition)
);
