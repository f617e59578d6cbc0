"""A sample that waits, those of one device, and what of a batch goes on: what `order`, `watermark` and `held_back` hold in hand."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from vitals.batch import Batch
from vitals.registry import V


class Row(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A sample that waits. values: V float64, quality: V float32, as bytes."""

    seq: int
    observed_at: int
    received_at: int
    clock_ms: int
    no_value: int
    values: bytes
    quality: bytes


@dataclass(slots=True)
class Line:
    """What waits of one device, by number. since: ms, received_at of what has waited longest."""

    rows: list[Row]
    since: int


@dataclass(slots=True)
class Passed:
    """What goes on, in order: `source`, a place in the batch of n samples, or n + k for `released[k]` (slot, sample).

    held: (slot, received_at) of what waits from now on. place: that in the batch with which each goes on.
    """

    n: int
    source: list[int] = field(default_factory=list)
    place: list[int] = field(default_factory=list)
    released: list[tuple[int, Row]] = field(default_factory=list)
    held: list[tuple[int, int]] = field(default_factory=list)
    duplicates: int = 0

    def goes(self, at: int) -> None:
        """The sample at a place of the batch."""
        self.source.append(at)
        self.place.append(at)

    def release(self, at: int, slot: int, row: Row) -> None:
        """One that waited, with the sample at a place of the batch."""
        self.source.append(self.n + len(self.released))
        self.place.append(at)
        self.released.append((slot, row))


def place(line: Line, seq: int) -> tuple[int, bool]:
    """Where a number stands in the line, and whether it is there."""
    k = bisect_left(line.rows, seq, key=_seq)
    return k, k < len(line.rows) and line.rows[k].seq == seq


def _seq(row: Row) -> int:
    return row.seq


def since(rows: list[Row]) -> int:
    """The received_at of what has waited longest."""
    return min(row.received_at for row in rows)


def sample(batch: Batch, i: int) -> Row:
    """The sample at place i of a batch, by itself."""
    seq, observed_at, received_at = int(batch.seq[i]), int(batch.observed_at[i]), int(batch.received_at[i])
    clock_ms, no_value = int(batch.clock_ms[i]), int(batch.no_value[i])
    return Row(seq, observed_at, received_at, clock_ms, no_value, batch.values[i].tobytes(), batch.quality[i].tobytes())


def spread(rows: Sequence[Row]) -> tuple[Any, ...]:
    """n samples as a batch's columns from `seq` on."""
    times = np.array([(row.seq, row.observed_at, row.received_at) for row in rows], dtype=np.int64).reshape(-1, 3)
    clock_ms = np.array([row.clock_ms for row in rows], dtype=np.int32)
    no_value = np.array([row.no_value for row in rows], dtype=np.uint32)
    values = np.frombuffer(b"".join(row.values for row in rows), dtype=np.float64).reshape(-1, V)
    quality = np.frombuffer(b"".join(row.quality for row in rows), dtype=np.float32).reshape(-1, V)
    return times[:, 0], times[:, 1], times[:, 2], clock_ms, values, quality, no_value
