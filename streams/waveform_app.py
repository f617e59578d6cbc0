"""The waveform Faust worker: `python -m streams.waveform_app worker`.

In: `vitals.waveforms` (Faust), `vitals.patients` (all of it, from the beginning). Out: `vitals.findings`, `vitals.watches` (what is on),
`vitals.refused` for what cannot be judged. Names, agents and wiring only. A record is acknowledged after what it led to is durable.
"""

import asyncio
import logging
import logging.config
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
from prometheus_client import start_http_server

from streams.detect import kafka, metrics
from streams.detect.waveform.held_back import HeldBack
from streams.detect.waveform.kafka import Marks, read_marks
from streams.detect.waveform.worker import Outcome, Ward
from streams.detect_app import Settings
from streams.faust_settings import LOGGING, consumer
from streams.kafka import wait_for_topics
from streams.runs_app import Tableless, run
from vitals import settings
from vitals.context import PatientContext
from vitals.errors import PartAway
from vitals.topics import Topics

log = logging.getLogger("vigil.waveform")
CHUNKS = metrics.Counter("vigil_waveform_chunks", "waveform chunks judged")
_context = msgspec.json.Decoder(PatientContext).decode


def clock() -> int:
    """Now, ms."""
    return int(time.time() * 1000)


@dataclass(frozen=True)
class Desk:
    """What an agent needs to judge a record and to tell what came of it."""

    ward: Ward
    out: kafka.Out
    marks: Marks
    restored: Callable[[int], dict[str, bytes]]
    held_back: HeldBack[Any]
    offsets: dict[int, int] = field(default_factory=dict)
    judging: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def take(self, event: Any) -> None:
        """One record, and what waited for it."""
        message = event.message
        async with self.judging:
            self.offsets[message.partition] = message.offset
            metrics.BEHIND.set(max(0, clock() - int((message.timestamp or 0) * 1000)))
            for each in self.held_back.arrived(message.partition, message.value or b"", event):
                await self._judge(each)

    async def pass_time(self, partition: int, end: int | None) -> None:
        """Time for a partition of which nothing more has come, `end` being the offset that will be next."""
        async with self.judging:
            known = self.offsets.get(partition)
            caught_up = known is not None and end is not None and known + 1 >= end
            for each in self.held_back.due(partition, clock()) if caught_up else ():
                await self._judge(each)

    def revoked(self) -> None:
        """Partitions may go elsewhere: what waits comes again to whoever gets them."""
        self.ward.revoked()
        self.held_back.of.clear()
        self.offsets.clear()

    async def _judge(self, event: Any) -> None:
        """One record, acknowledged when what it led to is durable. While Kafka is away it waits here."""
        message = event.message
        value, now = message.value or b"", clock()
        if message.partition not in self.ward.watches:
            self.ward.open(message.partition, await durably(partial(self.restored, message.partition)))
        outcome = self.ward.take(message.partition, value, message.topic, now)
        if outcome.told:
            await durably(partial(self.tell, message.partition, outcome, dict(message.headers or ()).get("traceparent")))
        CHUNKS.inc()
        event.ack()

    def tell(self, partition: int, outcome: Outcome, trace: bytes | None) -> None:
        """Queues what a record led to and waits until it is durable. Raises PartAway."""
        self.out.findings(partition, [(finding, trace) for finding in outcome.findings])
        self.out.refusals([(outcome.refusal, trace)] if outcome.refusal is not None else [])
        self.out.flush()
        if outcome.kept is not None:
            self.marks.keep(partition, outcome.patient, outcome.kept)
        for finding in outcome.findings:
            metrics.FINDINGS.labels(finding.rule, finding.phase).inc()


async def durably(step: Callable[[], Any]) -> Any:
    """`step` on a thread, again and again until Kafka is there."""
    while True:
        try:
            return await asyncio.get_running_loop().run_in_executor(None, step)
        except PartAway as error:
            log.warning("event=waiting for=kafka reason=%s", error)
            await asyncio.sleep(1.0)


def agent_of(desk: Desk) -> Callable[[Any], Awaitable[None]]:
    """Judges every record in turn."""

    async def agent(stream: Any) -> None:
        async for event in stream.noack().events():
            await desk.take(event)

    return agent


def places(ward: Ward, topics: Topics, loop: list[asyncio.AbstractEventLoop]) -> Callable[[str, bytes], None]:
    """Hands patients' contexts over to the event loop; a record that is none is counted."""

    def take(topic: str, value: bytes) -> None:
        if topic != topics.patients:
            return
        try:
            loop[0].call_soon_threadsafe(ward.place, _context(value))
        except msgspec.MsgspecError:
            metrics.CONTEXT.labels("patients", "refused").inc()

    return take


def wired(chosen: Settings) -> Any:
    """The whole worker."""
    # what is held back is acknowledged a minute later: no rebalance is to wait for that
    name, more = f"{chosen.prefix}-waveform", {"stream_wait_empty": not chosen.back_s}
    app, topics = Tableless(**consumer(name, chosen.kafka, chosen.instance, 512, **more)), Topics(chosen.prefix)
    ward = Ward()
    loop: list[asyncio.AbstractEventLoop] = []
    context = kafka.Context(chosen.kafka, topics, places(ward, topics, loop))
    source = app.topic(topics.waveforms, key_type=bytes, value_type=bytes, value_serializer="raw", key_serializer="raw")

    def restored(partition: int) -> dict[str, bytes]:
        context.known.wait()
        return read_marks(chosen.kafka, topics, partition)

    desk = Desk(ward, kafka.Out(chosen.kafka, topics), Marks(chosen.kafka, topics), restored, HeldBack(int(chosen.back_s * 1000)))
    app.agent(source, name=topics.waveforms)(agent_of(desk))

    async def begin() -> None:
        loop.append(asyncio.get_running_loop())
        context.start()

    async def watch() -> None:
        while not app.should_stop:
            metrics.READY.set(bool(app.consumer.assignment()))
            ward.idle(clock())
            for tp in app.consumer.assignment():
                await desk.pass_time(tp.partition, app.end_of(tp))
            await asyncio.sleep(1.0)

    async def revoked(_app: Any, *_revoked: Any, **_signal: Any) -> None:
        desk.revoked()

    async def stopping(_app: Any, **_signal: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(None, context.stop)

    app.task(begin)
    app.task(watch)
    app.on_partitions_revoked.connect(revoked, weak=False)
    app.on_before_shutdown.connect(stopping, weak=False)
    return app


def main() -> None:
    """Reads the environment, waits for Kafka, and hands over to Faust's command line."""
    if sys.argv[1:] != ["worker"]:
        raise SystemExit("usage: python -m streams.waveform_app worker")
    logging.config.dictConfig(dict(LOGGING))
    chosen = settings.read(Settings, os.environ)
    topics = Topics(chosen.prefix)
    metrics.READY.set(0)
    if chosen.metrics_port:
        start_http_server(chosen.metrics_port, chosen.bind, metrics.REGISTRY)
    used = (topics.waveforms, topics.patients, topics.findings, topics.watches, topics.refused)
    wait_for_topics(chosen.kafka, used, log)
    run(wired(chosen), chosen.kafka, used, chosen.patience_s, log)


if __name__ == "__main__":
    main()
