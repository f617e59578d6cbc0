"""The recorded patients' charts as hourly pictures of what was known, for benchmarks of scores.

In: `../shared/data` beside the checkout (read in place, never copied). Out: a `Stay` each: hours, the last known vitals at each with
their times, and whether death followed. Dropped: rows charted as an error, values that no living body shows, parameters that no score
here uses.

The recipe of the scores made of them, on which their AUROC hangs (the reference figures of 0.703 and 0.710 come without theirs):
  - Ages: a value stands for as long as `vitals.news2.MAX_AGE_MS` lets it, an hour for rates and saturation, 12 hours for all else; after
    that it is missing. The lowest end of the range is taken: what is missing counts as 0. SpO2 scale 1 for everybody.
  - Oxygen: in `challenge2012` MechVent is `on_oxygen`; in both, FiO2 above room air is oxygen. Nothing known is no oxygen.
  - Consciousness: a Glasgow coma score of 15 is A, less is C (new confusion), in `mimic3` the sum of its three parts charted at one minute:
    the chart's score, not a ward's AVPU (unchecked).
  - Hours: `mimic3` each from the first charted vital to the last or death; `challenge2012` the 25 from hour 24 to 48, whose mean counts.
"""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vitals.registry import BY_NAME, HIGH, LOW, V

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MINUTE_MS = 60_000
DAY_MIN = 24 * 60

Row = tuple[int, str, float]
CHALLENGE = {
    "HR": "hr",
    "RespRate": "rr",
    "Temp": "temp",
    "SysABP": "sbp",
    "NISysABP": "sbp",
    "MAP": "map",
    "NIMAP": "map",
    "SaO2": "spo2",
    "FiO2": "fio2",
    "GCS": "gcs",
    "Glucose": "glucose",
}
MIMIC = {"hr": "hr", "rr": "rr", "spo2": "spo2", "temp": "temp", "abp_sys": "sbp", "nibp_sys": "sbp", "fio2": "fio2", "gcs": "gcs"}


@dataclass(frozen=True, slots=True, eq=False)
class Stay:
    """n hours of one stay: hours (n,) ms; values, observed_at (n, V) the last known; dies (n,) bool, death follows."""

    hours: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    observed_at: npt.NDArray[np.int64]
    dies: npt.NDArray[np.bool_]


def challenge2012() -> Iterator[Stay]:
    """Set a: the hours of the second day; `dies`: in hospital."""
    stays: dict[str, list[Row]] = defaultdict(list)
    with gzip.open(DATA / "challenge2012" / "set_a_vitals.csv.gz", "rt") as file:
        for record in csv.DictReader(file):
            name = "on_oxygen" if record["parameter"] == "MechVent" else CHALLENGE.get(record["parameter"])
            if name:
                hour, minute = record["time_hhmm"].split(":")
                stays[record["record_id"]].append((int(hour) * 60 + int(minute), name, float(record["value"])))
    with (DATA / "challenge2012" / "Outcomes-a.txt").open() as file:
        died = {r["RecordID"]: r["In-hospital_death"] == "1" for r in csv.DictReader(file)}
    hours = np.arange(DAY_MIN, 2 * DAY_MIN + 1, 60)
    for key, rows in stays.items():
        yield _hourly(rows, hours, np.full(len(hours), died[key]))


def mimic3() -> Iterator[Stay]:
    """The demo's stays, from the first charted vital to the last (or death); `dies`: within 24 hours."""
    stays = mimic_rows()
    with (DATA / "mimic3_demo" / "stays.csv").open() as file:
        deaths = {r["icustay_id"]: minute_of(r["deathtime"]) for r in csv.DictReader(file) if r["deathtime"]}
    for key, rows in stays.items():
        times = [row[0] for row in rows]
        death = deaths.get(key, 10**12)
        hours = np.arange(min(times), min(max(times), death) + 1, 60)
        yield _hourly(rows, hours, death - hours <= DAY_MIN)


def mimic_rows() -> dict[str, list[Row]]:
    """Stay -> (minute, name, value in the canonical unit) of every charted vital that a score uses."""
    stays: dict[str, list[Row]] = defaultdict(list)
    coma: dict[tuple[str, int], list[float]] = defaultdict(list)
    with gzip.open(DATA / "mimic3_demo" / "vitals.csv.gz", "rt") as file:
        for r in csv.DictReader(file):
            if r["error"] == "1":
                continue
            minute, value = minute_of(r["charttime"]), float(r["valuenum"])
            if r["name"].startswith("gcs_"):
                coma[r["icustay_id"], minute].append(value)
            elif r["name"] in MIMIC:
                stays[r["icustay_id"]].append((minute, MIMIC[r["name"]], _canonical(r["name"], r["unit"], value)))
    for (key, minute), parts in coma.items():
        if len(parts) == 3:
            stays[key].append((minute, "gcs", sum(parts)))
    return stays


def _canonical(name: str, unit: str, value: float) -> float:
    return BY_NAME["temp"].units[unit](value) if name == "temp" else value


def minute_of(text: str) -> int:
    """Minutes since 1970 of a charted time (shifted into the future, taken as UTC)."""
    return int(datetime.fromisoformat(text.removesuffix("+00:00")).replace(tzinfo=UTC).timestamp() // 60)


def reading(name: str, value: float) -> tuple[int, float]:
    """The vital's column and the value as Vigil would have it."""
    if name == "gcs":
        return BY_NAME["acvpu"].index, 0.0 if value >= 15 else 1.0
    if name == "fio2" and value <= 1.0:
        return BY_NAME["fio2"].index, value * 100.0
    return BY_NAME[name].index, value


def _hourly(rows: list[Row], hours: npt.NDArray[np.int64], dies: npt.NDArray[np.bool_]) -> Stay:
    rows = sorted(rows)
    values, observed_at = np.full((len(hours), V), np.nan), np.zeros((len(hours), V), dtype=np.int64)
    current, current_at, row = np.full(V, np.nan), np.zeros(V, dtype=np.int64), 0
    for k, hour in enumerate(hours):
        while row < len(rows) and rows[row][0] <= hour:
            index, value = reading(rows[row][1], rows[row][2])
            if LOW[index] <= value <= HIGH[index]:
                current[index], current_at[index] = value, rows[row][0] * MINUTE_MS
            row += 1
        values[k], observed_at[k] = current, current_at
    return Stay(hours * MINUTE_MS, values, observed_at, dies)
