"""The one timer behind every condition: an excursion must last before it counts, and be over for a while before it ends.

In: for m distinct channels a value each, with its time and bounds. Out: what began, grew worse or ended, as columns.
Between two values that are both beyond a step, the time counts. A value that the next one contradicts counts for nothing, unless it
stood for `alone` (a spot check, or an overdue next reading); none counts longer than `hold`: time without readings proves nothing.
  - Idle -> open: beyond the first step. Open -> fired: beyond it for `wait1`, or beyond the second step for `wait2`.
  - Hysteresis: once beyond a step, a value counts as beyond it until it is back inside by `hysteresis`.
  - Open -> idle: back inside, or nothing known for longer than `hold`. Fired -> returning: back inside; returning -> idle after
    `clear` inside without a break; a silence does not end a fired condition. The other side ends the one and opens the other.
Promise: integer milliseconds throughout, so any batching gives the same. Nothing is dropped.
The longer wait of the milder excursion: 137 alerts a patient-day on ward wearables became 19 by it (CLINICAL.md).
"""

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

type_f64 = npt.NDArray[np.float64]
type_i64 = npt.NDArray[np.int64]
type_i8 = npt.NDArray[np.int8]
type_bool = npt.NDArray[np.bool_]


@dataclass(slots=True, eq=False)
class Timers:
    """One cell a channel, flat (patients * CHANNELS,). Times in ms of observed_at; 0 = never.

    severity: -2..2, the step that the last value was beyond (sign = side). side: of the open or fired condition.
    fired: 0..2, the step announced. held: fired on history and not yet announced. at: the last value's time. since: when the
    excursion began. returned: when a fired one came back inside. spent1, spent2: ms beyond each step. inside: ms back inside.
    """

    severity: type_i8 = field(metadata={"dtype": np.int8})
    side: type_i8 = field(metadata={"dtype": np.int8})
    fired: type_i8 = field(metadata={"dtype": np.int8})
    held: type_i8 = field(metadata={"dtype": np.int8})
    at: type_i64 = field(metadata={"dtype": np.int64})
    since: type_i64 = field(metadata={"dtype": np.int64})
    returned: type_i64 = field(metadata={"dtype": np.int64})
    spent1: type_i64 = field(metadata={"dtype": np.int64})
    spent2: type_i64 = field(metadata={"dtype": np.int64})
    inside: type_i64 = field(metadata={"dtype": np.int64})
    worst: type_f64 = field(metadata={"dtype": np.float64})

    @classmethod
    def of(cls, cells: int) -> "Timers":
        """All idle."""
        return cls(*(np.zeros(cells, dtype=f.metadata["dtype"]) for f in fields(cls)))

    @staticmethod
    def names() -> tuple[str, ...]:
        """The columns' names."""
        return _NAMES

    def grown(self, cells: int) -> "Timers":
        """The same with room for `cells`."""
        return Timers(*(_longer(getattr(self, name), cells) for name in self.names()))

    def taken(self, cells: type_i64) -> "Timers":
        """Copies of some cells."""
        return Timers(*(getattr(self, name)[cells] for name in self.names()))

    def put(self, cells: type_i64, other: "Timers") -> None:
        """Writes `other` back."""
        for name in self.names():
            getattr(self, name)[cells] = getattr(other, name)


_NAMES = tuple(f.name for f in fields(Timers))
_CLEARED = tuple(name for name in _NAMES if name != "at")


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """m values to fold in, each on another channel.

    cells: (m,) index into Timers. x: (m,). t: (m,) ms, not before the cell's `at`. low1..high2: (m,) bounds. hold: (m,) ms.
    alone: (m,) ms that a value must stand to count by itself. wait1, wait2, clear: (m,) ms. hysteresis: (m,).
    """

    cells: type_i64
    x: type_f64
    t: type_i64
    low1: type_f64
    low2: type_f64
    high1: type_f64
    high2: type_f64
    hysteresis: type_f64
    wait1: type_i64
    wait2: type_i64
    clear: type_i64
    hold: type_i64
    alone: type_i64


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """k changes, in order for each cell: `which` (k,) index into the values; `phase` -1 end, 1 start, 2 update (worse).

    before: a snapshot of each changed cell, taken where its condition was still there.
    """

    which: type_i64
    phase: type_i8
    before: Timers


_NOTHING = Changes(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int8), Timers.of(0))


def advance(timers: Timers, v: Values) -> list[Changes]:
    """Folds `v` in. The returned groups are in order of time: what the past interval brought, then what the new values bring."""
    c = timers.taken(v.cells)
    lapsed: type_bool = v.t - c.at > v.hold
    raw = _severity(c, v, lapsed)
    _pass_time(c, v, np.where(np.sign(raw) == np.sign(c.severity), np.abs(raw), 0))
    changes = [_announced(c, v)]
    over = (c.fired > 0) & (c.severity == 0) & (c.inside >= v.clear)
    flipped = (c.side != 0) & (raw != 0) & (np.sign(raw) != c.side)
    c.returned = np.where(flipped & (c.severity != 0), v.t, c.returned)
    gone = over | (flipped & (c.fired > 0))
    changes.append(_changes(c, gone, np.full(len(gone), -1, dtype=np.int8)))
    _cleared(c, over | flipped | ((c.fired == 0) & (raw == 0)) | (lapsed & (c.fired == 0)))
    _enter(c, v, raw)
    changes.append(_announced(c, v))
    timers.put(v.cells, c)
    return [change for change in changes if len(change.which)]


def _pass_time(c: Timers, v: Values, confirmed: npt.NDArray[Any]) -> None:
    """Credits the time since the last value to what that value said, where the next one confirms that step or it stood alone."""
    elapsed = v.t - c.at
    stood = np.minimum(elapsed, v.hold)
    beyond = np.abs(c.severity)
    alone = elapsed >= v.alone
    c.spent1 = c.spent1 + np.where((beyond >= 1) & (alone | (confirmed >= 1)), stood, 0)
    c.spent2 = c.spent2 + np.where((beyond >= 2) & (alone | (confirmed >= 2)), stood, 0)
    c.inside = c.inside + np.where(beyond == 0, stood, 0)


def _announced(c: Timers, v: Values) -> Changes:
    """Fires what has lasted long enough by now."""
    beyond = np.abs(c.severity)
    level = np.where((beyond >= 2) & (c.spent2 >= v.wait2), 2, np.where((beyond >= 1) & (c.spent1 >= v.wait1), 1, 0)).astype(np.int8)
    more = level > c.fired
    phase = np.where(c.fired == 0, 1, 2).astype(np.int8)
    c.fired = np.maximum(c.fired, level)
    return _changes(c, more, phase)


def _changes(c: Timers, mask: type_bool, phase: type_i8) -> Changes:
    which = mask.nonzero()[0]
    if not len(which):
        return _NOTHING
    return Changes(which, phase[which], c.taken(which))


def _severity(c: Timers, v: Values, lapsed: type_bool) -> type_i8:
    """The step that each new value is beyond, -2..2, with hysteresis while the last value still says something."""
    before = np.where(lapsed, 0, c.severity)
    slack1, slack2 = np.where(np.abs(before) >= 1, v.hysteresis, 0.0), np.where(np.abs(before) >= 2, v.hysteresis, 0.0)
    up1, up2 = np.where(before > 0, slack1, 0.0), np.where(before > 0, slack2, 0.0)
    down1, down2 = slack1 - up1, slack2 - up2
    above = (v.x > v.high1 - up1).astype(np.int8) + (v.x > v.high2 - up2)
    below = (v.x < v.low1 + down1).astype(np.int8) + (v.x < v.low2 + down2)
    return np.where(above > 0, above, -below).astype(np.int8)


def _cleared(c: Timers, mask: type_bool) -> None:
    which = mask.nonzero()[0]
    if len(which):
        for name in _CLEARED:
            getattr(c, name)[which] = 0


def _enter(c: Timers, v: Values, raw: type_i8) -> None:
    """The new values become the last ones."""
    out = raw != 0
    opened = out & (c.side == 0)
    c.side = np.where(opened, np.sign(raw), c.side)
    c.since = np.where(opened, v.t, c.since)
    further = np.where(c.side > 0, np.maximum(c.worst, v.x), np.minimum(c.worst, v.x))
    c.worst = np.where(opened, v.x, np.where(out, further, c.worst))
    c.returned = np.where(out, 0, np.where((c.fired > 0) & (c.returned == 0), v.t, c.returned))
    c.inside = np.where(out, 0, c.inside)
    c.spent2 = np.where(np.abs(raw) >= 2, c.spent2, 0)
    c.severity, c.at = raw, v.t


def _longer(column: npt.NDArray[Any], cells: int) -> npt.NDArray[Any]:
    grown = np.zeros(cells, dtype=column.dtype)
    grown[: len(column)] = column
    return grown


def standing(timers: Timers, v: Values) -> list[Changes]:
    """What time alone brings at v.t, without a new value (v.x is not looked at): fires what has stood, ends what has cleared.

    Nothing but `fired` and the end of a condition is kept, so that the next value accounts for the interval itself.
    """
    c = timers.taken(v.cells)
    kept = timers.taken(v.cells)
    _pass_time(c, v, np.zeros(len(v.cells), dtype=np.int8))
    started = _announced(c, v)
    kept.fired = c.fired
    over = (c.fired > 0) & (c.severity == 0) & (c.inside >= v.clear)
    ended = _changes(c, over, np.full(len(over), -1, dtype=np.int8))
    _cleared(kept, over)
    timers.put(v.cells, kept)
    return [change for change in (started, ended) if len(change.which)]
