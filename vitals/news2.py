"""NEWS2, the National Early Warning Score 2 (Royal College of Physicians, 2017; age 16 and over, not in pregnancy).

In: the last known vitals of n patients with the times at which they were observed. Out: for each the range `lowest`..`highest`
and the tier, with the points of every parameter. Promise: a missing or stale parameter is never 0; the range then covers it.
Every input is first rounded half up, in decimal, to the chart's resolution (whole numbers, temperature to 0.1). Nothing is dropped.

`MAX_AGE_MS` is this project's own choice (unchecked), the same for detection, API and FHIR, and no part of a rule set: what a monitor
measures stands for an hour; what a nurse charts stands for 12 hours, the longest pause between two observations that the score's own tiers
allow. A site that wants other ages changes the table here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vitals.context import AgeBand
from vitals.registry import BY_NAME, VITALS, V
from vitals.score import ScoreInput, ScoreUpdate, Tier

type_f64 = npt.NDArray[np.float64]
type_i64 = npt.NDArray[np.int64]
type_i8 = npt.NDArray[np.int8]
type_bool = npt.NDArray[np.bool_]
Row = tuple[tuple[float, int], ...]

PARAMETERS = ("rr", "spo2", "oxygen", "sbp", "pulse", "acvpu", "temp")
RR, SPO2, OXYGEN, SBP, PULSE, ACVPU, TEMP = range(len(PARAMETERS))
TIERS: tuple[Tier, ...] = ("low", "low-medium", "medium", "high")
MISSING = -1
ON_OXYGEN_POINTS = 2
SINGLE_PARAMETER = 3
MEDIUM, HIGH = 5, 7
ROOM_AIR_PERCENT = 21.0
INF = float("inf")

TABLE: Mapping[str, Row] = MappingProxyType(
    {
        "rr": ((8, 3), (11, 1), (20, 0), (24, 2), (INF, 3)),
        "spo2": ((91, 3), (93, 2), (95, 1), (INF, 0)),
        "spo2 scale 2, air": ((83, 3), (85, 2), (87, 1), (INF, 0)),
        "spo2 scale 2, oxygen": ((83, 3), (85, 2), (87, 1), (92, 0), (94, 1), (96, 2), (INF, 3)),
        "oxygen": ((0, 0), (INF, ON_OXYGEN_POINTS)),
        "sbp": ((90, 3), (100, 2), (110, 1), (219, 0), (INF, 3)),
        "pulse": ((40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (INF, 3)),
        "acvpu": ((0, 0), (INF, 3)),
        "temp": ((35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1), (INF, 2)),
    }
)
"""The chart: for each row the upper end of a cell (inclusive, in the chart's resolution) and its points, ascending."""

STEPS_PER_UNIT: Mapping[str, int] = MappingProxyType({"temp": 10})
"""The chart's resolution, where it is finer than a whole number."""

_HOUR_MS = 3_600_000
MAX_AGE_MS: Mapping[str, int] = MappingProxyType(
    {v.name: (1 if v.name in ("hr", "pulse", "spo2", "rr") else 12) * _HOUR_MS for v in VITALS}
)
"""How long a reading stands for the score, ms, by vital (see the module's docstring)."""

_WORST = np.array([max(points for _, points in TABLE[name]) for name in PARAMETERS], dtype=np.int8)
_SHORT_OF_HALF = 1e-7
_HR, _PULSE, _FLOW, _FIO2, _ON = (BY_NAME[n].index for n in ("hr", "pulse", "o2_flow", "fio2", "on_oxygen"))
_WORDS = BY_NAME["acvpu"].words
_OXYGENS = np.array([_ON, _FIO2, _FLOW])
_CHOSEN = np.array([BY_NAME[{"oxygen": "on_oxygen", "pulse": "hr"}.get(name, name)].index for name in PARAMETERS])
"""The vital that each parameter is read from, but where another says more of oxygen or of the pulse."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """n results; the columns of the (n, 7) arrays are `PARAMETERS`.

    Attributes:
        lowest, highest: (n,) int64, missing parameters counted as 0, and at their worst.
        tier: (n,) int8, index into TIERS, of `lowest`.
        points: (n, 7) int8, -1 = missing. Where SpO2 on scale 2 hangs on unknown oxygen, the points on air.
        values: (n, 7) float64 in the chart's resolution, NaN = missing (also when stale); oxygen 0 or 1, acvpu 0..4.
        observed_at: (n, 7) int64 ms, 0 = never observed. stale: (n, 7) bool, observed but too old to count.
    """

    lowest: type_i64
    highest: type_i64
    tier: type_i8
    points: type_i8
    values: type_f64
    observed_at: type_i64
    stale: type_bool


def _laid_out(name: str) -> tuple[int, type_f64, type_i8]:
    """A row of the table: steps a unit, the cells' upper ends in steps, the cells' points with MISSING behind them."""
    steps = STEPS_PER_UNIT.get(name, 1)
    uppers = np.rint(np.array([upper for upper, _ in TABLE[name][:-1]]) * steps)
    return steps, uppers, np.array([*(p for _, p in TABLE[name]), MISSING], dtype=np.int8)


_ROWS = {name: _laid_out(name) for name in TABLE}
_STEPS = np.array([STEPS_PER_UNIT.get(name, 1) for name in PARAMETERS], dtype=np.float64)
_TOP = 1 + int(max(_ROWS[name][1].max() for name in PARAMETERS))
"""Past every parameter's last bound: all steps from here on score alike."""
_UNKNOWN = _TOP + 1
_POINTS = np.stack([_ROWS[n][2][np.append(np.searchsorted(_ROWS[n][1], np.arange(_UNKNOWN)), -1)] for n in PARAMETERS])
"""(7, _TOP + 2): the points of each parameter at each step of the chart's resolution; at `_UNKNOWN`, MISSING."""
_COLUMNS = np.arange(len(PARAMETERS))


def applies(age_band: AgeBand, pregnant: bool) -> bool:
    """Whether the score is made of such a patient: 16 and over, not in pregnancy."""
    return age_band == "adult" and not pregnant


def rounded(values: type_f64, steps_per_unit: int = 1) -> type_f64:
    """Half up to 1 / steps_per_unit, as on paper: 38.05 (in binary a little less) is 38.1. NaN stays NaN."""
    return np.floor(values * steps_per_unit + (0.5 + _SHORT_OF_HALF)) / steps_per_unit


def points(parameter: str, values: npt.ArrayLike) -> type_i8:
    """Points of a row of `TABLE` for raw `values` (any shape; canonical units; acvpu 0..4; oxygen 0 or 1); NaN gives -1."""
    raw = np.asarray(values, dtype=np.float64)
    steps, uppers, cells = _ROWS[parameter]
    at = np.searchsorted(uppers, np.floor(raw * steps + (0.5 + _SHORT_OF_HALF)), side="left")
    found: type_i8 = cells[np.where(np.isnan(raw), len(cells) - 1, at)]
    return found


def ages(max_age_ms: Mapping[str, int] = MAX_AGE_MS) -> type_i64:
    """`max_age_ms` as a (V,) column for `score`."""
    return np.array([max_age_ms[v.name] for v in VITALS], dtype=np.int64)


def score(values: type_f64, observed_at: type_i64, now: npt.ArrayLike, scale: npt.ArrayLike = 1, max_age: type_i64 | None = None) -> Scores:
    """NEWS2 of n patients.

    Args:
        values: (n, V) float64, canonical units, NaN = never observed. observed_at: (n, V) int64, ms.
        now: (n,) or scalar, ms: a reading older than max_age (V,) at that moment is stale.
        scale: (n,) or scalar, the SpO2 scale, 1 or 2.
    """
    limit = ages() if max_age is None else max_age
    known = values == values
    fresh = known & (np.asarray(now, dtype=np.int64).reshape(-1, 1) - observed_at <= limit)
    chosen, at, usable, any_known = values[:, _CHOSEN], observed_at[:, _CHOSEN], fresh[:, _CHOSEN], known[:, _CHOSEN]
    pulse = np.flatnonzero(~fresh[:, _HR] & (fresh[:, _PULSE] | ~known[:, _HR]))
    if len(pulse):
        chosen[pulse, PULSE], at[pulse, PULSE] = values[pulse, _PULSE], observed_at[pulse, _PULSE]
        usable[pulse, PULSE], any_known[pulse, PULSE] = fresh[pulse, _PULSE], known[pulse, _PULSE]
    if np.count_nonzero(known[:, _OXYGENS]):
        chosen[:, OXYGEN], at[:, OXYGEN], usable[:, OXYGEN], any_known[:, OXYGEN] = _oxygen(values, observed_at, fresh, known)
    chosen[~usable] = np.nan
    at[~any_known] = 0
    return _summed(chosen, at, any_known & ~usable, np.asarray(scale))


def _oxygen(values: type_f64, at: type_i64, fresh: type_bool, known: type_bool) -> tuple[type_f64, type_i64, type_bool, type_bool]:
    """On oxygen or not, since when, whether fresh, whether ever known: as charted, unless a flow or fraction was measured later."""
    given = _OXYGENS[1:]
    gives = fresh[:, given] & (values[:, given] > np.array([ROOM_AIR_PERCENT, 0.0]))
    measured = fresh[:, given].any(axis=1)
    measured_at = np.where(fresh[:, given], at[:, given], 0).max(axis=1)
    charted = fresh[:, _ON] & (at[:, _ON] >= measured_at)
    value = np.where(charted, values[:, _ON] > 0, gives.any(axis=1)).astype(np.float64)
    last_known = np.where(known[:, _OXYGENS], at[:, _OXYGENS], 0).max(axis=1)
    when = np.where(charted, at[:, _ON], np.where(measured, measured_at, last_known))
    usable: type_bool = charted | measured
    ever: type_bool = np.asarray(known[:, _OXYGENS].any(axis=1))
    return value, when.astype(np.int64), usable, ever


def _summed(values: type_f64, observed_at: type_i64, stale: type_bool, scale: npt.NDArray[Any]) -> Scores:
    steps = np.floor(values * _STEPS + (0.5 + _SHORT_OF_HALF))
    charted = steps / _STEPS
    at = np.where(values == values, np.minimum(np.maximum(steps, 0), _TOP), _UNKNOWN).astype(np.intp)
    low = high = _POINTS[_COLUMNS, at]
    second = (scale == 2) & (low[:, SPO2] != MISSING)
    if np.count_nonzero(second):
        high = low.copy()
        air, oxygen = points("spo2 scale 2, air", values[:, SPO2]), points("spo2 scale 2, oxygen", values[:, SPO2])
        given = low[:, OXYGEN]
        low[:, SPO2] = np.where(second, np.where(given > 0, oxygen, air), low[:, SPO2])
        high[:, SPO2] = np.where(second, np.where(given == 0, air, oxygen), high[:, SPO2])
    lowest = np.maximum(low, 0).sum(axis=1, dtype=np.int64)
    highest = np.where(high == MISSING, _WORST, high).sum(axis=1, dtype=np.int64)
    return Scores(lowest, highest, tiers(lowest, low), low, charted, observed_at, stale)


def tiers(lowest: type_i64, low: type_i8) -> type_i8:
    """(n,) index into TIERS; oxygen's 2 can never be "one parameter at 3"."""
    single = (low == SINGLE_PARAMETER).any(axis=1)
    return np.where(lowest >= HIGH, 3, np.where(lowest >= MEDIUM, 2, np.where(single, 1, 0))).astype(np.int8)


def updates(scores: Scores, patients: Sequence[str], at: Sequence[int], scale: Sequence[Literal[1, 2]]) -> list[ScoreUpdate]:
    """All rows of `scores` as they travel; `at` in ms."""
    columns = (scores.values.tolist(), scores.points.tolist(), scores.observed_at.tolist(), scores.stale.tolist())
    totals = zip(scores.lowest.tolist(), scores.highest.tolist(), scores.tier.tolist(), patients, at, scale, strict=True)
    return [
        ScoreUpdate(
            patient=patient,
            at=when,
            lowest=lowest,
            highest=highest,
            tier=TIERS[tier],
            scale=which,
            inputs={name: _input(j, *cells) for j, (name, *cells) in enumerate(zip(PARAMETERS, *row, strict=True))},
        )
        for (lowest, highest, tier, patient, when, which), row in zip(totals, zip(*columns, strict=True), strict=True)
    ]


def _input(parameter: int, value: float, points: int, observed_at: int, stale: bool) -> ScoreInput:
    if points == MISSING:
        return ScoreInput(observed_at=observed_at or None, stale=stale)
    shown = _WORDS[int(value)] if parameter == ACVPU else value
    return ScoreInput(value=shown, points=points, observed_at=observed_at or None)


def score_one(
    patient: str,
    readings: Mapping[str, tuple[float, int]],
    now: int,
    scale: Literal[1, 2] = 1,
    max_age: type_i64 | None = None,
) -> ScoreUpdate:
    """NEWS2 of one patient from {vital: (value, observed ms)} at `now` (ms). Raises KeyError for a name not in the registry.

    >>> score_one("p", {"temp": (38.05, 0), "hr": (131, 0)}, now=60_000).lowest
    4
    """
    values, observed_at = np.full((1, V), np.nan), np.zeros((1, V), dtype=np.int64)
    for name, (value, at) in readings.items():
        values[0, BY_NAME[name].index], observed_at[0, BY_NAME[name].index] = value, at
    return updates(score(values, observed_at, now, scale, max_age), [patient], [now], [scale])[0]


def used(readings: Mapping[str, tuple[float, int]], now: int) -> tuple[str, ...]:
    """Of what `score_one` is given, the vitals whose reading counts at `now` (ms): fresh, and chosen where two say the same thing.

    >>> used({"hr": (70, 0), "pulse": (72, 3_600_000), "fio2": (28, 0)}, now=3_600_001)
    ('fio2', 'pulse')
    """
    fresh = {name: at for name, (_, at) in readings.items() if now - at <= MAX_AGE_MS[name]}
    measured = [name for name in ("fio2", "o2_flow") if name in fresh]
    charted = "on_oxygen" in fresh and all(fresh["on_oxygen"] >= fresh[name] for name in measured)
    pulse = "hr" if "hr" in fresh else "pulse"
    oxygen = ["on_oxygen"] if charted else measured
    return tuple(name for name in ("rr", "spo2", *oxygen, "sbp", pulse, "acvpu", "temp") if name in fresh)
