"""Which samples were seen before: (device, seq) identifies a sample for ever.

In: a device's slot and sequence number for each sample, in order. Out: a mask of the new ones. A device normally counts up by
one, so a slot keeps the highest number seen and the holes below it. Promise: exact, however old the number, while a device has
at most `HOLES` holes. Dropped beyond that: the lowest hole; a sample that would have filled it then counts as a duplicate.
"""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

type_i64 = npt.NDArray[np.int64]
Hole = tuple[int, int]

HOLES = 256
NOTHING = -1
"""`top` of a device of which no sample has been seen."""


class Seen:
    """For each slot the highest number seen and the holes below it (inclusive, ascending).

    >>> seen = Seen(); seen.grow(1); slots = np.zeros(4, dtype=np.int64)
    >>> seen.new(slots, np.array([5, 6, 6, 9])).tolist(), seen.new(slots, np.array([7, 7, 4, 9])).tolist()
    ([True, True, False, True], [True, False, True, False])
    """

    __slots__ = ("forgotten", "holes", "top")

    def __init__(self) -> None:
        self.top: type_i64 = np.zeros(0, dtype=np.int64)
        self.holes: list[list[Hole]] = []
        self.forgotten = 0

    def grow(self, slots: int) -> None:
        """Room for `slots`."""
        self.top = np.concatenate([self.top, np.full(slots - len(self.top), NOTHING, dtype=np.int64)])
        self.holes.extend([] for _ in range(slots - len(self.holes)))

    def new(self, slots: type_i64, seqs: type_i64) -> npt.NDArray[np.bool_]:
        """(n,) True where the sample is new; the numbers then count as seen."""
        new = np.ones(len(slots), dtype=np.bool_)
        uneven = self.uneven(slots, seqs)
        if uneven is not None:
            at = np.flatnonzero(uneven)
            new[at] = [self.one(d, s) for d, s in zip(slots[at].tolist(), seqs[at].tolist(), strict=True)]
        return new

    def uneven(self, slots: type_i64, seqs: type_i64, more: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.bool_] | None:
        """(n,) True for all samples of slots whose numbers do not go up by one, or that are under `more`; None: there are none.

        Of the other slots all numbers then count as seen. That costs no Python at all.
        """
        if more is None and (slots[1:] > slots[:-1]).all() and (seqs == self.top[slots] + 1).all():
            self.top[slots] = seqs
            return None
        order = np.argsort(slots, kind="stable")
        slot, seq = slots[order], seqs[order]
        first = np.ones(len(slot), dtype=np.bool_)
        first[1:] = slot[1:] != slot[:-1]
        previous = np.where(first, self.top[slot], np.roll(seq, 1))
        odd = seq != previous + 1
        if more is not None:
            odd |= more[order]
        uneven = np.zeros(len(slot), dtype=np.bool_)
        if odd.any():
            irregular = np.isin(slot, slot[odd])
            uneven[order[irregular]] = True
            slot, seq = slot[~irregular], seq[~irregular]
        last = np.ones(len(slot), dtype=np.bool_)
        last[:-1] = slot[1:] != slot[:-1]
        self.top[slot[last]] = seq[last]
        return uneven if odd.any() else None

    def one(self, slot: int, seq: int) -> bool:
        """Whether one sample is new; its number then counts as seen."""
        top = int(self.top[slot])
        if seq > top:
            if seq > top + 1:
                self._hole(slot, (top + 1, seq - 1))
            self.top[slot] = seq
            return True
        holes = self.holes[slot]
        i = bisect_right(holes, seq, key=_begin) - 1
        if i < 0 or seq > holes[i][1]:
            return False
        begin, end = holes[i]
        holes[i : i + 1] = [h for h in ((begin, seq - 1), (seq + 1, end)) if h[0] <= h[1]]
        self._bounded(holes)
        return True

    def _hole(self, slot: int, hole: Hole) -> None:
        self.holes[slot].append(hole)
        self._bounded(self.holes[slot])

    def _bounded(self, holes: list[Hole]) -> None:
        if len(holes) > HOLES:
            del holes[0]
            self.forgotten += 1

    def restore(self, slot: int, top: int, holes: Sequence[Hole]) -> None:
        """A slot as it was saved."""
        self.top[slot], self.holes[slot] = top, [(int(a), int(b)) for a, b in holes]


def _begin(hole: Hole) -> int:
    return hole[0]
