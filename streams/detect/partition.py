"""One partition of the readings: its memory, how far it has come, and what a checkpoint still has to write.

In: records in order. Out: findings, refusals of records that cannot be folded, and pages for a checkpoint.
Promise: a record is folded once: what the memory includes already is skipped, by page, and a hole in the offsets is refused (`Gap`).
Several records waiting are folded in one step; the fold's promise is that this changes nothing. The one broad `except` of
detection is here: a record on which the fold breaks becomes a refusal with its bytes, and the partition goes on.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from streams.detect import checkpoint, wrong_patient
from streams.detect.again import Again
from streams.detect.arrival import arrive, rows_of
from streams.detect.conditions import discharge
from streams.detect.held_back import together
from streams.detect.lately import Lately
from streams.detect.memory import Memory
from streams.detect.ruled import take_up
from streams.detect.rules import RuleSet
from streams.detect.samples import merged, taken
from streams.detect.silence import dismissed
from streams.detect.step import folded, step, tick
from streams.detect.told import Told, over_where_it_began
from streams.detect.unscored import unscored
from streams.detect.waiting import Row
from vitals.batch import SCHEMA_ID, Batch, gathered, opened
from vitals.context import PatientContext
from vitals.errors import WireFormatError
from vitals.finding import SITE, Finding
from vitals.refusal import Reason, Refusal

log = logging.getLogger("vigil.detect")
type_i64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Record:
    """A Kafka record of `vitals.readings`. `schema`: its header; `trace`: its traceparent; `ack` when it is in a checkpoint."""

    offset: int
    value: bytes
    schema: bytes
    trace: bytes | None
    ack: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What folding some records gave; `trace` is the traceparent of the record that each finding came from."""

    findings: list[tuple[Finding, bytes | None]]
    refusals: list[tuple[Refusal, bytes | None]]
    readings: int


class Partition:
    """Folded up to and with `offset` (None: nothing yet in this life)."""

    def __init__(self, number: int, memory: Memory, pages: Mapping[int, bytes]) -> None:
        self.number = number
        self.memory = memory
        self.offset: int | None = None
        self.seen_ms = 0
        self.held: list[Record] = []
        self._included = checkpoint.restore(memory, pages)
        self._replay_until = int(self._included.max(initial=-1))
        known = memory.rows.received_at[: len(memory.patients)]
        self._lately = Lately(pages, self._included, memory.rows.at[: len(memory.patients)], int(known.max(initial=0)))
        self._again = Again(memory, self._lately) if memory.order.hold_ms and not memory.held_back.for_ms else None

    def expects(self, offset: int) -> bool:
        """Whether `offset` is the next one, or the first that is seen."""
        return self.offset is None or offset == self.offset + 1

    def fold(self, records: Sequence[Record], now_ms: int) -> Outcome:
        """Folds records that follow each other; `held` then waits for a checkpoint."""
        self.held.extend(records)
        self.offset = records[-1].offset
        records_of, refusals = self._opened(records, now_ms)
        try:
            batch, counts = self._unseen(records_of)
            findings = self._stepped(batch, counts, now_ms) if batch is not None else []
        except Exception:  # the one guard: an agent must not raise, or Kafka's record would count as done
            log.exception("event=step_failed partition=%d records=%d", self.number, len(records))
            broken = [(_refusal(record, "detection failed on it", now_ms), record.trace) for _, record in records_of]
            return Outcome([], refusals + broken, 0)
        traced = [(f, _trace(f, records_of)) for f in findings]
        return Outcome(traced, refusals, 0 if batch is None else int((batch.values == batch.values).sum()))

    def tick(self, now_ms: int) -> list[Finding]:
        """Folds in that it is `now_ms`: what was held back until now; and time, which is that much earlier where samples are held back."""
        memory = self.memory
        found = self._detected(memory.held_back.due(now_ms), now_ms)
        passed = tick(memory, now_ms - memory.held_back.behind_ms)
        found += [msgspec.structs.replace(f, detected_at=now_ms) if memory.held_back.behind_ms else f for f in passed]
        if self._again is None:
            return self._told(found)
        self._again.stood(found, now_ms)
        return self._again.news(found, now_ms) + self._again.settled(self.seen_ms)

    def again(self, now_ms: int) -> list[Finding]:
        """Judges some of the patients again of whom samples went on too late; what comes out otherwise than it was told."""
        return [] if self._again is None else self._again.judged(now_ms)

    def know(self, context: PatientContext, now_ms: int) -> None:
        """A patient's context."""
        row = self.memory.row_of.get(context.patient)
        before = None if row is None else self.memory.limits(row)
        self.memory.know(context, now_ms)
        if row is not None and before != self.memory.limits(row):
            self._barred(row)

    def unscored(self, patient: str, now_ms: int) -> list[Finding]:
        """What NEWS2 told of `patient` ends, if it applies to them no longer."""
        return self._told(unscored(self.memory, self.memory.row_of[patient], now_ms))

    def take_up(self, rules: RuleSet, now_ms: int) -> list[Finding]:
        """Another rule set from now on; what ends by that."""
        found = self._told(take_up(self.memory, rules, now_ms))
        for row in range(len(self.memory.patients)):
            self._barred(row)
        return found

    def discharge(self, patient: str, now_ms: int) -> list[Finding]:
        """What was told of `patient` ends: nobody watches them any more."""
        row = self.memory.row_of[patient]
        found = self._told(discharge(self.memory, row, now_ms) + wrong_patient.dismissed(self.memory, row, now_ms))
        self._barred(row)
        found += [over_where_it_began(f) for f in self.memory.told.pop(row, Told()).doubted()]
        return found + dismissed(self.memory, row, now_ms)

    def touched(self, findings: Sequence[Finding]) -> None:
        """Time, a link or a context changed the patients of `findings`: a checkpoint has to write them."""
        for finding in findings:
            if finding.patient == SITE:  # an outage is of the site, and marks its devices itself
                continue
            self.memory.settings.dirty[self.memory.row_of[finding.patient]] = 1

    def pages(self) -> dict[int, bytes]:
        """The records that a checkpoint must write now; the marks are gone until `touched` again."""
        if self.offset is None:
            return {}
        dirty = checkpoint.dirty_pages(self.memory)
        self.memory.settings.dirty[:] = 0
        pages = checkpoint.save(self.memory, dirty, self.offset)
        if self._again is not None:
            at = self.memory.rows.at[: len(self.memory.patients)]
            self._lately.keep(pages, self.offset, at, self.seen_ms, wanted=bool(self._again.wanted))
        return pages

    def marked(self, pages: Sequence[int]) -> None:
        """The pages could not be written: they are dirty again."""
        self.memory.settings.dirty[[page * checkpoint.PAGE for page in pages]] = 1

    def _told(self, findings: list[Finding]) -> list[Finding]:
        return [self._as_before(f) for f in findings] if self._again is None else self._again.news(findings)

    def _as_before(self, f: Finding) -> Finding:
        told = self.memory.told.get(self.memory.row_of.get(f.patient, -1))
        return f if told is None else told.as_before(f)

    def _barred(self, row: int) -> None:
        if self._again is not None:
            self._again.forget(row, self.offset)

    def _note(self, batch: Batch, rows: type_i64, records: Sequence[tuple[int, int]]) -> None:
        """Keeps what was heard, for whom it must be judged again."""
        if self._again is None:  # nobody looks at what came late
            self.memory.order.late.clear()
            self.memory.lanes.late.clear()
            return
        self._lately.note(batch, rows, records)
        self._again.noted(rows, batch)

    def _opened(self, records: Sequence[Record], now_ms: int) -> tuple[list[tuple[Any, Record]], list[tuple[Refusal, bytes | None]]]:
        found, refusals = [], []
        for record in records:
            try:
                if record.schema not in (b"", SCHEMA_ID):
                    raise WireFormatError(f"schema {record.schema.decode('ascii', 'replace')}, expected {SCHEMA_ID.decode()}")
                found.append((opened(record.value), record))
            except WireFormatError as error:
                refusals.append((_refusal(record, str(error), now_ms), record.trace))
        return found, refusals

    def _unseen(self, records: Sequence[tuple[Any, Record]]) -> tuple[Batch | None, list[tuple[int, int]]]:
        """The samples of all records, but for those of patients whose page includes them already; how many that is of each offset."""
        new = [each for each, record in records if record.offset > self._replay_until]
        batches = [self._without_known(gathered([each]), record.offset) for each, record in records if record.offset <= self._replay_until]
        counts = [len(batch) for batch in batches] + [each.num_rows for each in new]
        if new:
            batches.append(gathered(new))
        return merged(batches) if batches else None, [(record.offset, n) for (_, record), n in zip(records, counts, strict=True)]

    def _without_known(self, batch: Batch, offset: int) -> Batch:
        rows = np.array([self.memory.row_of.get(p, -1) for p in batch.patients], dtype=np.int64)
        page = np.where(rows >= 0, rows // checkpoint.PAGE, len(self._included))
        known = np.append(self._included, np.full(int(page.max(initial=0)) + 1, -1))[page] >= offset
        return taken(batch, np.flatnonzero(~known[batch.patient]))

    def _stepped(self, batch: Batch, counts: Sequence[tuple[int, int]], now_ms: int) -> list[Finding]:
        """What is told of a batch; counts: the offset of each of its records, and how many of the samples it had."""
        self.seen_ms = max(self.seen_ms, int(batch.received_at.max(initial=0)))
        rows = rows_of(self.memory, batch)
        if self.memory.held_back.needed:
            self.memory.settings.dirty[rows] = 1
            found = self._detected(self.memory.held_back.arrived(rows, batch), now_ms)
        else:
            found = folded(self.memory, arrive(self.memory, batch, rows), now_ms)
        told = self._told(found)
        self._note(batch, rows, counts)
        return told

    def _detected(self, released: Sequence[tuple[int, str, Row]], now_ms: int) -> list[Finding]:
        """What is found in samples that were held back: row, device and sample, in order for each row."""
        if not released:
            return []
        batch = together(self.memory.patients, released)
        return step(self.memory, batch, now_ms)


def _trace(finding: Finding, records: Sequence[tuple[Any, Record]]) -> bytes | None:
    """The trace of the last record that speaks of the finding's patient; the last record's where none does."""
    if len(records) == 1:
        return records[0][1].trace
    speaks = (record.trace for each, record in reversed(records) if finding.patient in each.column(0).to_pylist())
    return next(speaks, records[-1][1].trace)


def _refusal(record: Record, detail: str, now_ms: int) -> Refusal:
    return Refusal(
        reason=Reason.MALFORMED, detail=detail, door="detect", source=f"readings@{record.offset}", received_at=now_ms, payload=record.value
    )
