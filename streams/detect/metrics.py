"""The detecting worker's Prometheus metrics, in a registry of their own; labels have a fixed, small set of values."""

from functools import partial

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client import Counter as _Counter
from prometheus_client import Gauge as _Gauge

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
Counter, Gauge = partial(_Counter, registry=REGISTRY), partial(_Gauge, registry=REGISTRY)

READY = Gauge("vigil_ready", "1 = takes work")
BEHIND = Gauge("vigil_behind_ms", "ms between now and the newest reading folded, 0 when nothing waits")
READINGS = Counter("vigil_detect_readings", "readings folded in")
FINDINGS = Counter("vigil_detect_findings", "findings told", ["rule", "phase"])
SCORES = Counter("vigil_detect_scores", "score updates told")
NOT_FOLDED = Counter("vigil_detect_not_folded", "samples or readings not folded in", ["reason"])
ORDER = Counter("vigil_detect_waited", "gaps in a device's numbers that were waited for, or could not be, by how it ended", ["outcome"])
JUDGED = Counter("vigil_detect_judged", "patients of whom a sample went on too late, by what came of it", ["outcome"])
WAITING = Gauge(
    "vigil_detect_waiting", "samples that wait for one that is missing before them, or for another device of their patient", ["partition"]
)
REFUSED = Counter("vigil_detect_refused", "records refused whole")
GAPS = Counter("vigil_detect_gaps", "holes in the offsets that were read again")
LOST = Counter("vigil_detect_lost", "records that Kafka had deleted before they were read")
CHECKPOINTS = Counter("vigil_detect_checkpoints", "checkpoints", ["outcome"])
CONTEXT = Counter("vigil_detect_context", "context records taken up or refused", ["topic", "outcome"])
TICKS_FAILED = Counter("vigil_detect_ticks_failed", "times that a partition could not fold time in")
