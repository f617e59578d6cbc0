-- Logging in: accounts that an OpenID provider vouches for, second factors, and what a session may at most.
ALTER TABLE access.account
    ADD COLUMN issuer  text,    -- with `subject`: who this is at the OpenID provider
    ADD COLUMN subject text,
    ADD COLUMN jwks    jsonb,   -- role integration: the public keys of its client assertions (RFC 7523)
    ADD CONSTRAINT account_of_provider UNIQUE (issuer, subject),
    ADD CONSTRAINT account_provider_whole CHECK ((issuer IS NULL) = (subject IS NULL));

-- NULL: all that the account may; else at most what these name.
ALTER TABLE access.session ADD COLUMN scopes text[];

-- The shared secret of a time-based code (RFC 6238), sealed with the site's key. Counts once it is confirmed; a step is good once.
CREATE TABLE access.second_factor (
    username     text PRIMARY KEY REFERENCES access.account,
    secret       bytea NOT NULL,
    confirmed_at timestamptz,
    last_step    bigint NOT NULL DEFAULT 0
);

-- One-time codes for who lost the device; what is stored is a digest.
CREATE TABLE access.recovery_code (
    username text NOT NULL REFERENCES access.account,
    digest   bytea NOT NULL,
    used_at  timestamptz,
    PRIMARY KEY (username, digest)
);

-- How a log-in at the provider comes back to the page: good once, for a minute.
CREATE TABLE access.login_code (
    digest     bytea PRIMARY KEY,
    username   text NOT NULL REFERENCES access.account,
    expires_at timestamptz NOT NULL
);

-- Client assertions that were used: each is good once.
CREATE TABLE access.assertion (
    username   text NOT NULL REFERENCES access.account,
    jti        text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (username, jti)
);
