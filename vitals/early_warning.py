"""A logistic model over a day of vitals: support beside NEWS2, open to see, never a page by itself.

In: 24 hourly means of a patient's vitals. Out: the probability of death in hospital that patients like this one had in the
training data, and the features that say most. Promise: every number in it is in `early_warning.json`, trained by
`python -m loadtests.train_early_warning` and described in docs/early-warning.md (data, calibration, AUROC, limits). A vital that was not
measured adds nothing: its standardised feature is 0, the training mean. Silent (None) with fewer than four vitals known.
"""

import json
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from vitals.registry import BY_NAME

HOURS = 24
RECENT = 6
VITALS_USED = ("hr", "rr", "temp", "sbp", "map", "spo2", "fio2", "acvpu", "glucose")
SUMMARIES = ("mean", "spread", "change")
FEATURES = (*tuple(f"{vital} {summary}" for vital in VITALS_USED for summary in SUMMARIES), "temp low", "hr high", "sbp low")
LEAST_KNOWN = 4

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """intercept; weight, centre, scale: (F,) in the order of FEATURES, of features as `features` gives them."""

    intercept: float
    weight: Array
    centre: Array
    scale: Array


@dataclass(frozen=True, slots=True)
class Support:
    """`probability` 0..1; `contributions`: feature -> its part of the log-odds, largest first."""

    probability: float
    contributions: dict[str, float]


def table() -> Table:
    """The reviewed coefficients that ship with Vigil."""
    rows = json.loads(files("vitals").joinpath("early_warning.json").read_text())
    columns = [np.array([rows["features"][name][key] for name in FEATURES]) for key in ("weight", "centre", "scale")]
    return Table(rows["intercept"], *columns)


def features(hourly: Array) -> Array:
    """(24, V) hourly means, oldest first, canonical units, NaN = not measured -> (F,) features, NaN where not known.

    mean and spread (highest less lowest) over the day; change: mean of the last 6 hours less the mean of the 18 before.
    """
    used = hourly[:, [BY_NAME[name].index for name in VITALS_USED]]
    day = _mean(used)
    spread = _highest(used) - _lowest(used)
    change = _mean(used[-RECENT:]) - _mean(used[:-RECENT])
    extremes = [_lowest(used)[VITALS_USED.index("temp")], _highest(used)[VITALS_USED.index("hr")], _lowest(used)[VITALS_USED.index("sbp")]]
    return np.concatenate((np.stack((day, spread, change), axis=1).ravel(), extremes))


def support(hourly: Array, model: Table) -> Support | None:
    """What the model says of one patient's last day; None when too little is known."""
    known = np.isfinite(hourly[:, [BY_NAME[name].index for name in VITALS_USED]]).any(axis=0).sum()
    if known < LEAST_KNOWN:
        return None
    parts = model.weight * standardised(features(hourly), model)
    order = np.argsort(-np.abs(parts))
    odds = model.intercept + float(parts.sum())
    return Support(float(1.0 / (1.0 + np.exp(-odds))), {FEATURES[i]: float(parts[i]) for i in order if parts[i] != 0.0})


def standardised(values: Array, model: Table) -> Array:
    """(..., F) features as numbers of training deviations, at most 4; 0 where not known."""
    return np.nan_to_num(np.clip((values - model.centre) / model.scale, -4.0, 4.0), nan=0.0)


def _masked(columns: Array, fill: float) -> Array:
    return np.where(np.isnan(columns), fill, columns)


def _mean(columns: Array) -> Array:
    known = np.isfinite(columns).sum(axis=0)
    return np.where(known > 0, _masked(columns, 0.0).sum(axis=0) / np.maximum(known, 1), np.nan)


def _lowest(columns: Array) -> Array:
    low = _masked(columns, np.inf).min(axis=0)
    return np.where(np.isfinite(low), low, np.nan)


def _highest(columns: Array) -> Array:
    high = _masked(columns, -np.inf).max(axis=0)
    return np.where(np.isfinite(high), high, np.nan)
