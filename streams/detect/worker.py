"""The detecting worker without Faust: partitions in hand, context, checkpoints, time.

In: records of the readings, records of the context topics, the moment. Out: findings, scores, refusals and pages on the ports `Told`
and `Restored`; a call of each record's `ack` when, and only when, a checkpoint that includes it is acknowledged.
Promise: at least once, with ids that make a repeat harmless; nothing of a partition is folded out of order or across a hole.
While Kafka does not take a checkpoint, its records stay in hand and the next one tries again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from streams.detect import early_warning, metrics
from streams.detect.memory import Memory, Waits, empty
from streams.detect.partition import Outcome, Partition, Record
from streams.detect.rules import RuleError, RuleSet, parsed
from streams.detect.silence import linked
from vitals.context import PatientContext
from vitals.errors import World
from vitals.finding import Finding
from vitals.link import Link
from vitals.refusal import Refusal
from vitals.score import ScoreUpdate
from vitals.topics import Topics

log = logging.getLogger("vigil.detect")

_SHARE = 0.2
"""Of the time to judge again: alarms of what is in order wait meanwhile."""
_PATIENT = msgspec.json.Decoder(PatientContext)
_LINK = msgspec.json.Decoder(Link)


class Told(Protocol):
    """Where detection tells what it finds; see `kafka.Out`."""

    def findings(self, partition: int, found: Sequence[tuple[Finding, bytes | None]]) -> None: ...
    def scores(self, partition: int, updates: Sequence[ScoreUpdate]) -> None: ...
    def refusals(self, refused: Sequence[tuple[Refusal, bytes | None]]) -> None: ...
    def pages(self, partition: int, pages: Mapping[int, bytes]) -> None: ...
    def flush(self) -> None: ...
    def poll(self) -> None: ...


Restored = Callable[[int], dict[int, bytes]]
"""Partition -> its newest pages (blocking). Raises World."""
Reread = Callable[[int, int], Awaitable[int]]
"""(partition, offset) -> the offset from which Kafka hands out again."""
Clock = Callable[[], int]
"""Now, ms: how long a partition is waited for is not known when that begins."""


class Worker:
    """All partitions that this process has in hand; `generation`: another number each time that all were taken away.

    clock: now, ms. waits: how long a sample does.
    """

    def __init__(self, rules: RuleSet, topics: Topics, out: Told, restored: Restored, reread: Reread, clock: Clock, waits: Waits) -> None:
        self.partitions: dict[int, Partition] = {}
        self._rules, self._topics, self._out = rules, topics, out
        self._restored, self._reread, self._clock, self._waits = restored, reread, clock, waits
        self._contexts: dict[str, PatientContext] = {}
        self._links: dict[str, Link] = {}
        self._house: list[Memory] = []
        self._opening: dict[int, asyncio.Lock] = {}
        self._rereading: dict[int, asyncio.Task[None]] = {}
        self._saving = asyncio.Lock()
        self._rested_ms = 0
        self.generation = 0

    async def take(self, number: int, records: Sequence[Record], now_ms: int) -> None:
        """Folds records of one partition; those before the expected one are known, a hole is read again."""
        partition = await self.open(number)
        if partition is None:
            return
        fit: list[Record] = []
        for record in records:
            expected = (partition.offset if not fit else fit[-1].offset) if partition.offset is not None or fit else None
            if expected is None or record.offset == expected + 1:
                fit.append(record)
            elif record.offset > expected + 1:
                self._gap(partition, expected + 1)
                break
        if fit:
            self._say(partition, partition.fold(fit, now_ms))

    async def open(self, number: int) -> Partition | None:
        """The partition, taken up from its checkpoint; waits for Kafka as long as that takes. None: all were taken away meanwhile."""
        generation = self.generation
        async with self._opening.setdefault(number, asyncio.Lock()):
            while generation == self.generation and number not in self.partitions:
                try:
                    pages = await asyncio.get_running_loop().run_in_executor(None, self._restored, number)
                except World as error:
                    log.warning("event=restore_failed partition=%d error=%s", number, error)
                    await asyncio.sleep(1.0)
                    continue
                if generation == self.generation:
                    self._take_up(number, pages)
            return self.partitions[number] if generation == self.generation else None

    def _take_up(self, number: int, pages: Mapping[int, bytes]) -> None:
        now_ms = self._clock()
        memory = empty(self._rules, self._contexts, self._links, self._waits.hold_ms, now_ms, self._waits.back_ms)
        partition = self.partitions[number] = Partition(number, memory, pages)
        self._house.append(memory)
        memory.house = self._house
        # while nobody had it in hand, rules may have gone, and patients
        self._end(partition, memory.orphans + partition.take_up(self._rules, now_ms))
        memory.orphans = []
        for patient in memory.patients:
            self._without_what_is_over(partition, patient, now_ms)
        log.info("event=taken_up partition=%d pages=%d", number, len(pages))

    def revoked(self) -> None:
        """All partitions were taken away: what is in hand is given up; it comes again to whoever gets them."""
        self.generation += 1
        self.partitions.clear()
        self._house = []
        metrics.WAITING.clear()

    def context(self, topic: str, value: bytes, now_ms: int) -> None:
        """A record of a context topic; one that cannot be read is counted and told in the log, the known state stays."""
        name = topic.rpartition(".")[2]
        try:
            if topic == self._topics.patients:
                self._patient(_PATIENT.decode(value), now_ms)
            elif topic == self._topics.links:
                self._link(_LINK.decode(value), now_ms)
            elif topic == self._topics.rules:
                self._rule(parsed(value), now_ms)
        except (msgspec.MsgspecError, RuleError) as error:
            log.warning("event=context_refused topic=%s error=%s", name, error)
            metrics.CONTEXT.labels(name, "refused").inc()
            return
        metrics.CONTEXT.labels(name, "taken").inc()

    def tick(self, number: int, now_ms: int) -> None:
        """Time passes for one partition."""
        partition = self.partitions.get(number)
        if partition is None:
            return
        try:
            found = partition.tick(now_ms)
        except Exception:  # time passing must not end the worker: the readings' conditions would go with it
            log.exception("event=tick_failed partition=%d", number)
            metrics.TICKS_FAILED.inc()
            return
        self._end(partition, found)

    def again(self, number: int, now_ms: int) -> None:
        """Judges patients of one partition again of whom samples went on too late: at most `_SHARE` of the time goes by that."""
        partition = self.partitions.get(number)
        if partition is None or now_ms < self._rested_ms:
            return
        try:
            self._end(partition, partition.again(now_ms))
        except Exception:  # as for a tick; what was folded stays as it is
            log.exception("event=again_failed partition=%d", number)
            metrics.TICKS_FAILED.inc()
        ended = self._clock()
        self._rested_ms = ended + round((ended - now_ms) / _SHARE)

    def tell_scores(self, number: int, now_ms: int) -> None:
        """The scores of one partition that changed."""
        partition = self.partitions.get(number)
        updates = early_warning.updates(partition.memory, now_ms) if partition else []
        self._out.scores(number, updates)
        metrics.SCORES.inc(len(updates))

    async def checkpoint(self) -> None:
        """Writes the dirty pages of all partitions and acknowledges what they include."""
        async with self._saving:
            generation, taken = self.generation, [(p, p.pages(), list(p.held)) for p in self.partitions.values()]
            if not any(held or pages for _, pages, held in taken):
                return
            try:
                await asyncio.get_running_loop().run_in_executor(None, self._write, [(p.number, pages) for p, pages, _ in taken])
            except World as error:
                log.warning("event=checkpoint_failed error=%s", error)
                metrics.CHECKPOINTS.labels("failed").inc()
                for partition, pages, _ in taken:
                    partition.marked(list(pages))
                return
            metrics.CHECKPOINTS.labels("written").inc()
            if generation == self.generation:
                for partition, _, held in taken:
                    del partition.held[: len(held)]
                    for record in held:
                        record.ack()

    def _write(self, pages: Sequence[tuple[int, Mapping[int, bytes]]]) -> None:
        """What was found is told before the pages say that it was."""
        self._out.flush()
        for number, each in pages:
            self._out.pages(number, each)
        self._out.flush()

    def _say(self, partition: Partition, outcome: Outcome) -> None:
        self._out.findings(partition.number, outcome.findings)
        self._out.refusals(outcome.refusals)
        self._out.poll()
        metrics.READINGS.inc(outcome.readings)
        metrics.REFUSED.inc(len(outcome.refusals))
        for finding, _ in outcome.findings:
            metrics.FINDINGS.labels(finding.rule, finding.phase).inc()
        for reason, times in partition.memory.counts.items():
            metrics.NOT_FOLDED.labels(reason).inc(times)
        partition.memory.counts.clear()
        for ended, times in partition.memory.order.outcomes.items():
            metrics.ORDER.labels(ended).inc(times)
        partition.memory.order.outcomes.clear()
        memory = partition.memory
        for ended, times in memory.judged.items():
            metrics.JUDGED.labels(ended).inc(times)
        memory.judged.clear()
        metrics.WAITING.labels(str(partition.number)).set(memory.order.count + memory.lanes.count + memory.held_back.count)

    def _patient(self, context: PatientContext, now_ms: int) -> None:
        before = self._contexts.get(context.patient)
        if before is not None and before.version > context.version:
            return
        self._contexts[context.patient] = context
        for partition in self.partitions.values():
            partition.know(context, now_ms)
            self._without_what_is_over(partition, context.patient, now_ms)

    def _without_what_is_over(self, partition: Partition, patient: str, now_ms: int) -> None:
        """What was told of `patient` ends, if nobody watches them any more; what NEWS2 told, if it applies to them no longer."""
        row, context = partition.memory.row_of.get(patient), self._contexts.get(patient)
        if row is None or context is None:
            return
        self._end(partition, (partition.unscored if context.active else partition.discharge)(patient, now_ms))

    def _end(self, partition: Partition, found: list[Finding]) -> None:
        """Tells what neither a reading nor time has ended."""
        partition.touched(found)
        self._say(partition, Outcome([(f, None) for f in found], [], 0))

    def _link(self, link: Link, now_ms: int) -> None:
        self._links[link.device] = link.after(self._links.get(link.device))
        for partition in self.partitions.values():
            self._end(partition, linked(partition.memory, link, now_ms))

    def _rule(self, rules: RuleSet, now_ms: int) -> None:
        self._rules = rules  # also an older one: the last on the topic is in force (`dashboard_api.rule_sets`), after a restored backup too
        for partition in self.partitions.values():
            self._end(partition, partition.take_up(rules, now_ms))
        log.info("event=rules version=%d", rules.version)

    def _gap(self, partition: Partition, offset: int) -> None:
        if partition.number in self._rereading:
            return
        metrics.GAPS.inc()
        log.warning("event=gap partition=%d from=%d", partition.number, offset)
        self._rereading[partition.number] = asyncio.create_task(self._read_again(partition, offset))

    async def _read_again(self, partition: Partition, offset: int) -> None:
        try:
            start = await self._reread(partition.number, offset)
            if start > offset:
                metrics.LOST.inc(start - offset)
                log.error("event=lost partition=%d records=%d", partition.number, start - offset)
                partition.offset = start - 1
        except Exception as error:  # noqa: BLE001 - the next record tries again; a task's exception would be seen by nobody
            log.warning("event=reread_failed partition=%d error=%s", partition.number, type(error).__name__)
        finally:
            del self._rereading[partition.number]
