"""What is looked at once a patient-minute: paces, combinations, agreement; and every few minutes: stuck, trend, drift, shift, habit.

In: the patients who begin a new minute. Out: sightings on the channels of courses. A detector that the rules do not name costs nothing;
one whose vitals have no priority is kept up, for the evidence of others, and raises nothing.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streams.detect import agreement, course, drift, habit, shift
from streams.detect.channels import AGREEMENT, CHANNELS, COMBINATION, DRIFT, HABIT, PACE, SHIFT, STUCK, TREND, W
from streams.detect.combined import combined
from streams.detect.conditions import Sightings
from streams.detect.memory import Memory
from streams.detect.remembered import RING
from streams.detect.stuck import stuck
from streams.detect.trend import LEAST_POINTS, crossing, line
from vitals.registry import BY_NAME, V
from vitals.rule_forms import PaceRule, ShiftRule, TrendRule

type_f = npt.NDArray[np.floating]
type_f64 = npt.NDArray[np.float64]
type_i64 = npt.NDArray[np.int64]
type_bool = npt.NDArray[np.bool_]

_PACE_SPAN = 0.6
"""The share of a pace's window that its minutes must span."""


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """n distinct patients at the first sample of a minute: rows, t, received_at (n,), live (n,) bool."""

    rows: type_i64
    t: type_i64
    received_at: type_i64
    live: type_bool

    def only(self, mask: type_bool) -> "Turn":
        """Those where `mask`."""
        return Turn(self.rows[mask], self.t[mask], self.received_at[mask], self.live[mask])


def look(memory: Memory, turn: Turn) -> list[Sightings]:
    """The sightings of this minute."""
    rules, found = memory.rules, []
    course.present(memory, turn.rows)
    if rules.pace:
        found += _paces(memory, turn, rules.pace)
    if any(rule.priority for rule in rules.combinations.values()):
        reckoned = [combined(memory, turn.rows, turn.t, rule) for rule in rules.combinations.values()]
        found += [_seen(memory, turn, COMBINATION, np.stack(reckoned, axis=1))]
    if rules.agreement and (memory.cells.at[turn.rows * V + agreement.PULSE] > 0).any():
        minute = course.last(memory, turn.rows, 2)[:, :, 0]
        found += [_seen(memory, turn, AGREEMENT, agreement.apart(minute, rules.agreement)[:, None])]
    due = memory.rows.minute[turn.rows] - memory.rows.looked[turn.rows] >= course.LOOK_MIN
    if np.count_nonzero(due):
        found += _courses(memory, turn if due.all() else turn.only(due))
    return [s for s in found if len(s.rows)]


def _courses(memory: Memory, turn: Turn) -> list[Sightings]:
    rules, rows = memory.rules, turn.rows
    memory.rows.looked[rows] = memory.rows.minute[rows]
    found = [_seen(memory, turn, STUCK, stuck(memory, rows, rules.stuck))] if rules.stuck else []
    named = {name for rule in (rules.trend, rules.shift) if rule for name in rule.priority}
    if rules.habit is None and not any(np.count_nonzero(memory.cells.at[rows * V + BY_NAME[name].index]) for name in named):
        return found
    minutes = course.last(memory, rows)
    if rules.trend and rules.trend.priority:
        found.append(_seen(memory, turn, TREND, _trends(memory, rows, rules.trend, minutes)))
    if rules.shift and rules.shift.priority:
        found.append(_seen(memory, turn, SHIFT, _shifts(memory, rules.shift, minutes)))
    if rules.habit:
        y = course.median(minutes[:, :, RING - course.LOOK_MIN - 1 : -1])
        z = habit.learn(memory, rows, turn.t, y, minutes, rules.habit)
        found.append(_seen(memory, turn, HABIT, z))
        if rules.drift:
            cell = rows[:, None] * W + np.arange(W)
            c = memory.courses
            c.up[cell], c.down[cell] = drift.summed(c.up[cell], c.down[cell], z, rules.drift)
            found.append(_seen(memory, turn, DRIFT, drift.signed(c.up[cell], c.down[cell])))
    return found


def _seen(memory: Memory, turn: Turn, first: int, x: type_f) -> Sightings:
    """Sightings of x (n, k) on k channels from `first`: where beyond the first step, or where it was."""
    span = np.arange(first, first + x.shape[1])
    running = memory.timers.side.reshape(-1, CHANNELS)[turn.rows, first : first + x.shape[1]] != 0
    beyond = (x > memory.layout.high1[span]) | (x < memory.layout.low1[span]) | (running & (x == x))
    k, column = beyond.nonzero()
    return Sightings(turn.rows[k], span[column], x[k, column].astype(np.float64), turn.t[k], turn.received_at[k], turn.live[k])


def _paces(memory: Memory, turn: Turn, rule: PaceRule) -> list[Sightings]:
    """Of those whose vital was read in this minute."""
    minutes, begins = round(rule.over_s / 60) + 1, memory.rows.minute[turn.rows] * course.MINUTE_MS
    found = []
    for name in rule.vitals:
        i = BY_NAME[name].index
        read = memory.cells.at[turn.rows * V + i] >= begins
        if np.count_nonzero(read):
            some = turn.only(read)
            y = course.last(memory, some.rows, minutes)[:, i]
            found.append(_seen(memory, some, PACE + i, line(y, round(_PACE_SPAN * minutes), 3).slope[:, None]))
    return found


def _trends(memory: Memory, rows: type_i64, rule: TrendRule, minutes: type_f) -> type_f:
    """1 = the limit is as near as the horizon, more = nearer; negative when it is the low one."""
    x = np.full((len(rows), W), np.nan)
    for name in rule.priority:
        i = BY_NAME[name].index
        some = _known(minutes[:, i], LEAST_POINTS)
        if len(some):
            ahead = crossing(memory, rows[some], i, minutes[some, i], rule)
            x[some, i] = np.where(np.isfinite(ahead), rule.horizon_min / np.where(ahead == 0, 1e-3, ahead), 0.0)
    return x


def _shifts(memory: Memory, rule: ShiftRule, minutes: type_f) -> type_f:
    x = np.full((len(minutes), W), np.nan)
    for name in rule.priority:
        i = BY_NAME[name].index
        some = _known(minutes[:, i], shift.LEAST_POINTS)
        if len(some):
            x[some, i] = shift.shift(minutes[some, i].astype(np.float64), rule.chance, memory.layout.least_sd[i]).z
    return x


def _known(minutes: type_f, least: int) -> type_i64:
    """Which of courses (n, minutes) have at least so many."""
    return np.flatnonzero((minutes == minutes).sum(axis=1) >= least)
