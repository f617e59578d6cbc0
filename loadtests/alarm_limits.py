"""The MIMIC-III demo as an alarm system would have met it: its charted vitals in order, and the limits that its nurses had set.

In: `../shared/data/mimic3_demo` beside the checkout (read in place). Out: `Chart`: samples of all stays, shifted so that each begins at
the same moment, and the naive alarms: each time a charted value crosses a limit that was set at that moment.
Dropped: limits of what Vigil does not know (CVP, PAP and so on), and values that no living body shows.
"""

import csv
import gzip
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from loadtests.charted import DATA, MINUTE_MS, mimic_rows, minute_of, reading
from streams.detect.rehearsal import batch_of
from vitals.batch import Batch
from vitals.context import Limit, PatientContext
from vitals.registry import HIGH, LOW, V, index

T0 = 1_800_000_000_000
_SIGNALS = {"HR": "hr", "Heart Rate": "hr", "Heart rate": "hr", "Resp": "rr", "SpO2": "spo2", "O2 Saturation Pulseoxymetry": "spo2"}
_SIGNALS |= {"NBP": "sbp", "ABP": "sbp", "Non-Invasive Blood Pressure": "sbp", "Arterial Blood Pressure": "sbp"}
Limits = Mapping[tuple[str, str], tuple[list[int], list[float]]]
"""(vital, low or high) -> the minutes at which a limit was set, ascending, and the limits."""


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """samples: all stays' readings. naive: stay -> minutes after its begin at which a value crossed its limit; beyond: was beyond it.

    contexts: (ms, the limits that the nurses set then) in order. death: stay -> minutes after its begin. days: patient-days charted.
    """

    samples: Batch
    naive: Mapping[str, list[int]]
    beyond: int
    contexts: list[tuple[int, PatientContext]]
    death: Mapping[str, int]
    days: float


def chart() -> Chart:
    """The demo's 98 patients."""
    rows, limits = mimic_rows(), _limits()
    begins = {stay: min(r[0] for r in each) for stay, each in rows.items()}
    days = sum(max(r[0] for r in each) - begins[stay] for stay, each in rows.items()) / 1440
    samples: dict[tuple[int, str], list[tuple[int, float]]] = defaultdict(list)
    naive: dict[str, list[int]] = {}
    beyond = 0
    for stay, each in rows.items():
        good = [(m, *reading(name, value)) for m, name, value in sorted(each)]
        good = [(m, v, x) for m, v, x in good if LOW[v] <= x <= HIGH[v]]
        for m, v, x in good:
            samples[m - begins[stay], stay].append((v, x))
        naive[stay], values = _crossings(good, limits.get(stay, {}), begins[stay])
        beyond += values
    contexts = sorted((c for stay in rows for c in _contexts(stay, limits.get(stay, {}), begins[stay])), key=lambda c: c[0])
    return Chart(_batch(sorted(rows), samples), naive, beyond, contexts, _deaths(begins), days)


def _contexts(stay: str, limits: Limits, begin: int) -> list[tuple[int, PatientContext]]:
    """The stay's own limits whenever they were set anew."""
    found: list[tuple[int, PatientContext]] = []
    changes = sorted({m for minutes, _ in limits.values() for m in minutes})
    for version, minute in enumerate(changes, 1):
        at = {key: _in_force(limits, *key, minute) for key in limits}
        own = {name: Limit(low=at.get((name, "low")), high=at.get((name, "high"))) for name in {name for name, _ in limits}}
        if not found or found[-1][1].limits != own:
            found.append((T0 + (minute - begin) * MINUTE_MS, PatientContext(patient=stay, version=version, ward="icu", limits=own)))
    return found


def _batch(stays: list[str], samples: Mapping[tuple[int, str], list[tuple[int, float]]]) -> Batch:
    keys = sorted(samples)
    values = np.full((len(keys), V), np.nan)
    for i, key in enumerate(keys):
        for v, x in samples[key]:
            values[i, v] = x
    place = {stay: i for i, stay in enumerate(stays)}
    at = np.array([T0 + minute * MINUTE_MS for minute, _ in keys], dtype=np.int64)
    return batch_of(stays, np.array([place[stay] for _, stay in keys], dtype=np.int32), at, values)


def _crossings(good: list[tuple[int, int, float]], limits: Limits, begin: int) -> tuple[list[int], int]:
    """Minutes at which a value is outside the limit in force and the one before it was not; how many were outside."""
    names = {index(name): name for name, _ in limits}
    outside: dict[tuple[int, str], bool] = {}
    found, beyond = [], 0
    for minute, vital, x in good:
        for side in ("low", "high") if vital in names else ():
            limit = _in_force(limits, names[vital], side, minute)
            out = limit is not None and (x < limit if side == "low" else x > limit)
            if out and not outside.get((vital, side)):
                found.append(minute - begin)
            outside[vital, side] = out
            beyond += out
    return found, beyond


def _in_force(limits: Limits, name: str, side: str, minute: int) -> float | None:
    minutes, values = limits.get((name, side), ([], []))
    at = bisect_right(minutes, minute)
    return values[at - 1] if at else None


def _limits() -> dict[str, Limits]:
    found: dict[str, dict[tuple[str, str], list[tuple[int, float]]]] = defaultdict(lambda: defaultdict(list))
    with gzip.open(DATA / "mimic3_demo" / "alarm_limits.csv.gz", "rt") as file:
        for r in csv.DictReader(file):
            signal = r["label"].split(" Alarm")[0]
            if signal in _SIGNALS and r["valuenum"]:
                side = "low" if "Low" in r["label"] else "high"
                found[r["icustay_id"]][_SIGNALS[signal], side].append((minute_of(r["charttime"]), float(r["valuenum"])))
    return {stay: {k: _unzipped(sorted(v)) for k, v in each.items()} for stay, each in found.items()}


def _unzipped(pairs: list[tuple[int, float]]) -> tuple[list[int], list[float]]:
    return [m for m, _ in pairs], [x for _, x in pairs]


def _deaths(begins: Mapping[str, int]) -> dict[str, int]:
    with (DATA / "mimic3_demo" / "stays.csv").open() as file:
        return {
            r["icustay_id"]: minute_of(r["deathtime"]) - begins[r["icustay_id"]]
            for r in csv.DictReader(file)
            if r["deathtime"] and r["icustay_id"] in begins
        }
