"""MEWS, qSOFA and Bedside PEWS as tables.

In: the last usable vitals of n patients (missing or stale ones are NaN: the caller says what is too old). Out: for each patient
the range lowest..highest and the points of every item. Promise: a missing item is never 0; the range covers it at its worst.

Sources: MEWS, Subbe et al. 2001. qSOFA, Singer et al. 2016 (unchecked). Bedside PEWS, Parshuram et al. 2009; its rows for SpO2,
effort, capillary refill and oxygen therapy are unchecked, and effort and refill come from a nurse, not from a device: NaN unless given.
NEWS2 is in `vitals.news2`. Nothing that runs calls these three: docs/detectors.md says why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from vitals.context import AgeBand
from vitals.news2 import rounded
from vitals.registry import BY_NAME

Array = npt.NDArray[np.float64]
Points = npt.NDArray[np.int8]
Row = tuple[tuple[float, int], ...]
Bounds = tuple[tuple[float, float, float], tuple[float, float, float]]

INF = float("inf")
MISSING = -1

MEWS: Mapping[str, Row] = MappingProxyType(
    {
        "sbp": ((70, 3), (80, 2), (100, 1), (199, 0), (INF, 2)),
        "hr": ((40, 2), (50, 1), (100, 0), (110, 1), (129, 2), (INF, 3)),
        "rr": ((8, 2), (14, 0), (20, 1), (29, 2), (INF, 3)),
        "temp": ((34.9, 2), (38.4, 0), (INF, 2)),
        "acvpu": ((0, 0), (2, 1), (3, 2), (INF, 3)),
    }
)
"""Item -> (upper end of a cell, inclusive, after rounding half up; points), ascending. AVPU has no C: confusion counts as V (unchecked)."""

QSOFA: Mapping[str, Row] = MappingProxyType(
    {"rr": ((21, 0), (INF, 1)), "sbp": ((100, 1), (INF, 0)), "acvpu": ((0, 0), (INF, 1))},
)

PEWS_AGE: Mapping[AgeBand, Mapping[str, Bounds]] = MappingProxyType(
    {
        "0-3m": {
            "hr": ((110, 90, 80), (150, 180, 190)),
            "sbp": ((60, 50, 45), (80, 100, 130)),
            "rr": ((29, 19, 15), (61, 81, 91)),
        },
        "3-12m": {
            "hr": ((100, 80, 70), (150, 170, 180)),
            "sbp": ((80, 70, 60), (100, 120, 150)),
            "rr": ((24, 19, 15), (51, 71, 81)),
        },
        "1-4y": {
            "hr": ((90, 70, 60), (120, 150, 170)),
            "sbp": ((90, 75, 65), (110, 125, 160)),
            "rr": ((19, 15, 12), (41, 61, 71)),
        },
        "4-12y": {
            "hr": ((70, 60, 50), (110, 130, 150)),
            "sbp": ((90, 80, 70), (120, 140, 170)),
            "rr": ((19, 14, 10), (31, 41, 51)),
        },
        "12-16y": {
            "hr": ((60, 50, 40), (100, 120, 140)),
            "sbp": ((100, 85, 75), (130, 150, 190)),
            "rr": ((11, 10, 9), (17, 23, 30)),
        },
    }
)
"""Age -> item -> the values at or below which, and at or above which, it scores 1, 2 and 4."""

PEWS_POINTS = (1, 2, 4)
PEWS_SPO2: Row = ((90, 2), (94, 1), (INF, 0))
PEWS_EFFORT: Row = ((0, 0), (1, 1), (2, 2), (INF, 4))
PEWS_REFILL_S: Row = ((2.999, 0), (INF, 4))
PEWS_WORST = {"hr": 4, "sbp": 4, "rr": 4, "spo2": 2, "effort": 4, "refill": 4, "oxygen": 4}


@dataclass(frozen=True, slots=True, eq=False)
class Range:
    """n results: lowest, highest (n,) int64; points: item -> (n,) int8, -1 = missing."""

    lowest: npt.NDArray[np.int64]
    highest: npt.NDArray[np.int64]
    points: Mapping[str, Points]


def mews(values: Array) -> Range:
    """(n, V) canonical units -> MEWS; 5 and over is critical."""
    return _by_rows(MEWS, values)


def qsofa(values: Array) -> Range:
    """(n, V) canonical units -> qSOFA; positive at 2."""
    return _by_rows(QSOFA, values)


def pews(values: Array, age: AgeBand, effort: Array | None = None, refill_s: Array | None = None) -> Range:
    """Bedside PEWS of n children of one age band; adults have none (KeyError). 8 and over: Se 82 %, Sp 93 % (Parshuram 2009).

    Args:
        values: (n, V) canonical units. effort: (n,) 0 none, 1 mild, 2 moderate, 3 severe. refill_s: (n,) seconds.
    """
    unknown = np.full(len(values), np.nan)
    points = {item: _beyond(bounds, _column(values, item)) for item, bounds in PEWS_AGE[age].items()}
    points["spo2"] = _cells(PEWS_SPO2, rounded(_column(values, "spo2")))
    points["effort"] = _cells(PEWS_EFFORT, unknown if effort is None else effort)
    points["refill"] = _cells(PEWS_REFILL_S, unknown if refill_s is None else refill_s)
    points["oxygen"], most = _oxygen_therapy(values)
    return _ranged(points, PEWS_WORST, {"oxygen": most})


def _column(values: Array, name: str) -> Array:
    if name == "hr":
        hr, pulse = values[:, BY_NAME["hr"].index], values[:, BY_NAME["pulse"].index]
        return np.where(np.isnan(hr), pulse, hr)
    column: Array = values[:, BY_NAME[name].index]
    return column


def _by_rows(table: Mapping[str, Row], values: Array) -> Range:
    points = {item: _cells(row, rounded(_column(values, item), 10 if item == "temp" else 1)) for item, row in table.items()}
    return _ranged(points, {item: max(p for _, p in row) for item, row in table.items()})


def _cells(row: Row, values: Array) -> Points:
    # a tenth is not exact in binary: 34.9 read back from rounding must not slip past a bound written 34.9
    uppers = np.array([upper for upper, _ in row[:-1]]) + 1e-9
    points = np.array([*(p for _, p in row), MISSING], dtype=np.int8)
    return points[np.where(np.isnan(values), len(row), np.searchsorted(uppers, values, side="left"))]


def _beyond(bounds: Bounds, values: Array) -> Points:
    result = np.zeros(len(values), dtype=np.int8)
    for low, high, points in zip(*bounds, PEWS_POINTS, strict=True):
        result[(values <= low) | (values >= high)] = points
    return np.where(np.isnan(values), MISSING, result).astype(np.int8)


def _oxygen_therapy(values: Array) -> tuple[Points, Points]:
    """Air 0; under 4 L/min or under 50 % 2; more 4; known to be on oxygen but not how much: 2, at most 4; nothing known: missing."""
    flow, fraction, on = (_column(values, name) for name in ("o2_flow", "fio2", "on_oxygen"))
    known = ~(np.isnan(flow) & np.isnan(fraction) & np.isnan(on))
    much, measured = (flow >= 4.0) | (fraction >= 50.0), (flow > 0.0) | (fraction > 21.0)
    least = np.where(known, np.where(much, 4, np.where(measured | (on > 0.0), 2, 0)), MISSING).astype(np.int8)
    return least, np.where((on > 0.0) & ~measured, 4, least).astype(np.int8)


def _ranged(points: dict[str, Points], worst: Mapping[str, int], most: Mapping[str, Points] = MappingProxyType({})) -> Range:
    """`most`: item -> its points at the highest, -1 = missing, where they are not those of `points`."""
    lowest = sum((np.maximum(p, 0).astype(np.int64) for p in points.values()), start=np.int64(0))
    highest = sum((np.where(p == MISSING, worst[i], most.get(i, p)).astype(np.int64) for i, p in points.items()), start=np.int64(0))
    return Range(np.asarray(lowest), np.asarray(highest), MappingProxyType(points))
