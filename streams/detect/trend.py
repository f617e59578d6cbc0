"""The slope of a course, and when it will cross a limit.

In: medians of minutes, NaN where nothing was read. Out: slope a minute, the level now, the share of pairs that go that way; or, against
limits, the minutes until the first is crossed. Promise: one wild minute in four changes neither.
Source: Theil 1950, Sen 1968 (median of all pairwise slopes); the share of agreeing pairs is Kendall's tau (Mann 1945): (tau + 1) / 2.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streams.detect.course import median
from streams.detect.memory import Memory
from vitals.registry import VITALS, V
from vitals.rule_forms import TrendRule

type_i64 = npt.NDArray[np.int64]
type_f = npt.NDArray[np.floating]
type_f64 = npt.NDArray[np.float64]

LEAST_POINTS, LEAST_SPAN_MIN = 4, 12
"""A trend needs this many minutes with readings, the first and the last this far apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """(q,) each. slope: a minute. level: now. agree: 0..1. NaN where there is too little."""

    slope: type_f
    level: type_f
    agree: type_f


def line(y: type_f, least_span: int = LEAST_SPAN_MIN, least_points: int = LEAST_POINTS) -> Line:
    """Of courses (q, minutes), the newest last."""
    length = y.shape[1]
    first, second = np.triu_indices(length, 1)
    slopes = (y[:, second] - y[:, first]) / (second - first)
    slope = median(slopes)
    known = y == y
    pairs = (slopes == slopes).sum(axis=1)
    span = length - 1 - known[:, ::-1].argmax(axis=1) - known.argmax(axis=1)
    enough = (known.sum(axis=1) >= least_points) & (span >= least_span)
    same_way = (np.sign(slopes) == np.sign(slope)[:, None]).sum(axis=1)
    agree = np.where(enough, same_way / np.maximum(pairs, 1), np.nan)
    slope = np.where(enough, slope, np.nan)
    level = median(y - slope[:, None] * np.arange(1 - length, 1))
    return Line(slope, level, agree)


def crossing_min(found: Line, low: type_f64, high: type_f64, agree: float) -> type_f64:
    """(q,) minutes until the line crosses a limit, negative when it is the low one; infinite when it will not or is beyond already."""
    inside = (found.level > low) & (found.level < high)
    sure = inside & (found.agree >= agree) & (found.slope != 0)
    limit = np.where(found.slope > 0, high, low)
    with np.errstate(invalid="ignore", divide="ignore"):
        minutes = np.abs((limit - found.level) / found.slope)
    signed: type_f64 = np.where(sure & np.isfinite(minutes), np.copysign(minutes, found.slope), np.inf)
    return signed


def crossing(memory: Memory, rows: type_i64, vital: int, courses: type_f, rule: TrendRule) -> type_f64:
    """(n,) minutes until `vital`, whose courses are (n, minutes), crosses its limit; see `crossing_min`."""
    s, cell = memory.settings, rows * V + vital
    second = rule.step.get(VITALS[vital].name) == 2
    low, high = (s.low2, s.high2) if second else (s.low1, s.high1)
    return crossing_min(line(np.asarray(courses, dtype=np.float64)), low[cell], high[cell], rule.agree)
