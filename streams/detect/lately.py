"""What a partition heard in the last minutes, and what it knew before: all that is needed to judge a patient again.

In: the samples as they are folded, the pages as a checkpoint writes them. Out: of some patients the samples since, in no order; what was
known of a patient at some time before. A base is what was known at one moment: the pages of that moment, which are there anyway, and the
newest time that each patient had spoken of by then. What came late and belongs before a base is put into it: of that patient the base has
a page of its own. Promise: of each patient there is a base with nothing in it that was said in the last minute, and all that came since.
Bounded: a base every `STRIDE_MS`, the oldest a minute and a half old; `MOST_BYTES` of samples: beyond that the oldest are forgotten, with
the bases before them. A patient of 1 Hz and six vitals costs 6 to 9 kB.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streams.detect.checkpoint import PAGE
from streams.detect.order import GRACE_MS, HOLD_MS
from streams.detect.packed import packed, unpacked
from streams.detect.samples import merged
from vitals.batch import Batch

type_i64 = npt.NDArray[np.int64]
type_bool = npt.NDArray[np.bool_]

STRIDE_MS = 30_000
SPAN_MS = HOLD_MS + 5 * GRACE_MS
"""How old the newest base of before must be: a sample is late by a minute, a clock ahead by seconds."""
MOST_BASES, MOST_BYTES = 16, 64_000_000


class Own(NamedTuple):
    """All that was said of a patient until then, of what had come up to an offset, as a page of that patient alone (`checkpoint.add`)."""

    until: int
    offset: int
    page: bytes


@dataclass(slots=True, eq=False)
class Base:
    """number: they are counted. moment: newest received_at. included: (pages,) up to which offset. at: (rows,) newest observed_at of each
    patient; who has none yet was not known. own: row -> what is known of that patient better.
    """

    number: int
    moment: int
    included: type_i64
    pages: Mapping[int, bytes]
    at: type_i64
    own: dict[int, Own] = field(default_factory=dict)

    def knows(self, row: int) -> bool:
        """Whether the patient had been heard."""
        return row < len(self.at)

    def until(self, row: int) -> int:
        """The newest time that is in it of a patient; -1: none."""
        if row in self.own:
            return self.own[row].until
        return int(self.at[row]) if self.knows(row) else -1

    def offset(self, row: int) -> int:
        """The offset up to which it has all of a patient; -1: it knows nothing of them."""
        return int(self.included[row // PAGE]) if self.knows(row) else -1

    def lacks(self, row: int, t: type_i64, offsets: type_i64) -> type_bool:
        """(n,) which of the samples of a patient are not in it."""
        if row in self.own:
            return np.asarray((t > self.own[row].until) | (offsets > self.own[row].offset))
        return np.asarray(offsets > self.offset(row))


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """What was folded at once. offsets, ends: (k,) of each record, and the place after its last sample. rows: (n,) whose they are."""

    received_at: int
    offsets: type_i64
    ends: type_i64
    rows: npt.NDArray[np.int32]
    packed: bytes


class Lately:
    """`bases`: oldest first. A base from before the offset in `barred`, by row, is of another time for that patient (`bar`).
    `made`: the number of the newest base.
    """

    __slots__ = ("_bytes", "_heard", "_latest", "barred", "bases", "made")

    def __init__(self, pages: Mapping[int, bytes], included: type_i64, at: type_i64, moment: int) -> None:
        self._latest = dict(pages)
        self._heard: list[_Heard] = []
        self._bytes = 0
        self.made = 0
        self.bases = [Base(0, moment, included.copy(), dict(pages), at.copy())]
        self.barred: dict[int, int] = {}

    def note(self, batch: Batch, rows: type_i64, records: Sequence[tuple[int, int]]) -> None:
        """Samples were folded; rows: (n,) their patients. records: the offset of each record, and how many of the samples it had."""
        newest = max(int(batch.received_at.max(initial=0)), self._heard[-1].received_at if self._heard else 0)
        offsets, counts = np.array(records, dtype=np.int64).reshape(-1, 2).T
        self._heard.append(_Heard(newest, offsets, np.cumsum(counts), rows.astype(np.int32), packed(batch)))
        self._bytes += _size(self._heard[-1])

    def keep(self, pages: Mapping[int, bytes], offset: int, at: type_i64, moment: int, *, wanted: bool) -> None:
        """A checkpoint was made of what had changed. at: (rows,). wanted: somebody is to be judged again, from a base there is."""
        self._latest.update(pages)
        if self.bases and moment - self.bases[-1].moment < STRIDE_MS:
            return
        included = np.full(max(self._latest, default=-1) + 1, offset, dtype=np.int64)
        self.made += 1
        self.bases.append(Base(self.made, moment, included, dict(self._latest), at.copy()))
        while self._oldest_is_over(moment, wanted=wanted):
            del self.bases[0]
        self._forget()

    def bar(self, row: int, offset: int) -> None:
        """What was known of a patient up to and with `offset` says nothing any more: other limits hold, or nobody watched them."""
        self.barred[row] = offset

    def base(self, row: int, since: int, newest: int) -> int | None:
        """The newest base of a patient, up to number `newest`, in which nothing was said at or after `since`; None: there is none."""
        barred = self.barred.get(row)
        for k in range(len(self.bases) - 1, -1, -1):
            if barred is not None and self.bases[k].offset(row) <= barred:
                return None
            if self.bases[k].number <= newest and self.bases[k].until(row) < since:
                return k
        return None

    def samples(self, patients: Mapping[int, str]) -> tuple[Batch, type_i64, type_i64] | None:
        """What was heard of some patients, by row: the samples (n,), the row and the offset of each; None: nothing."""
        found = list(self._of(np.array(sorted(patients), dtype=np.int64), tuple(patients[row] for row in sorted(patients))))
        if not found:
            return None
        return merged([batch for batch, _, _ in found]), np.concatenate([r for _, r, _ in found]), np.concatenate([o for _, _, o in found])

    def _of(self, rows: type_i64, names: tuple[str, ...]) -> Iterator[tuple[Batch, type_i64, type_i64]]:
        for each in self._heard:
            at = np.flatnonzero(np.isin(each.rows, rows))
            if len(at):
                of = each.rows[at].astype(np.int64)
                batch = unpacked(each.packed, at, names, np.searchsorted(rows, of).astype(np.int32))
                yield batch, of, each.offsets[np.searchsorted(each.ends, at, side="right")]

    def _oldest_is_over(self, moment: int, *, wanted: bool) -> bool:
        over = len(self.bases) > 1 and self.bases[1].moment <= moment - SPAN_MS
        return over and (not wanted or len(self.bases) > MOST_BASES)

    def _forget(self) -> None:
        """What came so long before the oldest base that nothing of it waits there; and what there is no room for."""
        first = bisect_right(self._heard, self.bases[0].moment - SPAN_MS, key=_received_at)
        self._drop(first)
        while self._bytes > MOST_BYTES:
            gone = self._heard[0].received_at
            self._drop(1)
            self.bases = [base for base in self.bases if base.moment - SPAN_MS >= gone]
        offset = min((int(base.included.max(initial=-1)) for base in self.bases), default=-1)
        self.barred = {row: at for row, at in self.barred.items() if at >= offset}

    def _drop(self, n: int) -> None:
        self._bytes -= sum(_size(each) for each in self._heard[:n])
        del self._heard[:n]


def _received_at(each: _Heard) -> int:
    return each.received_at


def _size(each: _Heard) -> int:
    return len(each.packed) + each.rows.nbytes + each.offsets.nbytes + each.ends.nbytes
