-- Who is called: written by dashboard_api (people, schedules, overrides, ladders, handovers), read by alerts. Times bigint: ms since 1970 UTC.
CREATE SCHEMA oncall;

-- `name`: an account's user name. `contacts`: [[channel, address], ...], best first; channels as in alerting.page.
CREATE TABLE oncall.person (
    name     text PRIMARY KEY,
    contacts jsonb NOT NULL DEFAULT '[]'
);

-- `layers`: [vitals.rota.Rotation, ...], the last that has somebody answers.
CREATE TABLE oncall.schedule (
    id         text PRIMARY KEY,
    ward       text,
    zone       text NOT NULL,
    layers     jsonb NOT NULL DEFAULT '[]',
    author     text NOT NULL DEFAULT '',
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Swaps and holidays: these people and nobody else while it lasts; the later one wins. No people: deliberately nobody.
CREATE TABLE oncall.override (
    n          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schedule   text NOT NULL REFERENCES oncall.schedule ON DELETE CASCADE,
    start_at   bigint NOT NULL,
    end_at     bigint NOT NULL CHECK (end_at > start_at),
    people     text[] NOT NULL,
    reason     text NOT NULL DEFAULT '',
    author     text NOT NULL,
    at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON oncall.override (schedule, end_at);

-- `rungs`: [vitals.ladder.Rung, ...]. A ward's own ladder goes before one of any ward (NULL).
CREATE TABLE oncall.ladder (
    id         text PRIMARY KEY,
    ward       text,
    priorities text[] NOT NULL CHECK (priorities <@ ARRAY['high', 'medium', 'low']),
    rungs      jsonb NOT NULL,
    author     text NOT NULL DEFAULT '',
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- A sheet made at the end of a shift. Accepting it (accepted_by, accepted_at, until: the end of the shift) moves the schedule's pager.
CREATE TABLE oncall.handover (
    id          text PRIMARY KEY,
    ward        text NOT NULL,
    schedule    text REFERENCES oncall.schedule ON DELETE SET NULL,
    given_by    text NOT NULL,
    made_at     bigint NOT NULL,
    sheet       jsonb NOT NULL,
    accepted_by text,
    accepted_at bigint,
    until       bigint,
    CHECK (num_nonnulls(accepted_by, accepted_at, until) IN (0, 3))
);
CREATE INDEX ON oncall.handover (ward, made_at DESC);

-- "Nobody is on call then": kept up to date by alerts for the coming days.
CREATE TABLE oncall.gap (
    schedule   text NOT NULL,
    start_at   bigint NOT NULL,
    end_at     bigint NOT NULL,
    noticed_at bigint NOT NULL,
    PRIMARY KEY (schedule, start_at)
);

-- One-time links of pages that were used (vitals.pagelink): each at most once.
CREATE TABLE alerting.link_use (
    page    text PRIMARY KEY,
    used_at timestamptz NOT NULL DEFAULT now(),
    action  text NOT NULL,
    actor   text NOT NULL DEFAULT ''
);

-- Was it useful? Asked at closing; precision by rule comes of it.
CREATE TABLE alerting.feedback (
    alert  text NOT NULL,
    actor  text NOT NULL,
    rule   text NOT NULL,
    useful boolean NOT NULL,
    at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (alert, actor)
);
CREATE INDEX ON alerting.feedback (rule);
