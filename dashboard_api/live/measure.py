"""The live feed's figures for Prometheus. In: counts. Out: `/metrics` on 127.0.0.1 when a port is given."""

from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from dashboard_api.live.feed import Feed


class Counted(Protocol):
    """What the door tells of itself."""

    connections: int
    ready: bool


class Measures:
    """One registry a process; `port` "" serves none."""

    def __init__(self, port: str = "") -> None:
        self.registry = CollectorRegistry()
        self.ready = Gauge("vigil_ready", "1 = takes work", registry=self.registry)
        self.behind = Gauge("vigil_behind_ms", "age of what is shown, ms", registry=self.registry)
        self.connections = Gauge("vigil_live_connections", "open connections", registry=self.registry)
        self.patients = Gauge("vigil_live_patients", "patients in the picture", registry=self.registry)
        self.readings = Counter("vigil_live_samples", "samples taken in", registry=self.registry)
        self.not_newest = Counter("vigil_live_not_newest", "values that were older than the one shown: history", registry=self.registry)
        self.unreadable = Counter("vigil_live_unreadable", "records that could not be decoded", registry=self.registry)
        self.dropped = Gauge(
            "vigil_live_dropped", "what a slow reader was not sent, by kind, since the start", ["kind"], registry=self.registry
        )
        if port:
            start_http_server(int(port), "127.0.0.1", registry=self.registry)

    def show(self, feed: Feed, door: Counted) -> None:
        """Copies the feed's figures into the gauges."""
        self.ready.set(1 if door.ready else 0)
        self.behind.set(feed.behind_ms)
        self.connections.set(door.connections)
        self.patients.set(len(feed.picture.rows))
        for kind in ("conflated", "waveform", "cut"):
            self.dropped.labels(kind).set(feed.dropped[kind])
