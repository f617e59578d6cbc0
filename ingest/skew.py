"""Each device's clock against the gateway's: estimated from live samples, noted when it changes, corrected when it must be wrong.

In: received_at - observed_at of samples that came singly (a backlog says nothing of the clock), by device. Out: `Entry`s for the ledger
(`clinical.clock`), and steps for `ingest.conditions`. Promise: robust to buffering: a window of WINDOW_MS counts only with LEAST samples
whose delays lie within SPREAD_MS, and its smallest delay is taken. A clock that is ahead is certainly wrong, for nothing arrives before it
is measured: it is corrected. One that seems behind may be a slow way: it is noted, not corrected. Dropped: windows that are not clear.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ingest.directory import Directory
from vitals.batch import type_i64

WINDOW_MS, LEAST, SPREAD_MS = 60_000, 20, 5_000
TOLERANCE_MS = 2_000
"""A difference below it changes nothing: the delays of a network are within it."""
STEP_MS = 10_000
"""A change above it between two windows is a jump that the ward is told of."""
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger. `step`: the skew jumped, and by how much in ms (0 = it only drifted)."""

    device: str
    skew_ms: int
    clock_ms: int
    samples: int
    step: int = 0


class Skew:
    """The current window. Not thread-safe; moments in ms."""

    def __init__(self) -> None:
        self._directory: Directory | None = None
        self._opened = 0
        self._low = self._high = self._count = np.empty(0, np.int64)

    def add(self, directory: Directory, device: type_i64, delay: type_i64) -> None:
        """(n,) rows of the directory and delays. A directory of other devices begins the window anew."""
        if directory is not self._directory:
            if self._directory is None or directory.number != self._directory.number:
                self._begin(directory, self._opened)
            self._directory = directory
        np.minimum.at(self._low, device, delay)
        np.maximum.at(self._high, device, delay)
        np.add.at(self._count, device, 1)

    def entries(self, now: int) -> list[Entry]:
        """What the ledger must say after this window; [] while it is open."""
        directory = self._directory
        if directory is None or now - self._opened < WINDOW_MS:
            return []
        clear = (self._count >= LEAST) & (self._high - self._low <= SPREAD_MS)
        found = [e for i in np.flatnonzero(clear).tolist() for e in self._entry(directory, i)]
        self._begin(directory, now)
        return found

    def _entry(self, directory: Directory, row: int) -> Iterator[Entry]:
        device, skew = directory.devices[row], -int(self._low[row])
        known = 0 if device.skew_ms is None else device.skew_ms
        change = skew - known
        if abs(change) > TOLERANCE_MS:
            step = change if device.skew_ms is not None and abs(change) > STEP_MS else 0
            yield Entry(device.id, skew, -skew if skew > TOLERANCE_MS else 0, int(self._count[row]), step)

    def _begin(self, directory: Directory, now: int) -> None:
        self._directory, self._opened = directory, now
        n = len(directory.devices)
        self._low, self._high, self._count = np.full(n, _NEVER), np.full(n, -_NEVER), np.zeros(n, np.int64)
