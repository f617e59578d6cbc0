"""One partition of the readings: its memory, how far it has come, and what a checkpoint still has to write.

In: records in order. Out: findings, refusals of records that cannot be folded, and pages for a checkpoint.
Promise: a record is folded once: what the memory includes already is skipped, by page, and a hole in the offsets is refused (`Gap`).
Several records waiting are folded in one step; the fold's promise is that this changes nothing. The one broad `except` of
detection is here: a record on which `step` breaks becomes a refusal with its bytes, and the partition goes on.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streams.detect import checkpoint
from streams.detect.memory import Memory
from streams.detect.step import step
from vitals.batch import SCHEMA_ID, Batch, decode
from vitals.errors import WireFormatError
from vitals.finding import Finding
from vitals.refusal import Reason, Refusal

log = logging.getLogger("vigil.detect")


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
        self._dirty: npt.NDArray[np.uint8] = np.zeros(memory.room, dtype=np.uint8)

    def expects(self, offset: int) -> bool:
        """Whether `offset` is the next one, or the first that is seen."""
        return self.offset is None or offset == self.offset + 1

    def fold(self, records: Sequence[Record], now_ms: int) -> Outcome:
        """Folds records that follow each other; `held` then waits for a checkpoint."""
        self.held.extend(records)
        self.offset = records[-1].offset
        batches, refusals = self._decoded(records, now_ms)
        try:
            findings = self._stepped([b for b, _ in batches], now_ms)
        except Exception:  # the one guard: an agent must not raise, or Kafka's record would count as done
            log.exception("event=step_failed partition=%d records=%d", self.number, len(records))
            broken = [(_refusal(record, "detection failed on it", now_ms), record.trace) for _, record in batches]
            return Outcome([], refusals + broken, 0)
        traced = [(f, _trace(f, batches)) for f in findings]
        return Outcome(traced, refusals, sum(int((~np.isnan(b.values)).sum()) for b, _ in batches))

    def touched(self, rows: list[int]) -> None:
        """Marks rows that a checkpoint has to write."""
        if len(self._dirty) < self.memory.room:
            self._dirty = np.concatenate([self._dirty, np.zeros(self.memory.room - len(self._dirty), dtype=np.uint8)])
        self._dirty[rows] = 1

    def touched_patients(self, findings: Sequence[Finding]) -> None:
        """The rows of `findings`."""
        self.touched([self.memory.row_of[f.patient] for f in findings if f.patient in self.memory.row_of])

    def pages(self) -> dict[int, bytes]:
        """The records that a checkpoint must write now; the marks are gone until `touched` again."""
        if self.offset is None:
            return {}
        dirty = checkpoint.dirty_pages(self.memory, self._dirty)
        self._dirty[:] = 0
        return checkpoint.save(self.memory, dirty, self.offset)

    def marked(self, pages: Sequence[int]) -> None:
        """The pages could not be written: they are dirty again."""
        for page in pages:
            self.touched([page * checkpoint.PAGE])

    def _decoded(self, records: Sequence[Record], now_ms: int) -> tuple[list[tuple[Batch, Record]], list[tuple[Refusal, bytes | None]]]:
        batches, refusals = [], []
        for record in records:
            try:
                if record.schema not in (b"", SCHEMA_ID):
                    raise WireFormatError(f"schema {record.schema.decode('ascii', 'replace')}, expected {SCHEMA_ID.decode()}")
                batches.append((self._unseen(decode(record.value), record.offset), record))
            except WireFormatError as error:
                refusals.append((_refusal(record, str(error), now_ms), record.trace))
        return batches, refusals

    def _unseen(self, batch: Batch, offset: int) -> Batch:
        """`batch` without the samples of patients whose page includes `offset` already."""
        if offset > self._replay_until:
            return batch
        rows = np.array([self.memory.row_of.get(p, -1) for p in batch.patients], dtype=np.int64)
        page = np.where(rows >= 0, rows // checkpoint.PAGE, len(self._included))
        known = np.append(self._included, np.full(int(page.max(initial=0)) + 1, -1))[page] >= offset
        return taken(batch, np.flatnonzero(~known[batch.patient]))

    def _stepped(self, batches: Sequence[Batch], now_ms: int) -> list[Finding]:
        if not batches:
            return []
        batch = merged(batches)
        findings = step(self.memory, batch, now_ms)
        self.touched([self.memory.row_of[p] for p in batch.patients])
        self.seen_ms = max(self.seen_ms, int(batch.received_at.max(initial=0)))
        return findings


def merged(batches: Sequence[Batch]) -> Batch:
    """The samples of all, in order. A patient may be listed more than once among `patients`."""
    if len(batches) == 1:
        return batches[0]
    patients = np.cumsum([0, *(len(b.patients) for b in batches)])
    devices = np.cumsum([0, *(len(b.devices) for b in batches)])
    return Batch(
        tuple(p for b in batches for p in b.patients),
        np.concatenate([b.patient + np.int32(first) for b, first in zip(batches, patients, strict=False)]),
        tuple(d for b in batches for d in b.devices),
        np.concatenate([b.device + np.int32(first) for b, first in zip(batches, devices, strict=False)]),
        *(
            np.concatenate([getattr(b, name) for b in batches])
            for name in ("seq", "observed_at", "received_at", "clock_ms", "values", "quality", "no_value")
        ),
    )


def taken(batch: Batch, at: npt.NDArray[np.int64]) -> Batch:
    """Some samples of `batch`."""
    names = ("seq", "observed_at", "received_at", "clock_ms", "values", "quality", "no_value")
    return Batch(batch.patients, batch.patient[at], batch.devices, batch.device[at], *(getattr(batch, n)[at] for n in names))


def _trace(finding: Finding, batches: Sequence[tuple[Batch, Record]]) -> bytes | None:
    """The trace of the last record that speaks of the finding's patient."""
    return next((record.trace for batch, record in reversed(batches) if finding.patient in batch.patients), None)


def _refusal(record: Record, detail: str, now_ms: int) -> Refusal:
    return Refusal(
        reason=Reason.MALFORMED, detail=detail, door="detect", source=f"readings@{record.offset}", received_at=now_ms, payload=record.value
    )
