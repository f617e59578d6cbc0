"""Which sample numbers of which device are stored already: identity (device, seq) is for ever, whatever the time.

In: columns of device and sample numbers. Out: a mask of the samples that are new, and the runs of consecutive numbers to remember.
Promise: of several samples with one identity exactly the first is new, in one call or over many; `fresh` changes nothing, only `add` does.
A device that is not loaded has to be loaded first (`unknown`); nothing here forgets by itself.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Ranges:
    """A set of integers as disjoint, non-adjacent, rising ranges, both ends inclusive."""

    __slots__ = ("highs", "lows")

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self.lows: list[int] = []
        self.highs: list[int] = []
        for low, high in pairs:
            self.add(low, high)

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self.lows, number) - 1
        return place >= 0 and number <= self.highs[place]

    @property
    def top(self) -> int | None:
        """The highest number, None when empty."""
        return self.highs[-1] if self.highs else None

    def add(self, low: int, high: int) -> None:
        """Joins low..high with every range that it touches."""
        first = bisect_left(self.highs, low - 1)
        last = bisect_right(self.lows, high + 1)
        if first < last:
            low, high = min(low, self.lows[first]), max(high, self.highs[last - 1])
        self.lows[first:last] = [low]
        self.highs[first:last] = [high]

    def pairs(self) -> list[tuple[int, int]]:
        """(low, high), both inclusive, rising."""
        return list(zip(self.lows, self.highs, strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Consecutive numbers by column, (k,) each: device devices[i] has lows[i]..highs[i]."""

    devices: Ints
    lows: Ints
    highs: Ints


def runs_of(device: Ints, seq: Ints) -> Runs:
    """The runs in (device, seq), which hold every pair once; in any order."""
    if not len(device):
        return Runs(device, seq, seq)
    order = np.lexsort((seq, device))
    d, s = device[order], seq[order]
    broken = np.flatnonzero((d[1:] != d[:-1]) | (s[1:] != s[:-1] + 1)) + 1
    starts = np.concatenate(([0], broken))
    ends = np.append(broken, len(d)) - 1
    return Runs(d[starts], s[starts], s[ends])


class Ledger:
    """The ranges of every device that has been loaded."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: dict[int, Ranges] = {}

    def unknown(self, devices: Iterable[int]) -> list[int]:
        """The devices among these that are not loaded."""
        return [device for device in devices if device not in self._seen]

    def load(self, device: int, pairs: Sequence[tuple[int, int]]) -> None:
        """What is stored of `device`."""
        self._seen[device] = Ranges(pairs)

    def forget(self) -> None:
        """Everything has to be loaded again: another process may have stored meanwhile."""
        self._seen.clear()

    def fresh(self, device: Ints, seq: Ints) -> Mask:
        """(n,) True where the pair is new and its first of this call. Raises KeyError for a device that is not loaded."""
        if not len(device):
            return np.ones(0, dtype=bool)
        order = np.lexsort((seq, device))
        d, s = device[order], seq[order]
        first = np.ones(len(d), dtype=bool)
        first[1:] = (d[1:] != d[:-1]) | (s[1:] != s[:-1])
        starts = np.flatnonzero(np.concatenate(([True], d[1:] != d[:-1])))
        ends = np.append(starts[1:], len(d))
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            self._strike(self._seen[int(d[start])], s[start:end], first[start:end])
        mask = np.empty(len(d), dtype=bool)
        mask[order] = first
        return mask

    @staticmethod
    def _strike(seen: Ranges, seqs: Ints, first: Mask) -> None:
        """Clears `first` where `seqs` (rising) is known; numbers above all known ones, the usual case, cost one comparison."""
        top = seen.top
        if top is None or seqs[0] > top:
            return
        for place in range(int(np.searchsorted(seqs, top, side="right"))):
            if int(seqs[place]) in seen:
                first[place] = False

    def add(self, runs: Runs) -> None:
        """Remembers `runs`, once they are stored."""
        for device, low, high in zip(runs.devices.tolist(), runs.lows.tolist(), runs.highs.tolist(), strict=True):
            self._seen[device].add(low, high)
