"""Samples of distinct patients, folded together: a round; and what of their readings is in order.

In: a batch in order. Out: rounds, in each of which a row occurs at most once; readings that are not older than the newest of their vital.
The others are history: counted as `late`, their excursions are summed up.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from streams.detect.conditions import Sightings, watch_past
from streams.detect.memory import Memory
from vitals.batch import Batch
from vitals.registry import V

type_f64 = npt.NDArray[np.float64]
type_i64 = npt.NDArray[np.int64]
type_bool = npt.NDArray[np.bool_]

GAP_SHARE = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """n samples of distinct patients: rows, times, which are live, what each says, and of which device (place in `names`)."""

    rows: type_i64
    t: type_i64
    received_at: type_i64
    live: type_bool
    values: type_f64
    quality: npt.NDArray[np.float32]
    no_value: npt.NDArray[np.uint32]
    device: npt.NDArray[np.int32]
    names: tuple[str, ...]

    def of(self, rows: type_i64) -> "Round":
        """The same of other rows (n,), without those that have none there (-1)."""
        some = rows >= 0
        columns = (self.t, self.received_at, self.live, self.values, self.quality, self.no_value, self.device)
        t, received_at, live, values, quality, no_value, device = (cast(Any, column)[some] for column in columns)
        return Round(rows[some], t, received_at, live, values, quality, no_value, device, self.names)


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """m good readings: sample in the round, vital, cell of the memory, value, time."""

    sample: type_i64
    vital: type_i64
    cell: type_i64
    x: type_f64
    t: type_i64

    def only(self, mask: type_bool) -> "Readings":
        return Readings(self.sample[mask], self.vital[mask], self.cell[mask], self.x[mask], self.t[mask])

    def seen(self, r: Round, mask: type_bool, x: type_f64, first_channel: int) -> Sightings:
        """Sightings of the readings under `mask` on their vitals' channels from `first_channel`."""
        sample = self.sample[mask]
        return Sightings(r.rows[sample], self.vital[mask] + first_channel, x[mask], self.t[mask], r.received_at[sample], r.live[sample])


def rounds(rows: type_i64) -> Iterator[type_i64]:
    """Places in `rows` such that each round has a row at most once and a row's places come in order.

    >>> [r.tolist() for r in rounds(np.array([7, 8, 7, 7]))]
    [[0, 1], [2], [3]]
    """
    if not len(rows):
        return
    if (rows[1:] > rows[:-1]).all():
        yield np.arange(len(rows))
        return
    order = np.argsort(rows, kind="stable")
    first = np.ones(len(rows), dtype=np.bool_)
    first[1:] = rows[order[1:]] != rows[order[:-1]]
    if first.all():
        yield np.arange(len(rows))
        return
    place = np.arange(len(rows))
    nth = place - np.maximum.accumulate(np.where(first, place, 0))
    by_round = np.argsort(nth, kind="stable")
    yield from np.split(order[by_round], np.cumsum(np.bincount(nth))[:-1])


def round_of(memory: Memory, batch: Batch, rows: type_i64, place: type_i64) -> Round:
    t, received_at = batch.observed_at[place], batch.received_at[place]
    whole = len(place) == len(batch)  # a round of all is in their order
    values, quality = (batch.values, batch.quality) if whole else (batch.values[place], batch.quality[place])
    live = received_at - t <= memory.rules.late_s * 1000
    return Round(rows, t, received_at, live, values, quality, batch.no_value[place], batch.device[place], batch.devices)


def gaps(memory: Memory, m: Readings) -> type_f64:
    """(m,) the learned pace with these readings; kept only after the timers were told how long the readings before them stood."""
    at, gap = memory.cells.at[m.cell], memory.cells.gap[m.cell]
    elapsed = m.t - at
    return np.where(at > 0, np.where(gap > 0, gap + GAP_SHARE * (elapsed - gap), elapsed), 0.0)


def readings_of(r: Round, good: type_bool) -> Readings:
    sample, vital = good.nonzero()
    return Readings(sample, vital, r.rows[sample] * V + vital, r.values[sample, vital], r.t[sample])


def in_order(memory: Memory, r: Round, readings: Readings) -> Readings:
    """The readings that are not older than the newest of their vital; the others are history."""
    late = readings.t < memory.cells.at[readings.cell]
    if not np.count_nonzero(late):
        return readings
    old = readings.only(late)
    memory.count("late", len(old.x))
    memory.rows.history_at[r.rows[old.sample]] = r.received_at[old.sample]
    watch_past(memory, old.seen(r, np.ones(len(old.x), dtype=np.bool_), old.x, 0))
    return readings.only(~late)
