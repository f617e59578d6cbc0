"""`python -m ingest.gateway_main [--leave]`: the MQTT gateway process. Several may run side by side, each with its own VIGIL_GATEWAY.

In: MQTT, the directory. Out: `readings`, `refused`, `links`, `waveforms`; refusals to the devices. Promise: ARCHITECTURE.md, Processes. On
SIGTERM or SIGINT it stops reading, makes what is in hand durable, acknowledges it and goes; its session waits at the broker. With
`--leave` it goes for good: it takes what its session still holds, makes that durable, and takes the session off the broker (docs/adr/041);
stopped before that is done it leaves the session, to be asked to leave again.
"""

import gc
import os
import random
import signal
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass

from prometheus_client import start_http_server

from ingest.gateway import FLUSH_MESSAGES, Flush, Gateway
from ingest.kafka import Kafka
from ingest.meter import Meter
from ingest.mqtt import Clocks, Mqtt
from ingest.notice import Notices
from ingest.quota_settings import QuotaSettings
from ingest.records import ENTROPY, Wiring, records
from ingest.timescale import Timescale
from vitals.errors import PartAway, SettingError
from vitals.settings import Broker, Secret, broker, port, read, setting
from vitals.topics import Topics

IDLE_S, BUSY_S = 0.05, 0.002
READS = 64
"""At most so many looks at the socket between two flushes."""
LAST_FLUSH_S = 20.0
SILENCE_S = 2.0
"""A session that is leaving and has given nothing for that long is empty."""


def _optional_port(text: str) -> int | None:
    return port(text) if text else None


@dataclass(frozen=True, slots=True)
class Settings(QuotaSettings):
    """The gateway's environment."""

    kafka: str = setting("VIGIL_KAFKA", str, "Kafka's bootstrap host:port")
    database: Secret = setting("VIGIL_DATABASE", Secret, "postgresql://... of the directory")
    mqtt: Broker = setting("VIGIL_MQTT", broker, "mqtt[s]://user:password@host:port of the gateway's account")
    mqtt_ca: str = setting("VIGIL_MQTT_CA", str, "file of the CA that signed the broker's certificate (mqtts only)", "")
    prefix: str = setting("VIGIL_TOPIC_PREFIX", str, "the topics' prefix", "vitals")
    gateway: str = setting(
        "VIGIL_GATEWAY", str, "this gateway's name at the broker; each one beside another needs its own", "vigil-gateway-1"
    )
    metrics_port: int | None = setting("VIGIL_METRICS_PORT", _optional_port, "port of /metrics on 127.0.0.1; none when unset", "")


def now() -> int:
    """ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


def log(line: str) -> None:
    """One line an event, key=value."""
    sys.stderr.write(f"process=gateway {line}\n")


class Process:
    """The parts wired together, and the loop that turns them. One thread; the directory has its own."""

    def __init__(self, settings: Settings, stop: threading.Event, leaving: bool = False) -> None:
        self._stop, self._topics, self._meter = stop, Topics(settings.prefix), Meter()
        if settings.metrics_port is not None:
            start_http_server(settings.metrics_port, "127.0.0.1", self._meter.registry)
        self._gateway, self._clocks = Gateway(settings.limits, settings.gateway), Clocks(now, time.monotonic)
        self._kafka = Kafka(settings.kafka, log)
        self._mqtt = Mqtt(settings.mqtt, settings.gateway, settings.mqtt_ca or None, self._clocks, log, leaving)
        self._notices = Notices(self._mqtt.tell)
        self._leaving, self._heard_at, self._drained = leaving, time.monotonic(), False
        self._wiring, self._directory = self._found_kafka(settings)
        self._since: deque[int] = deque()

    def run(self) -> None:
        """Until told to stop. Raises PartAway when Kafka's producer can never go on."""
        self._directory.start()
        while self._directory.current is None and not self._stop.wait(IDLE_S):
            pass
        gc.collect()
        gc.freeze()  # what is there now stays: the collector need not look at it again
        while not self._stop.is_set():
            self._turn()
            if self._leaving and self._silent():
                self._drained = True
                break
        self._leave()

    def _turn(self) -> None:
        busy = self._kafka.in_flight or self._gateway.pending or self._notices
        self._read(BUSY_S if busy else IDLE_S)
        directory = self._directory.current
        if directory is not None and self._gateway.due(now(), directory):
            self._flush()
        self._kafka.serve()
        self._notices.some()
        self._show()

    def _read(self, timeout: float) -> None:
        """What the broker has now; reads on past a backlog, for what is live stands behind it."""
        for _ in range(READS):
            before = self._gateway.backlog
            messages = self._mqtt.turn(timeout, reading=not self._gateway.full)
            if messages or not self._mqtt.ready:
                self._heard_at = time.monotonic()
            self._gateway.receive(messages)
            self._meter.messages.inc(len(messages))
            if self._gateway.backlog == before or self._gateway.live >= FLUSH_MESSAGES:
                return
            timeout = 0.0

    def _silent(self) -> bool:
        return self._gateway.empty and not self._kafka.in_flight and time.monotonic() - self._heard_at > SILENCE_S

    def _flush(self) -> None:
        directory = self._directory.current
        if directory is None:
            return
        self._since.append(self._gateway.oldest() or now())
        flush = self._gateway.flush(directory, now(), self._mqtt.kept.catching_up)
        if flush.found.undecided:
            self._directory.ask()
        if flush.found.clocks:
            self._directory.note(flush.found.clocks)
        self._kafka.send(records(flush.found, self._wiring, random.randbytes(ENTROPY)), lambda: self._durable(flush))

    def _durable(self, flush: Flush) -> None:
        self._since.popleft()
        self._mqtt.acknowledge(flush.mids)
        self._gateway.settled(flush)
        self._meter.durable(flush.found)
        self._notices.add(flush.found.refused)

    def _show(self) -> None:
        oldest = self._since[0] if self._since else self._gateway.oldest()
        self._meter.behind.set(max(0, now() - oldest) if oldest is not None else 0)
        self._meter.unheard.inc(self._notices.dropped)
        self._notices.dropped = 0
        self._meter.ready.set(1 if self._mqtt.ready else 0)
        self._meter.waiting.set(self._gateway.waiting)
        self._meter.backlog.set(self._gateway.backlog)
        self._meter.throttled.set(self._gateway.quota.waiting)
        self._meter.overdue.set(self._gateway.overdue)
        self._meter.unexpected.set(self._gateway.unexpected)
        self._meter.forgotten.set(self._gateway.seen.forgotten)

    def _leave(self) -> None:
        if self._gateway.pending or self._drained:  # a name that goes for good has something to end, even where nothing came
            self._flush()
        until = time.monotonic() + LAST_FLUSH_S
        while self._kafka.in_flight and time.monotonic() < until:
            self._kafka.serve(IDLE_S)
        self._notices.some(len(self._notices))
        self._mqtt.turn(0, reading=False)
        self._mqtt.close(for_good=self._drained)
        self._directory.close()
        log(f"event=stopped unfinished_flushes={self._kafka.in_flight}")

    def _found_kafka(self, settings: Settings) -> tuple[Wiring, Timescale]:
        pause = 0.2
        while True:
            try:
                partitions = self._kafka.partitions(self._topics.readings)
                break
            except PartAway as error:
                log(f"event=kafka_away error={str(error)!r}")
                if self._stop.wait(pause * random.uniform(0.5, 1.5)):
                    raise
                pause = min(pause * 2, 10.0)
        return Wiring(self._topics, partitions), Timescale(settings.database, partitions, self._clocks, log)


def main() -> int:
    """Exit code: 0 stopped when told, 1 a part cannot go on (start again), 2 a setting is wrong."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        Process(read(Settings, os.environ), stop, "--leave" in sys.argv[1:]).run()
    except SettingError as error:
        log(f"event=wrong_setting error={str(error)!r}")
        return 2
    except PartAway as error:
        log(f"event=gone error={str(error)!r}")
        return 0 if stop.is_set() else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
