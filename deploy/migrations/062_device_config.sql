-- What a device is told to do, as it is retained on its config topic. Written by dashboard_api only. Null: as the device likes.
CREATE TABLE clinical.device_config (
    device    text PRIMARY KEY REFERENCES clinical.device,
    version   integer NOT NULL,
    every_s   double precision CHECK (every_s BETWEEN 0.2 AND 3600),
    waveforms boolean,
    author    text NOT NULL,
    at        timestamptz NOT NULL
);
