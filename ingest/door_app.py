"""What the doors that answer (MLLP, FHIR) have in common as processes: settings, Kafka, the directory, stopping in order.

In: the environment, given by each `main`. Out: a `Door` for the listener. Promise: ARCHITECTURE.md, Processes.
"""

import asyncio
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from prometheus_client import start_http_server

from ingest.conditions import Babbling
from ingest.intake import Intake
from ingest.kafka import Kafka
from ingest.meter import Meter
from ingest.mqtt import Clocks
from ingest.named_patient import NamedPatients
from ingest.pace import Pace
from ingest.quota_settings import QuotaSettings
from ingest.records import Wiring
from ingest.seen import Seen
from ingest.senders import Senders
from ingest.strangers import Strangers
from ingest.timescale import Timescale
from vitals.errors import PartAway, SettingError
from vitals.settings import Secret, port, read, setting
from vitals.topics import Topics


def _optional_port(text: str) -> int | None:
    return port(text) if text else None


@dataclass(frozen=True, slots=True)
class DoorSettings(QuotaSettings):
    """What every door reads; `name` is overridden."""

    kafka: str = setting("VIGIL_KAFKA", str, "Kafka's bootstrap host:port")
    database: Secret = setting("VIGIL_DATABASE", Secret, "postgresql://... of the directory")
    prefix: str = setting("VIGIL_TOPIC_PREFIX", str, "the topics' prefix", "vitals")
    metrics_port: int | None = setting("VIGIL_METRICS_PORT", _optional_port, "port of /metrics on 127.0.0.1; none when unset", "")
    name: str = setting("VIGIL_GATEWAY", str, "this door's name; each one beside another needs its own", "vigil-door-1")

    def record_key(self) -> bytes | None:
        """What record numbers are digested by; None at a door that reads none. Raises SettingError."""
        return None


S = TypeVar("S", bound=DoorSettings)


@dataclass(frozen=True, slots=True)
class Door(Generic[S]):
    """What a listener needs. `stopped` is set when it must end."""

    settings: S
    intake: Intake
    stopped: asyncio.Event


def log(line: str) -> None:
    """One line an event, key=value."""
    sys.stderr.write(f"process=door {line}\n")


def run(settings_class: type[S], listen: Callable[[Door[S]], Awaitable[None]], environ: Mapping[str, str]) -> int:
    """Exit code: 0 stopped when told, 1 a part cannot go on (start again), 2 a setting is wrong."""
    try:
        return asyncio.run(_run(read(settings_class, environ), listen))
    except SettingError as error:
        log(f"event=wrong_setting error={str(error)!r}")
        return 2


async def _run(settings: S, listen: Callable[[Door[S]], Awaitable[None]]) -> int:
    stopped, failures, key = asyncio.Event(), list[PartAway](), settings.record_key()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    meter, kafka = Meter(), Kafka(settings.kafka, log)
    if settings.metrics_port is not None:
        start_http_server(settings.metrics_port, "127.0.0.1", meter.registry)
    clocks = Clocks(lambda: time.time_ns() // 1_000_000, time.monotonic)
    partitions = await _partitions(kafka, Topics(settings.prefix).readings, stopped)
    if partitions is None:
        return 0
    keeper = Timescale(settings.database, partitions, clocks, log, key is not None)
    keeper.start()
    wiring, pace = Wiring(Topics(settings.prefix), partitions), Pace(settings.limits)
    intake = Intake(kafka, keeper, wiring, meter, clocks, Seen(), pace, Babbling(settings.name), NamedPatients(key), Senders(), Strangers())

    def failed(error: PartAway) -> None:
        failures.append(error)
        log(f"event=gone error={str(error)!r}")
        stopped.set()

    turning = asyncio.create_task(intake.run(failed))
    while keeper.current is None and not stopped.is_set():  # until then no answer could be given
        await asyncio.sleep(0.05)
    await listen(Door(settings, intake, stopped))
    turning.cancel()
    keeper.close()
    log("event=stopped")
    return 1 if failures else 0


async def _partitions(kafka: Kafka, topic: str, stopped: asyncio.Event) -> int | None:
    """How many there are, once Kafka answers; None when told to stop before."""
    pause = 0.2
    while not stopped.is_set():
        try:
            return await asyncio.to_thread(kafka.partitions, topic)
        except PartAway as error:
            log(f"event=kafka_away error={str(error)!r}")
        try:
            await asyncio.wait_for(stopped.wait(), pause * random.uniform(0.5, 1.5))
        except TimeoutError:
            pause = min(pause * 2, 10.0)
    return None
