"""How often each device speaks, by its numbers: from samples in sequence alone, so that nothing that is missing counts. Pure, no clock."""

import numpy as np
import numpy.typing as npt

type_i64 = npt.NDArray[np.int64]

ROOM = 0.6
"""A device's pace is not a clock's: its next sample comes after this share of it at the soonest."""
_SLOWEST_MS = 2**31 - 1


class Cadence:
    """Of each slot: last_at, ms, observed_at of the highest number that went on, 0 = it has never counted up by one; step: ms between the
    last two in sequence, 0 = unknown; pace: the smaller of the last two steps, for one may have been a pause.
    """

    __slots__ = ("last_at", "pace", "step")

    def __init__(self) -> None:
        self.last_at: type_i64 = np.zeros(0, dtype=np.int64)
        self.step: npt.NDArray[np.int32] = np.zeros(0, dtype=np.int32)
        self.pace: npt.NDArray[np.int32] = np.zeros(0, dtype=np.int32)

    def grow(self, more: int) -> None:
        """Room for `more` slots."""
        self.last_at, self.step, self.pace = np.pad(self.last_at, (0, more)), np.pad(self.step, (0, more)), np.pad(self.pace, (0, more))

    def due(self) -> type_i64:
        """(slots,) ms: when each may speak again at the soonest, as far as its pace is known; 0: it has never counted up by one."""
        found: type_i64 = self.last_at + (ROOM * self.pace).astype(np.int64)
        return found

    def even(self, slots: type_i64, at: type_i64) -> None:
        """Samples in sequence, in order for each slot; at: (n,) ms, 0 of number 0, before which there is nothing."""
        before, repeated = self.last_at[slots], not (slots[1:] > slots[:-1]).all()
        if repeated:
            order = np.argsort(slots, kind="stable")
            slots, at = slots[order], at[order]
            first = np.append(True, slots[1:] != slots[:-1])[: len(slots)]
            before = np.where(first, before[order], np.roll(at, 1))
        step = np.where(before, np.clip(at - before, 0, _SLOWEST_MS), 0)
        last = np.where(first, self.step[slots], np.roll(step, 1)) if repeated else self.step[slots]
        self.pace[slots] = np.where(last, np.minimum(step, last), step)
        self.step[slots], self.last_at[slots] = step, at

    def one(self, slot: int, seq: int, t: int, *, next_one: bool) -> None:
        """One sample that is the highest; next_one: in sequence."""
        before = int(self.last_at[slot])
        if next_one:
            step, last = min(max(t - before, 0), _SLOWEST_MS) if before else 0, int(self.step[slot])
            self.step[slot], self.pace[slot] = step, min(step, last or step)
        if before or (next_one and seq):
            self.last_at[slot] = t
