"""Between Kafka and the database: gathers records for a moment, has them stored off the event loop, and acknowledges what is stored.

In: events (anything with a `record` to store and an `ack`). Out: calls of `store` on a thread of its own, one at a time, and
acknowledgements.
Promise: records are offered in order, none left out; nothing is acknowledged before its transaction is committed; at most
`limits.most_bytes` wait here, and whoever brings more waits; while the database is away the same records are tried again, with growing
pauses.
Dropped: nothing. What is in hand when partitions are taken away is given up, since it was not acknowledged and comes again.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from streams.archive.metrics import Metrics
from streams.archive.record import Record, Stored
from streams.backoff import pause
from vitals.errors import World

log = logging.getLogger("vigil.archive")


class Sink(Protocol):
    """Where records go; see `readings.Readings`."""

    @property
    def dense(self) -> bool:
        """Whether offsets follow each other without holes."""
        ...

    def store(self, records: Sequence[Record]) -> Stored:
        """One transaction. Raises World (retry); then nothing is stored."""
        ...

    def forget(self) -> None:
        """Partitions were taken away."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """A transaction takes up to `flush_bytes`, or what came within `linger_s`; `most_bytes` may wait in hand."""

    flush_bytes: int = 2_000_000
    linger_s: float = 0.5
    most_bytes: int = 32_000_000


@dataclass(frozen=True, slots=True)
class Held:
    """A record in hand. `came_at` on the loop's clock."""

    record: Record
    ack: Callable[[], object]
    came_at: float


Rewind = Callable[[int, int], Awaitable[int]]
"""(partition, offset) -> the offset from which Kafka hands out again (later only where Kafka has deleted what was before)."""


def _not_yet() -> None:
    """Acknowledged with the last of its run."""


class Intake:
    """One topic's. `name` labels its metrics."""

    def __init__(self, name: str, sink: Sink, metrics: Metrics, rewind: Rewind, limits: Limits | None = None) -> None:
        self._name = name
        self._sink = sink
        self._metrics = metrics
        self._rewind = rewind
        self._limits = limits or Limits()
        self._held: list[Held] = []
        self._bytes = 0
        self._expected: dict[int, int] = {}
        self._first: dict[int, int] = {}
        self._rewinding: dict[int, asyncio.Task[None]] = {}
        self._changed = asyncio.Condition()
        self._generation = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"archive-{name}")
        self._stopping = False
        self._storing = False

    async def take_run(self, records: Sequence[Record], ack: Callable[[], object]) -> None:
        """Takes records of one partition that follow each other; `ack` is called once the last one is stored, and with it all of them."""
        generation = self._generation
        for record in records[:-1]:
            await self.take(record, _not_yet)
            if self._generation != generation:
                return
        await self.take(records[-1], ack)

    async def take(self, record: Record, ack: Callable[[], object]) -> None:
        """Takes one record in hand; waits while there is no room."""
        generation = self._generation
        async with self._changed:
            await self._changed.wait_for(lambda: self._bytes < self._limits.most_bytes or self._generation != generation)
            if self._generation != generation or not self._follows(record):
                return
            self._expected[record.partition] = record.offset + 1
            record = replace(record, first=self._first.get(record.partition, 0))
            self._held.append(Held(record, ack, asyncio.get_running_loop().time()))
            self._bytes += len(record.value)
            self._changed.notify_all()

    def _follows(self, record: Record) -> bool:
        """False for a record that is in hand already, or that leaves a hole; a hole is read again."""
        expected = self._expected.get(record.partition)
        if expected is None or record.offset == expected or (not self._sink.dense and record.offset > expected):
            return True
        if record.offset > expected:
            self._read_again(record.partition, expected)
        return False

    def _read_again(self, partition: int, offset: int) -> None:
        if partition in self._rewinding:
            return
        self._metrics.gaps.labels(self._name).inc()
        log.warning("event=gap topic=%s partition=%d from=%d", self._name, partition, offset)
        self._rewinding[partition] = asyncio.create_task(self._rewound(partition, offset))

    async def _rewound(self, partition: int, offset: int) -> None:
        try:
            start = await self._rewind(partition, offset)
            if start > offset:
                self._metrics.lost.labels(self._name).inc(start - offset)
                log.error("event=lost topic=%s partition=%d records=%d", self._name, partition, start - offset)
                self._expected[partition] = self._first[partition] = start
        except Exception as error:  # noqa: BLE001 - the next record tries again; a task's exception would be seen by nobody
            log.warning("event=rewind_failed topic=%s partition=%d error=%s", self._name, partition, type(error).__name__)
        finally:
            del self._rewinding[partition]

    async def revoked(self) -> None:
        """All partitions were taken away: gives up what is in hand; it comes again to whoever gets them."""
        async with self._changed:
            self._generation += 1
            self._held.clear()
            self._expected.clear()
            self._bytes = 0
            self._changed.notify_all()
        if not self._stopping:
            self._thread.submit(self._sink.forget)

    async def run(self) -> None:
        """Stores until `stop`; then what is left, once."""
        while not self._stopping or self._held:
            batch = await self._gathered()
            if batch:
                await self._stored(batch)

    async def stop(self, within_s: float) -> None:
        """Has what is in hand stored, if that goes within the time; it would come again otherwise."""
        async with self._changed:
            self._stopping = True
            self._changed.notify_all()
            try:
                await asyncio.wait_for(self._changed.wait_for(lambda: not self._held and not self._storing), within_s)
            except TimeoutError:
                log.warning("event=left_in_hand topic=%s records=%d", self._name, len(self._held))
        self._thread.shutdown(wait=False)

    async def _gathered(self) -> list[Held]:
        """The next records, once there are enough or the first has waited `linger_s`."""
        loop = asyncio.get_running_loop()
        async with self._changed:
            await self._changed.wait_for(lambda: self._held or self._stopping)
            if not self._held:
                return []
            left = self._held[0].came_at + self._limits.linger_s - loop.time()
            if left > 0:
                full = self._changed.wait_for(lambda: self._bytes >= self._limits.flush_bytes or self._stopping)
                with suppress(TimeoutError):  # fewer than a full batch: what there is goes
                    await asyncio.wait_for(full, left)
            return self._held[: self._enough()]

    def _enough(self) -> int:
        size = 0
        for count, held in enumerate(self._held, 1):
            size += len(held.record.value)
            if size >= self._limits.flush_bytes:
                return count
        return len(self._held)

    async def _stored(self, batch: list[Held]) -> None:
        """Tries until it is stored, or the partitions are taken away."""
        generation, attempt = self._generation, 0
        loop = asyncio.get_running_loop()
        records = [held.record for held in batch]
        self._storing = True
        while self._generation == generation:
            try:
                with self._metrics.seconds.labels(self._name).time():
                    done = await loop.run_in_executor(self._thread, self._sink.store, records)
            except Exception as error:  # noqa: BLE001 - the one guard: an unknown fault is told and tried again, never lost
                attempt += 1
                self._told(error, attempt)
                await asyncio.sleep(pause(attempt, random.random()))
            else:
                await self._settled(batch, done, generation)
                break
        self._storing = False
        async with self._changed:
            self._changed.notify_all()

    def _told(self, error: Exception, attempt: int) -> None:
        self._metrics.retries.labels(self._name).inc()
        text = str(error) if isinstance(error, World) else type(error).__name__
        log.warning("event=retry topic=%s attempt=%d error=%s", self._name, attempt, text, exc_info=not isinstance(error, World))

    async def _settled(self, batch: list[Held], done: Stored, generation: int) -> None:
        self._counted(done)
        again = {gap.partition: gap.next_offset for gap in done.gaps}
        for held in batch:
            if held.record.partition not in again:
                held.ack()
        async with self._changed:
            if self._generation == generation:
                self._let_go(len(batch), again)
            self._changed.notify_all()

    def _let_go(self, count: int, again: Mapping[int, int]) -> None:
        self._held = [held for held in self._held[count:] if held.record.partition not in again]
        self._bytes = sum(len(held.record.value) for held in self._held)
        for partition, offset in again.items():
            self._expected[partition] = offset
            self._read_again(partition, offset)

    def _counted(self, done: Stored) -> None:
        self._metrics.stored.labels(self._name).inc(done.rows)
        self._metrics.skipped.labels(self._name).inc(done.skipped)
        self._metrics.again.labels(self._name).inc(done.again)
        for reason, count in done.refused.items():
            self._metrics.refused.labels(reason).inc(count)
        if done.staged:
            self._metrics.staged.inc()

    def oldest(self) -> int | None:
        """Kafka's timestamp (ms) of the oldest record in hand, None when there is none."""
        return self._held[0].record.timestamp if self._held else None

    @property
    def in_hand(self) -> int:
        """Bytes."""
        return self._bytes
