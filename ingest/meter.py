"""The gateway's Prometheus metrics. In: what became of each flush. Out: counters and gauges; labels are fixed small sets."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from ingest.conditions import BABBLING
from ingest.translate import Translated
from vitals.refusal import Reason


class Meter:
    """One registry of its own, so that several may live in one process (tests)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.ready = Gauge("vigil_ready", "1 = takes work", registry=r)
        self.behind = Gauge("vigil_behind_ms", "age of the oldest live message that is not durable yet", registry=r)
        self.backlog = Gauge("vigil_ingest_backlog", "messages of devices' backlogs in hand, which wait for what is live", registry=r)
        self.messages = Counter("vigil_ingest_messages", "messages taken from the broker", registry=r)
        self.samples = Counter("vigil_ingest_samples", "samples made durable", registry=r)
        self.refused = Counter("vigil_ingest_refused", "refusals made durable", ["reason"], registry=r)
        self.repeated = Counter("vigil_ingest_repeated", "samples that the broker delivered again and that were taken before", registry=r)
        self.unheard = Counter("vigil_ingest_notices_dropped", "refusals that their device could not be told", registry=r)
        self.waiting = Gauge("vigil_ingest_waiting", "messages that wait for a newer directory", registry=r)
        self.throttled = Gauge("vigil_ingest_throttled", "messages that wait because their device is over its quota", registry=r)
        self.babbling = Counter("vigil_ingest_babbling", "times that a device went over its quota", registry=r)
        self.overdue = Gauge("vigil_ingest_overdue", "messages decided by an old directory because too many waited", registry=r)
        self.unexpected = Gauge("vigil_ingest_unexpected", "times that translating failed by a defect of ours", registry=r)
        self.forgotten = Gauge("vigil_ingest_forgotten_intervals", "intervals of sample numbers that memory let go", registry=r)
        self.strangers = Counter("vigil_mllp_turned_away", "HL7 connections from where nobody may speak", registry=r)
        self._by_reason = {reason: self.refused.labels(reason.value) for reason in Reason}

    def durable(self, found: Translated) -> None:
        """Counts a flush that is durable."""
        self.samples.inc(found.samples)
        self.repeated.inc(found.repeated)
        self.babbling.inc(sum(f.rule == BABBLING and f.phase == "start" for f in found.findings))
        for r in found.refused:
            self._by_reason[r.refusal.reason].inc()
