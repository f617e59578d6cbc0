"""Each device's clock against the gateway's: estimated from live samples, noted when it changes, corrected when it is wrong.

In: (device, received_at, delay) of samples that came singly, and what devices say of their buffers. Out: `Entry`s for the ledger
(`clinical.clock`). Promise: the same samples in any batching give the same entries. A window of received time counts for a device with
LEAST samples whose delays lie within SPREAD_MS; a device that says less gets a longer one. Its smallest delay is taken.
A clock that is ahead is certainly wrong, for nothing arrives before it is measured. A delay that stays is a slow clock, one that shrinks
a buffer that empties: it counts when two windows agree to STEADY_MS. It may still be a buffer that never catches up when it came with
a silence of its own length, or when the device says that it holds samples: then it is noted and told, not corrected. A device's word that
the broker kept says how many it holds, but not that it said so since the silence.
Dropped: unclear windows, samples of a closed one.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ingest.directory import Directory
from vitals.batch import type_i64
from vitals.link import Link

WINDOW_MS, LEAST, SPREAD_MS, STEADY_MS = 30_000, 10, 5_000, 250
TOLERANCE_MS = 2_000
"""A difference below it changes nothing: the delays of a network are within it."""
MOST_MS = 86_400_000
"""A clock further behind is noted and told, not corrected: that long ago a device may truly have measured."""
_NEVER = np.iinfo(np.int64).max
_COUNT, _LOW, _HIGH, _LAST, _GAP, _GAP_FROM, _BEFORE, _SETTLED, _DOUBT, _USUAL = range(10)
_FRESH = np.array([0, _NEVER, -_NEVER, 0, 0, 0, _NEVER, _NEVER, 0, 0], np.int64)
_SAYINGS = 8
WHENEVER = 0
"""The moment of a word that the broker kept: nobody knows it."""

Live = tuple[type_i64, type_i64, type_i64]
"""(n,) rows of the directory, received_at, and received_at - the device's own time, in ms and in the order of receiving."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger: how far the clock is ahead (behind: negative), and what is added to its times from now on."""

    device: str
    skew_ms: int
    clock_ms: int
    samples: int


class Skew:
    """What was seen of each device: a column of `_seen` each, a row each of the names above. Not thread-safe; moments in ms."""

    def __init__(self) -> None:
        self._directory: Directory | None = None
        self._window = 0
        self._seen = np.empty((len(_FRESH), 0), np.int64)
        self._said: dict[str, deque[tuple[int, int]]] = {}
        self._noted: dict[str, Entry] = {}

    def said(self, links: Sequence[Link]) -> None:
        """What devices say of their buffers while they are on line. To be given no later than the samples received with it."""
        for link in links:
            if link.buffered is not None and link.state == "online":
                said = self._said.setdefault(link.device, deque(maxlen=_SAYINGS))
                before = said[-1][0] if said else WHENEVER
                said.append((before if link.at == WHENEVER else link.at, link.buffered))

    def fold(self, directory: Directory, live: Live | None, now: int) -> list[Entry]:
        """Takes the samples in; what the ledger must say after the windows that are over by `now`."""
        self._know(directory)
        found: list[Entry] = []
        if live is not None and len(live[0]):
            numbers = live[1] // WINDOW_MS
            for number in np.unique(numbers[numbers >= self._window]).tolist():
                found += self._close(number)
                self._add(*(column[numbers == number] for column in live))
        return found + self._close(now // WINDOW_MS)

    def _know(self, directory: Directory) -> None:
        """Keeps what was seen of the devices that are still there."""
        before, self._directory = self._directory, directory
        if before is directory:
            return
        self._noted.clear()
        if before is None or before.number != directory.number:
            kept = [(before.number[d], i) for d, i in directory.number.items() if d in before.number] if before is not None else []
            seen = np.repeat(_FRESH[:, None], len(directory.devices), axis=1)
            seen[:, [i for _, i in kept]] = self._seen[:, [i for i, _ in kept]]
            self._seen = seen
            self._said = {d: s for d, s in self._said.items() if d in directory.number}

    def _add(self, device: type_i64, received_at: type_i64, delay: type_i64) -> None:
        seen, order = self._seen, np.argsort(device, kind="stable")
        d, at = device[order], received_at[order]
        before = np.concatenate(([0], at[:-1]))
        first = np.concatenate(([True], d[1:] != d[:-1]))
        before[first] = seen[_LAST, d[first]]
        gap = np.where(before > 0, at - before, 0)
        for i in np.flatnonzero(gap > np.maximum(seen[_GAP, d], TOLERANCE_MS)).tolist():
            if gap[i] > seen[_GAP, d[i]]:
                seen[_GAP, d[i]], seen[_GAP_FROM, d[i]] = gap[i], before[i]
        np.maximum.at(seen[_LAST], d, at)
        np.minimum.at(seen[_LOW], device, delay)
        np.maximum.at(seen[_HIGH], device, delay)
        np.add.at(seen[_COUNT], device, 1)

    def _close(self, upto: int) -> list[Entry]:
        """Ends the window, if one later than it is open by now."""
        if upto <= self._window:
            return []
        seen, end, self._window = self._seen, (self._window + 1) * WINDOW_MS, upto
        wide = (seen[_COUNT] > 0) & (seen[_HIGH] - seen[_LOW] > SPREAD_MS)
        clear = (seen[_COUNT] >= LEAST) & ~wide
        found = [e for i in np.flatnonzero(clear).tolist() for e in self._judged(i, end)]
        seen[_BEFORE] = np.where(wide, _NEVER, np.where(clear, seen[_LOW], seen[_BEFORE]))
        for name in (_COUNT, _LOW, _HIGH):
            seen[name, wide | clear] = _FRESH[name]
        return found

    def _judged(self, i: int, end: int) -> Iterator[Entry]:
        if self._directory is None:
            return
        seen, device = self._seen[:, i], self._directory.devices[i]
        low = int(seen[_LOW])
        behind = low > TOLERANCE_MS
        if behind and abs(low - int(seen[_BEFORE])) > STEADY_MS:
            return
        doubt = behind and self._doubtful(device.id, seen, end)
        known = self._noted.get(device.id) or Entry(device.id, device.skew_ms or 0, device.clock_ms, 0)
        clock = known.clock_ms if doubt else low if abs(low) > TOLERANCE_MS and low <= MOST_MS else 0
        decided = seen[_DOUBT] and not doubt and clock != known.clock_ms
        if decided or abs(low + known.skew_ms) > TOLERANCE_MS:
            self._noted[device.id] = Entry(device.id, -low, clock, int(seen[_COUNT]))
            yield self._noted[device.id]
        seen[_DOUBT] = doubt
        if not doubt:
            seen[_SETTLED], seen[_USUAL], seen[_GAP] = low, seen[_GAP], 0

    def _doubtful(self, device: str, seen: type_i64, end: int) -> bool:
        """Whether a delay that stays may be a buffer's."""
        said = [(at, buffered) for at, buffered in self._said.get(device, ()) if at < end]
        if said and said[-1][1] > 0:
            return True
        settled = int(seen[_SETTLED])
        late = int(seen[_LOW]) - settled if settled != _NEVER else 0
        silent = settled <= TOLERANCE_MS and 2 * int(seen[_GAP]) > 3 * int(seen[_USUAL])  # was right, and then said nothing: it may drain
        grew = late > TOLERANCE_MS or silent
        return grew and 2 * int(seen[_GAP]) >= late and not (said and said[-1][0] > seen[_GAP_FROM])
