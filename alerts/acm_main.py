"""`python -m alerts.acm_main`: alarms out to a hospital's alarm manager by IHE ACM over MLLP.

In: `vitals.alerts`. Out: one ORU^R40 a change of state, in order. Promise: Kafka's offset is committed after the receiver's answer; what
it refuses (AE, AR) is counted and not said again; while it does not answer nothing is skipped; of the canary nothing is said. After a
restart the first change of an alert that is open is said as an update.
"""

import logging
import os
import random
import signal
import sys
import threading
import time
from dataclasses import dataclass, field

import msgspec
from prometheus_client import Counter, Gauge, start_http_server

from alerts import acm
from alerts.backoff import pause
from alerts.kafka import Intake, Partitions
from alerts.mllp import Line
from vitals import canary
from vitals.alert import Alert
from vitals.errors import PartAway
from vitals.settings import port, read, setting
from vitals.topics import Topics

LOG = logging.getLogger("acm")
SAID = Counter("vigil_acm_messages_total", "ACM messages by the receiver's answer", ["answer"])
REFUSED = Counter("vigil_alerts_refused_total", "records that could not be used", ["reason"])
READY = Gauge("vigil_ready", "1 = the receiver answers, or was not asked yet")


def receiver(text: str) -> tuple[str, int]:
    """Parses host:port."""
    host, _, number = text.rpartition(":")
    if not host:
        raise ValueError("expected host:port")
    return host, port(number)


@dataclass(frozen=True, slots=True)
class AcmSettings:
    """The alarm sender's environment."""

    kafka: str = setting("VIGIL_KAFKA", str, "bootstrap host:port")
    to: tuple[str, int] = setting("VIGIL_ACM", receiver, "host:port of the alarm manager (MLLP)")
    prefix: str = setting("VIGIL_TOPIC_PREFIX", str, "what the topics' names begin with", "vitals")
    metrics: int | None = setting("VIGIL_METRICS_PORT", lambda t: port(t) if t else None, "port of the metrics", "")


@dataclass(slots=True)
class Teller:
    """Says each change; remembers what was said of the alerts that are open."""

    line: Line
    stop: threading.Event
    told: dict[str, acm.Said] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)

    def take(self, alert: Alert) -> None:
        """One record; returns when the receiver has answered, or this process is to stop (raises PartAway)."""
        if alert.ward == canary.WARD or alert.retrospective or alert.version <= self.versions.get(alert.id, 0):
            return
        before = self.told.get(alert.id)
        if before is None and alert.version > 1:
            event: str | None = "end" if alert.state in ("returned", "closed") else "update"
        else:
            event = acm.phase(alert, before)
        if event is not None:
            self._say(acm.message(alert, event, wall()))
        self._remember(alert)

    def _remember(self, alert: Alert) -> None:
        if alert.state == "closed":
            self.told.pop(alert.id, None)
            self.versions.pop(alert.id, None)
        else:
            self.told[alert.id], self.versions[alert.id] = acm.said(alert), alert.version

    def _say(self, message: str) -> None:
        attempt = 0
        while True:
            try:
                answer = self.line.say(message)
                SAID.labels(answer).inc()
                READY.set(1)
                return
            except PartAway as error:
                attempt += 1
                READY.set(0)
                LOG.warning("event=receiver_away error=%r attempt=%d", str(error), attempt)
                if self.stop.wait(pause(attempt, random.random()) / 1000):
                    raise


def wall() -> int:
    """ms since 1970."""
    return time.time_ns() // 1_000_000


def main() -> int:
    """Runs until told to stop."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="level=%(levelname)s logger=%(name)s %(message)s")
    settings, stop = read(AcmSettings, os.environ), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if settings.metrics is not None:
        start_http_server(settings.metrics, "127.0.0.1")
    READY.set(1)
    intake = Intake(settings.kafka, f"{settings.prefix}-acm", "", (Topics(settings.prefix).alerts,), _lost)
    try:
        run(intake, Teller(Line(*settings.to), stop))
    except PartAway:
        LOG.info("event=stopped_unsaid")
    intake.close()
    return 0


def run(intake: Intake, teller: Teller) -> None:
    """Takes record after record."""
    decoder = msgspec.json.Decoder(Alert)
    while not teller.stop.is_set():
        for raw in intake.read(100, 0.2):
            try:
                teller.take(decoder.decode(raw.value))
            except msgspec.DecodeError:
                REFUSED.labels("malformed").inc()
            intake.commit({(raw.topic, raw.partition): raw.offset + 1})


def _lost(partitions: Partitions) -> None:
    LOG.info("event=partitions_lost count=%d", len(partitions))


if __name__ == "__main__":
    sys.exit(main())
