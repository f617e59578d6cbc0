"""The archive's environment. Read by `streams.archive_app` alone."""

from dataclasses import dataclass

from streams.archive.timescale_retention import Terms
from vitals.settings import Secret, positive_int, seconds, setting


def whole(text: str) -> int:
    """A whole number, 0 included."""
    if not text.isascii() or not text.isdigit():
        raise ValueError("expected a whole number")
    return int(text)


@dataclass(frozen=True)
class Settings:
    """The archive's environment."""

    kafka: str = setting("VIGIL_KAFKA", str, "bootstrap host:port")
    database: str = setting("VIGIL_DATABASE", Secret, "postgresql://...")
    prefix: str = setting("VIGIL_TOPIC_PREFIX", str, "first part of the topics' names", "vitals")
    instance: str = setting("VIGIL_INSTANCE", str, "tells workers of one group apart; stable over restarts", "0")
    bind: str = setting("VIGIL_METRICS_BIND", str, "address of the metrics port", "127.0.0.1")
    metrics_port: int = setting("VIGIL_METRICS_PORT", whole, "Prometheus port, 0 = none", "0")
    patience_s: float = setting("VIGIL_GROUP_S", seconds, "seconds outside Kafka's group before the worker ends", "30")
    rollup_s: int = setting("VIGIL_ROLLUP_S", positive_int, "seconds between roll-ups", "10")
    raw_days: int = setting("VIGIL_RETAIN_RAW_DAYS", whole, "days that readings are kept, 0 = for ever", "0")
    minute_days: int = setting("VIGIL_RETAIN_1M_DAYS", whole, "days that 1-minute roll-ups are kept, 0 = for ever", "0")
    hour_days: int = setting("VIGIL_RETAIN_1H_DAYS", whole, "days that 1-hour roll-ups are kept, 0 = for ever", "0")
    waveform_days: int = setting("VIGIL_RETAIN_WAVEFORM_DAYS", whole, "days that waveforms are kept, 0 = for ever", "2")
    compress_days: int = setting("VIGIL_COMPRESS_DAYS", whole, "age at which the community edition compresses readings, 0 = never", "7")
    most_mb: int = setting("VIGIL_ARCHIVE_MOST_MB", positive_int, "megabytes of records that may wait in memory for each topic", "32")

    @property
    def terms(self) -> Terms:
        """What is kept how long."""
        return Terms(self.raw_days, self.minute_days, self.hour_days, self.waveform_days, self.compress_days)
