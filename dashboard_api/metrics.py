"""Prometheus metrics of the HTTP process. No label carries a person, a patient or a device."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """A registry of its own, so that two sites in one process do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("vigil_http_requests_total", "Answers", ["action", "status"], registry=self.registry)
        self.seconds = Histogram("vigil_http_seconds", "Time to answer", ["action"], buckets=_SECONDS, registry=self.registry)
        self.denied = Counter("vigil_http_denied_total", "Requests not let through", ["reason"], registry=self.registry)
        self.logins = Counter("vigil_http_logins_total", "Log-ins", ["outcome"], registry=self.registry)
        self.published = Counter("vigil_http_published_total", "Records given to Kafka", ["topic", "outcome"], registry=self.registry)
        self.broken_glass = Counter("vigil_break_glass_total", "Glass broken", registry=self.registry)
        self.ready = Gauge("vigil_ready", "1: takes work", registry=self.registry)
        self.behind = Gauge("vigil_behind_ms", "Age of the oldest patient context that Kafka has not", registry=self.registry)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
