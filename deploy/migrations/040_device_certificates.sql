-- Certificates that the site's device authority signed. Written by dashboard_api only; what is revoked here is on the broker's list.
CREATE TABLE clinical.device_certificate (
    serial     text PRIMARY KEY,              -- hexadecimal
    device     text NOT NULL REFERENCES clinical.device,
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX ON clinical.device_certificate (device);
