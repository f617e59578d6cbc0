-- What a changed rule set would have raised over stored history: asked over HTTP, answered by streams' own code.
CREATE TABLE clinical.rehearsal (
    id       text PRIMARY KEY,
    author   text NOT NULL,
    at       timestamptz NOT NULL,
    since    timestamptz NOT NULL,
    until    timestamptz NOT NULL CHECK (until > since),
    rules    bytea NOT NULL,
    state    text NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    result   jsonb,
    problem  text NOT NULL DEFAULT '',
    ended_at timestamptz
);
CREATE INDEX ON clinical.rehearsal (at DESC, id);
