"""What is usual for a patient by day and by night: a median and its median absolute deviation, each in constant memory.

In: the median of the last minutes, and the time. Out: its distance from the usual in robust deviations, NaN while warming up.
Promise: a value is judged against what was known before it. Warm-up takes the exact median and MAD of the minutes that are kept; from then
on each follows by `share` of a deviation a look, whatever the size of a departure: a crisis moves the usual no faster than a trifle.
Source: stochastic approximation of a quantile (Robbins and Monro 1951; Tierney 1983); 1.4826 MAD estimates a normal deviation.
"""

import numpy as np
import numpy.typing as npt

from streams.detect.channels import W
from streams.detect.course import LOOK_MIN, median
from streams.detect.memory import Memory
from vitals.rule_forms import HabitRule

type_f = npt.NDArray[np.floating]
type_f32 = npt.NDArray[np.float32]
type_i64 = npt.NDArray[np.int64]

ROBUST = 1.4826
HOUR_MS = 3_600_000


def night(t: type_i64, rule: HabitRule) -> type_i64:
    """(n,) 1 in the night of the site's time, 0 by day."""
    hour = (t / HOUR_MS + rule.utc_offset_h) % 24
    after, before = hour >= rule.night_from_h, hour < rule.night_to_h
    dark = after & before if rule.night_from_h < rule.night_to_h else after | before
    return dark.astype(np.int64)


def usual(memory: Memory, rows: type_i64, t: type_i64, rule: HabitRule) -> tuple[type_f, type_f]:
    """(n, W) the median and the deviation that hold at `t`; NaN while warming up."""
    cell = _cells(rows, t, rule)
    c = memory.courses
    warm = c.known[cell] >= rule.warm_up_min
    sd = np.maximum(ROBUST * c.mad[cell], memory.layout.least_sd)
    return np.where(warm, c.median[cell], np.nan), np.where(warm, sd, np.nan)


def learn(memory: Memory, rows: type_i64, t: type_i64, y: type_f, course: type_f32, rule: HabitRule) -> type_f:
    """(n, W) z of `y` (n, W), the median of the minutes of `course` (n, W, minutes) since the last look; then it is learned."""
    c, cell = memory.courses, _cells(rows, t, rule)
    middle, sd = usual(memory, rows, t, rule)
    z = (y - middle) / sd
    away = y - c.median[cell]
    move = np.where(z == z, np.clip(away, -rule.share * sd, rule.share * sd), 0.0)
    spread = np.where(z == z, rule.share * sd * np.sign(np.abs(away) - c.mad[cell]), 0.0)
    before = c.known[cell]
    new = (course[:, :, -LOOK_MIN - 1 : -1] == course[:, :, -LOOK_MIN - 1 : -1]).sum(axis=2)
    known = np.minimum(before + new, rule.warm_up_min).astype(np.float32)
    c.median[cell] += move.astype(np.float32)
    c.mad[cell] = np.maximum(c.mad[cell] + spread, 0)
    ready = (before < rule.warm_up_min) & (known >= rule.warm_up_min)
    if ready.any():
        at = cell[ready]
        kept = course[ready]
        c.median[at] = median(kept)
        c.mad[at] = median(np.abs(kept - c.median[at][:, None]))
    c.known[cell] = known
    return z


def _cells(rows: type_i64, t: type_i64, rule: HabitRule) -> type_i64:
    cells: type_i64 = (rows * 2 * W + night(t, rule) * W)[:, None] + np.arange(W)
    return cells
