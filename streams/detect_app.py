"""The detecting Faust worker: `python -m streams.detect_app worker`.

In: `vitals.readings` (Faust), `vitals.patients`, `vitals.links`, `vitals.rules` (all of them, from the beginning). Out: `vitals.findings`,
`vitals.scores`, `vitals.checkpoints`, and `vitals.refused` for what cannot be folded. Names, agents and wiring only.
While it is behind, what waits is folded in one step, up to `MOST` records.
"""

import asyncio
import logging
import logging.config
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from faust.types import TP
from prometheus_client import start_http_server

from streams.detect import kafka, metrics
from streams.detect.memory import Waits
from streams.detect.partition import Record
from streams.detect.rules import default
from streams.detect.worker import Worker
from streams.faust_settings import LOGGING, consumer
from streams.kafka import wait_for_topics
from streams.runs_app import App, run
from vitals import settings
from vitals.settings import setting
from vitals.topics import Topics

log = logging.getLogger("vigil.detect")
MOST, LONGEST_S = 256, 0.1
RUNS, FETCH_BYTES = 4, 262_144
"""Fetches of a partition that wait for the agent, and how much Kafka hands out of one at a time, still compressed."""
SCORES_S, SCORES_BEHIND_S = 0.5, 5.0
AMONG_MS = 2_000
"""While a partition is behind, time is so much behind its newest reading: others of the same seconds still wait."""


def port_or_none(text: str) -> int:
    """A port, or 0 for none."""
    return 0 if text in ("", "0") else settings.port(text)


@dataclass(frozen=True)
class Settings:
    """Detection's environment."""

    kafka: str = setting("VIGIL_KAFKA", str, "bootstrap host:port")
    prefix: str = setting("VIGIL_TOPIC_PREFIX", str, "first part of the topics' names", "vitals")
    instance: str = setting("VIGIL_INSTANCE", str, "tells workers of one group apart; stable over restarts", "0")
    bind: str = setting("VIGIL_METRICS_BIND", str, "address of the metrics port", "127.0.0.1")
    metrics_port: int = setting("VIGIL_METRICS_PORT", port_or_none, "Prometheus port, 0 = none", "0")
    checkpoint_s: float = setting("VIGIL_CHECKPOINT_S", settings.seconds, "seconds between checkpoints", "3")
    patience_s: float = setting("VIGIL_GROUP_S", settings.seconds, "seconds outside Kafka's group before the worker ends", "30")
    hold_s: float = setting(
        "VIGIL_REORDER_S", settings.seconds_or_none, "seconds that a sample waits for a missing one before it, 0 = none", "60"
    )
    back_s: float = setting(
        "VIGIL_HOLD_BACK_S", settings.seconds_or_none, "seconds that every sample waits, whatever is missing, 0 = none", "0"
    )


def clock() -> int:
    """Now, ms."""
    return int(time.time() * 1000)


def records_of(event: Any) -> list[Record]:
    """The records of a run; the last one acknowledges them all."""
    found = [_record(each, _nothing) for each in event.message.records[:-1]]
    return [*found, _record(event.message.records[-1], event.ack)]


def _record(record: Any, ack: Callable[[], object]) -> Record:
    headers: Mapping[str, bytes] = dict(record.headers or ())
    return Record(record.offset, record.value or b"", headers.get("schema", b""), headers.get("traceparent"), ack)


def _nothing() -> None:
    """A record within a run is acknowledged with its last."""


def rereader(app: Any, topic: str) -> Callable[[int, int], Awaitable[int]]:
    """Reads a partition again from an offset: it is paused until no fetch of before can be under way (1 s), then set back."""

    async def reread(partition: int, offset: int) -> int:
        tp = TP(topic, partition)
        app.consumer.pause_partitions({tp})
        try:
            await asyncio.sleep(1.5)
            start = max(offset, int((await app.consumer.earliest_offsets(tp)).get(tp, offset)))
            await app.consumer.seek(tp, start)
            return start
        finally:
            app.consumer.resume_partitions({tp})

    return reread


class Gathering:
    """What came and is not folded. It gathers while Kafka has more, `MOST` records or `LONGEST_S` at most; the newest is folded at once.

    What was gathered before a rebalance is given up: it comes again.
    """

    def __init__(self, app: Any, worker: Worker) -> None:
        self._app, self._worker = app, worker
        self._waiting: dict[int, list[Record]] = {}
        self._count, self._generation = 0, (0, 0)
        self._since = 0.0
        self._folding = asyncio.Lock()

    async def take(self, event: Any) -> None:
        """One run of the readings."""
        message = event.message
        generation = message.generation_id, self._worker.generation
        if generation != self._generation:
            self._waiting, self._count, self._generation = {}, 0, generation
        if not self._count:
            self._since = time.monotonic()
        records = records_of(event)
        self._waiting.setdefault(message.partition, []).extend(records)
        self._count += len(records)
        more = (self._app.end_of(message.tp) or 0) > records[-1].offset + 1
        if not more or self._count >= MOST or time.monotonic() - self._since > LONGEST_S:
            await self.fold()

    async def fold(self) -> None:
        """Folds what waits, partition by partition."""
        async with self._folding:
            waiting, generation = self._waiting, self._generation
            self._waiting, self._count = {}, 0
            for number, records in waiting.items():
                # Faust's own turns over only when all have been given out again, ours as soon as they are taken away
                if generation == (self._app.consumer_generation_id, self._worker.generation):
                    await self._worker.take(number, records, clock())


def agent_of(gathering: Gathering) -> Callable[[Any], Awaitable[None]]:
    """Hands on every event; it is acknowledged when a checkpoint includes it."""

    async def agent(stream: Any) -> None:
        async for event in stream.noack().events():
            await gathering.take(event)

    return agent


def sweep(app: Any, gathering: Gathering) -> Callable[[], Awaitable[None]]:
    """Folds what waits although no more came."""

    async def run() -> None:
        while not app.should_stop:
            await asyncio.sleep(LONGEST_S)
            await gathering.fold()

    return run


async def caught_up(app: Any, worker: Worker, tp: TP) -> bool:
    """Whether nothing of the partition waits."""
    end = app.end_of(tp)
    partition = worker.partitions.get(tp.partition)
    if end is None or partition is None:
        return False
    following = partition.offset + 1 if partition.offset is not None else await app.following(tp)
    return following is not None and following >= end


def heartbeat(app: Any, worker: Worker, topic: str) -> Callable[[], Awaitable[None]]:
    """Time for every partition: for one that is behind, the time of its newest reading."""

    async def beat() -> None:
        scores_at = 0.0
        while not app.should_stop:
            behind = await pass_time(app, worker, topic)
            metrics.READY.set(bool(worker.partitions))
            metrics.BEHIND.set(max(behind, default=0))
            if time.monotonic() - scores_at >= (SCORES_BEHIND_S if any(behind) else SCORES_S):
                scores_at = time.monotonic()
                for number, partition in worker.partitions.items():
                    worker.tell_scores(number, clock() if not any(behind) else partition.seen_ms)
            await asyncio.sleep(SCORES_S)

    return beat


def ours(app: Any, tp: TP) -> bool:
    """Whether the partition is in our hands now: what Faust says is assigned is of before while a rebalance goes on."""
    return not app.rebalancing and tp in app.consumer.assignment()


async def pass_time(app: Any, worker: Worker, topic: str) -> list[int]:
    """One tick of every partition in hand; how far each is behind, ms."""
    behind = []
    for tp in [tp for tp in app.consumer.assignment() if tp.topic == topic]:
        partition = await worker.open(tp.partition) if ours(app, tp) else None
        if partition is None:
            continue
        if await caught_up(app, worker, tp):
            worker.tick(tp.partition, clock())
            behind.append(0)
        elif partition.seen_ms:
            worker.tick(tp.partition, partition.seen_ms - AMONG_MS)
            behind.append(clock() - partition.seen_ms)
        worker.again(tp.partition, clock())
    return behind


def checkpoints(app: Any, worker: Worker, every_s: float) -> Callable[[], Awaitable[None]]:
    """Writes one every so often."""

    async def write() -> None:
        while not app.should_stop:
            await asyncio.sleep(every_s)
            await worker.checkpoint()

    return write


def wired(chosen: Settings) -> Any:
    """The whole worker."""
    # what is in hand is acknowledged by a checkpoint only: to wait for it while none is written would wait for ever
    more = {"stream_wait_empty": False, "consumer_max_fetch_size": FETCH_BYTES}
    app, topics = App(**consumer(f"{chosen.prefix}-detect", chosen.kafka, chosen.instance, RUNS, **more)), Topics(chosen.prefix)

    def pages(partition: int) -> dict[int, bytes]:
        context.known.wait()
        return kafka.read_pages(chosen.kafka, topics, partition)

    out, reread = kafka.Out(chosen.kafka, topics), rereader(app, topics.readings)
    worker = Worker(default(), topics, out, pages, reread, clock, Waits(int(chosen.hold_s * 1000), int(chosen.back_s * 1000)))
    loop: list[asyncio.AbstractEventLoop] = []

    def take(topic: str, value: bytes) -> None:
        loop[0].call_soon_threadsafe(worker.context, topic, value, clock())

    context = kafka.Context(chosen.kafka, topics, take)
    gathering = Gathering(app, worker)
    source = app.topic(topics.readings, key_type=bytes, value_type=bytes, value_serializer="raw", key_serializer="raw")
    app.agent(source, name=topics.readings)(agent_of(gathering))

    async def begin() -> None:
        loop.append(asyncio.get_running_loop())
        context.start()

    async def revoked(_app: Any, *_revoked: Any, **_signal: Any) -> None:
        worker.revoked()

    async def stopping(_app: Any, **_signal: Any) -> None:
        app.flow_control.suspend()
        await gathering.fold()
        await worker.checkpoint()
        await asyncio.get_running_loop().run_in_executor(None, context.stop)

    for task in (begin, checkpoints(app, worker, chosen.checkpoint_s), heartbeat(app, worker, topics.readings), sweep(app, gathering)):
        app.task(task)
    app.on_partitions_revoked.connect(revoked, weak=False)
    app.on_before_shutdown.connect(stopping, weak=False)
    return app


def main() -> None:
    """Reads the environment, waits for Kafka, and hands over to Faust's command line."""
    if sys.argv[1:] != ["worker"]:
        raise SystemExit("usage: python -m streams.detect_app worker")
    logging.config.dictConfig(dict(LOGGING))
    chosen = settings.read(Settings, os.environ)
    metrics.READY.set(0)
    if chosen.metrics_port:
        start_http_server(chosen.metrics_port, chosen.bind, metrics.REGISTRY)
    topics = Topics(chosen.prefix)
    used = (topics.readings, topics.patients, topics.links, topics.rules, topics.findings, topics.scores, topics.checkpoints)
    wait_for_topics(chosen.kafka, used, log)
    run(wired(chosen), chosen.kafka, used, chosen.patience_s, log)


if __name__ == "__main__":
    main()
