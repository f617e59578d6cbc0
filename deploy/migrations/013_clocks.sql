-- The devices' clocks as the gateways saw them: a ledger, of which the newest row of a device is in force. A row is never changed; taking a
-- correction back is a row with clock_ms 0. skew_ms: how far the device's clock is ahead of the gateways' (behind: negative, and then the
-- way's delay is in it). clock_ms: what is added to the device's own times from then on; the raw time of a reading is observed_at - clock_ms.
CREATE TABLE clinical.clock (
    device   text NOT NULL REFERENCES clinical.device,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    skew_ms  bigint NOT NULL,
    clock_ms integer NOT NULL,
    samples  integer NOT NULL,
    author   text NOT NULL,
    PRIMARY KEY (device, at)
);
CREATE TRIGGER changed AFTER INSERT ON clinical.clock FOR EACH STATEMENT EXECUTE FUNCTION clinical.changed();
