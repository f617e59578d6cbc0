"""The archiving Faust worker: `python -m streams.archive_app worker`.

In: `vitals.readings`, `vitals.refused`, `vitals.links`, `vitals.waveforms`. Out: schema `telemetry` in TimescaleDB; the archive's own
refusals on `vitals.refused`. Names, agents and wiring only. The truth about how far it has come is in the database, in the transaction
of the rows; what is committed to Kafka is only where reading starts again. A slow or absent database holds this worker up and nothing
else: detection is another worker.
"""

import asyncio
import logging
import logging.config
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Timer
from typing import Any

from faust.types import TP
from prometheus_client import start_http_server

from streams.archive import jobs
from streams.archive.anew import Asking
from streams.archive.guard import Guarded, Store
from streams.archive.intake import Intake, Limits
from streams.archive.kafka import RefusalProducer, end_now
from streams.archive.metrics import Metrics
from streams.archive.notes import Links, Refused, refuse
from streams.archive.readings import Readings, Tell
from streams.archive.record import BOUNDLESS, Record
from streams.archive.settings import Settings
from streams.archive.timescale import Session
from streams.archive.waveforms import Waveforms
from streams.faust_settings import LOGGING, consumer
from streams.kafka import wait_for_topics
from streams.runs_app import App, run
from vitals import settings
from vitals.errors import PartAway
from vitals.topics import Topics

log = logging.getLogger("vigil.archive")
RUNS = 4
"""Fetches of a partition that wait for the intake, a megabyte each at most."""


def faust_app(chosen: Settings) -> Any:
    """What is held waits for the database; neither a rebalance nor a stop may wait for that."""
    return App(**consumer(f"{chosen.prefix}-archive", chosen.kafka, chosen.instance, RUNS, stream_wait_empty=False))


def records_of(app: Any, message: Any) -> list[Record]:
    """The records of a run of Faust's (`streams.runs_app`)."""
    end = end_of(app, message.tp)
    return [_record(message.tp, each, end) for each in message.records]


def _record(tp: TP, fetched: Any, end: int) -> Record:
    headers: Mapping[str, bytes] = dict(fetched.headers or ())
    trace = headers.get("traceparent")
    return Record(
        topic=tp.topic,
        partition=tp.partition,
        offset=fetched.offset,
        value=fetched.value or b"",
        schema=headers.get("schema", b""),
        traceparent=trace.decode("ascii", "replace") if trace else None,
        timestamp=fetched.timestamp or 0,
        end=end,
        again="again" in headers,
    )


def end_of(app: Any, tp: TP) -> int:
    """The partition's end by the last fetch; boundless where the partition was just taken away: nothing follows from not knowing it."""
    try:
        return int(app.consumer.highwater(tp) or BOUNDLESS)
    except Exception as error:  # noqa: BLE001 - an agent must not raise, and Faust does not say what this may raise
        log.debug("event=no_highwater error=%s", type(error).__name__)
        return BOUNDLESS


def rewinder(app: Any, topic: str) -> Callable[[int, int], Awaitable[int]]:
    """Reads a partition again from an offset.

    Faust drops records below the highest that it has handed on, and may still be handing on a fetched batch; so the partition is paused
    until no fetch of before can be under way (a fetch waits a second at most), and only then set back.
    """

    async def rewind(partition: int, offset: int) -> int:
        tp = TP(topic, partition)
        app.consumer.pause_partitions({tp})
        try:
            await asyncio.sleep(1.5)
            first = int((await app.consumer.earliest_offsets(tp)).get(tp, offset))
            start = max(offset, first)
            await app.consumer.seek(tp, start)
            return start
        finally:
            app.consumer.resume_partitions({tp})

    return rewind


def intakes(app: Any, chosen: Settings, metrics: Metrics) -> dict[str, Intake]:
    """Topic -> its intake, each with a connection of its own."""
    topics = Topics(chosen.prefix)
    limits = Limits(most_bytes=chosen.most_mb * 1_000_000)

    makers: dict[str, Callable[[Session, str, Tell], Store]] = {
        "readings": Readings,
        "waveforms": Waveforms,
        "links": Links,
        "refused": lambda session, topic, _tell: Refused(session, topic),
    }
    hands = {}
    for name, made in makers.items():
        topic = f"{topics.prefix}.{name}"
        session = Session(chosen.database, f"vigil-archive-{name}")
        sink = made(session, topic, RefusalProducer(chosen.kafka, topics).tell)
        guarded = Guarded(sink, partial(refuse, session, sink.dense))
        hands[topic] = Intake(name, Asking(guarded, partial(end_now, chosen.kafka)), metrics, rewinder(app, topic), limits)
    return hands


def wired(chosen: Settings, metrics: Metrics) -> Any:
    """The whole worker."""
    app = faust_app(chosen)
    hands = intakes(app, chosen, metrics)
    for topic, intake in hands.items():
        app.agent(app.topic(topic, key_type=bytes, value_type=bytes, value_serializer="raw", key_serializer="raw"), name=topic)(
            agent_of(app, intake)
        )
        app.task(intake.run)
    for job in jobs.table(chosen.rollup_s, chosen.terms):
        app.task(job_task(job, chosen, metrics))
    app.task(watch(app, hands, chosen, metrics))

    async def revoked(_app: Any, *_revoked: Any, **_signal: Any) -> None:
        for intake in hands.values():
            await intake.revoked()

    async def stopping(_app: Any, **_signal: Any) -> None:
        await asyncio.gather(*(intake.stop(5.0) for intake in hands.values()))
        leave = Timer(10.0, os._exit, (0,))  # with Kafka away Faust would wait for it; what was in hand is stored or comes again
        leave.daemon = True
        leave.start()

    app.on_partitions_revoked.connect(revoked, weak=False)
    app.on_before_shutdown.connect(stopping, weak=False)
    return app


def agent_of(app: Any, intake: Intake) -> Callable[[Any], Awaitable[None]]:
    """Hands on every run; it is acknowledged when it is stored."""

    async def agent(stream: Any) -> None:
        events: AsyncIterator[Any] = stream.noack().events()
        async for event in events:
            await intake.take_run(records_of(app, event.message), event.ack)

    return agent


def job_task(job: jobs.Job, chosen: Settings, metrics: Metrics) -> Callable[[], Awaitable[None]]:
    """`job` on its own thread and connection."""
    session = Session(chosen.database, f"vigil-archive-{job.name}")
    thread = ThreadPoolExecutor(1, thread_name_prefix=job.name)

    async def task() -> None:
        await jobs.run(job, session, metrics, thread)

    return task


def watch(app: Any, hands: Mapping[str, Intake], chosen: Settings, metrics: Metrics) -> Callable[[], Awaitable[None]]:
    """Keeps the gauges: ready = has partitions and the database answers; behind = the oldest record in hand."""
    session = Session(chosen.database, "vigil-archive-watch")
    thread = ThreadPoolExecutor(1, thread_name_prefix="watch")

    def answers() -> bool:
        try:
            with session.transaction():
                return bool(session.rows("SELECT true")[0][0])
        except PartAway:
            return False

    async def task() -> None:
        while True:
            alive = await asyncio.get_running_loop().run_in_executor(thread, answers)
            metrics.ready.set(alive and bool(app.consumer.assignment()))
            oldest = [at for intake in hands.values() if (at := intake.oldest()) is not None]
            metrics.behind.set(max(0, time.time() * 1000 - min(oldest)) if oldest else 0)
            for topic, intake in hands.items():
                metrics.in_hand.labels(topic.rpartition(".")[2]).set(intake.in_hand)
            await asyncio.sleep(1.0)

    return task


def main() -> None:
    """Reads the environment, waits for Kafka, and hands over to Faust's command line."""
    if sys.argv[1:] != ["worker"]:
        raise SystemExit("usage: python -m streams.archive_app worker")
    logging.config.dictConfig(dict(LOGGING))
    chosen = settings.read(Settings, os.environ)
    metrics = Metrics()
    metrics.ready.set(0)
    if chosen.metrics_port:
        start_http_server(chosen.metrics_port, chosen.bind)
    topics = Topics(chosen.prefix)
    used = (topics.readings, topics.refused, topics.links, topics.waveforms)
    wait_for_topics(chosen.kafka, used, log)
    run(wired(chosen, metrics), chosen.kafka, used, chosen.patience_s, log)


if __name__ == "__main__":
    main()
