"""The newest value of each vital of each patient, by column: (rows, V) arrays, a row a patient.

In: batches of readings with the Kafka offset that they came with. Out: which cells changed. Promise: of several readings of a cell the
one observed last wins, whatever order they come in, and of equals the one that came last; a value older than what is shown changes
nothing (it is history). A cell is `stale` once it is older than two of its own cadences, learned from its readings.
Dropped: nothing; readings that are not the newest are counted by the caller's return value.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vitals.batch import Batch
from vitals.registry import VITALS, V

NONE, LIVE, STALE, NO_VALUE, DOUBTFUL = range(5)
STATES = ("", "live", "stale", "no_value", "doubtful")
FLOOR_MS = 3_000
"""No value is stale before this age, however fast its channel: one lost packet is not silence."""
CADENCE_MAX_MS = 86_400_000
DOUBTFUL_BELOW = 0.5
_FAST = {"hr", "pulse", "spo2", "rr", "etco2"}
FIRST_CADENCE = np.array([10_000.0 if v.name in _FAST else 900_000.0 for v in VITALS])
"""ms; what is assumed of a channel until its second reading. This project's own choice."""
_BITS = np.arange(V, dtype=np.uint32)

type_cells = npt.NDArray[np.int64]


@dataclass(slots=True, eq=False)
class VitalTable:
    """Attributes (each (rows, V)): value, canonical unit, NaN = none; observed, ms; offset, the Kafka offset of its last change
    (-1: from the database); cadence, ms; state, index into STATES; stale_at, ms, when it went stale; clock, ms that was added to
    the device's own time; dirty, changed since `take`."""

    value: npt.NDArray[np.float64] = field(default_factory=lambda: np.full((64, V), np.nan))
    observed: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((64, V), np.int64))
    offset: npt.NDArray[np.int64] = field(default_factory=lambda: np.full((64, V), -1, np.int64))
    cadence: npt.NDArray[np.float64] = field(default_factory=lambda: np.tile(FIRST_CADENCE, (64, 1)))
    state: npt.NDArray[np.int8] = field(default_factory=lambda: np.zeros((64, V), np.int8))
    stale_at: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((64, V), np.int64))
    clock: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros((64, V), np.int32))
    dirty: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros((64, V), np.bool_))

    def reserve(self, rows: int) -> None:
        """Room for at least `rows` rows; grows by doubling."""
        while rows > len(self.value):
            empty = VitalTable()
            more = -(-len(self.value) // len(empty.value))
            for name in self.__slots__:
                parts = [getattr(self, name), *[getattr(empty, name)] * more]
                setattr(self, name, np.concatenate(parts))

    def fold(self, rows: npt.NDArray[np.int64], batch: Batch, offset: int, now: int) -> int:
        """Takes in `batch`, whose sample i is of row rows[i] (-1: not shown). Returns how many cells changed."""
        absent = (batch.no_value[:, None] >> _BITS) & 1 == 1
        told = (absent | ~np.isnan(batch.values)) & (rows >= 0)[:, None]
        sample, vital = np.nonzero(told)
        cell, observed = rows[sample] * V + vital, batch.observed_at[sample]
        order = np.lexsort((np.arange(len(cell)), observed, cell))
        last = np.append(cell[order][1:] != cell[order][:-1], True) if len(cell) else np.zeros(0, np.bool_)
        count = np.diff(np.append(-1, np.flatnonzero(last)))
        pick = order[last]
        newer = observed[pick] >= self.observed.reshape(-1)[cell[pick]]
        pick, count = pick[newer], count[newer]
        self._learn(cell[pick], observed[pick], count)
        gone, quality = absent[sample[pick], vital[pick]], batch.quality[sample[pick], vital[pick]]
        self._put(cell[pick], np.where(gone, np.nan, batch.values[sample[pick], vital[pick]]), observed[pick], offset)
        self.clock.reshape(-1)[cell[pick]] = batch.clock_ms[sample[pick]]
        fresh = np.where(gone, NO_VALUE, np.where(quality < DOUBTFUL_BELOW, DOUBTFUL, LIVE))
        self.state.reshape(-1)[cell[pick]] = fresh
        self._age(cell[pick], now)
        return len(pick)

    def sweep(self, now: int) -> int:
        """Marks what has gone stale by `now` (ms). Returns how many cells did."""
        return self._age(np.flatnonzero((self.state == LIVE) | (self.state == DOUBTFUL)), now)

    def take(self) -> npt.NDArray[np.bool_]:
        """The cells changed since the last call, (rows, V)."""
        taken, self.dirty = self.dirty, np.zeros_like(self.dirty)
        return taken

    def _put(self, cell: type_cells, value: npt.NDArray[np.float64], observed: type_cells, offset: int) -> None:
        self.value.reshape(-1)[cell] = np.round(value, 3)
        self.observed.reshape(-1)[cell] = observed
        self.offset.reshape(-1)[cell] = offset
        self.dirty.reshape(-1)[cell] = True

    def _learn(self, cell: type_cells, observed: type_cells, count: type_cells) -> None:
        """The cadence follows the gaps: at once on the second reading, then by three tenths; a pause of the device counts as three."""
        before, cadence = self.observed.reshape(-1)[cell], self.cadence.reshape(-1)
        gap = (observed - before) / np.maximum(count, 1)
        known = (before > 0) & (gap > 0)
        cell, gap = cell[known], gap[known]
        old = cadence[cell]
        first = old == FIRST_CADENCE[cell % V]
        learned = np.where(first, gap, old + 0.3 * (np.minimum(gap, 3 * old) - old))
        cadence[cell] = np.clip(learned, 1.0, CADENCE_MAX_MS)

    def _age(self, cell: type_cells, now: int) -> int:
        limit = np.maximum(2 * self.cadence.reshape(-1)[cell], FLOOR_MS)
        shown = np.isin(self.state.reshape(-1)[cell], (LIVE, DOUBTFUL))
        old = cell[shown & (now - self.observed.reshape(-1)[cell] > limit)]
        self.state.reshape(-1)[old] = STALE
        self.stale_at.reshape(-1)[old] = now
        self.dirty.reshape(-1)[old] = True
        return len(old)
