"""The text formats: MIMIC-III's charted vitals, the PhysioNet Challenge 2012, Dexcom's export, and a plain CSV.

In: a file, gzipped or not, with or without a byte-order mark. Out: `Row`s. What no device would send is counted in `Skipped` with its
reason; values that are wrong are sent as they are: to refuse them is the gateway's work.
"""

import csv
import gzip
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devices.replay.recording import Row, Skipped

_MIMIC = {
    "nibp_sys": ("cuff", "sbp"), "nibp_dia": ("cuff", "dbp"), "nibp_mean": ("cuff", "map"),
    "abp_sys": ("arterial", "sbp"), "abp_dia": ("arterial", "dbp"), "abp_mean": ("arterial", "map"),
}  # fmt: skip
_CHALLENGE = {
    "HR": ("monitor", "hr", None), "RespRate": ("monitor", "rr", None), "Temp": ("monitor", "temp", None), "FiO2": ("monitor", "fio2", "1"),
    "Glucose": ("monitor", "glucose", None), "Weight": ("monitor", "weight", None), "GCS": ("monitor", "gcs", None),
    "SaO2": ("monitor", "sao2", None), "MechVent": ("monitor", "mech_vent", None),
    "NISysABP": ("cuff", "sbp", None), "NIDiasABP": ("cuff", "dbp", None), "NIMAP": ("cuff", "map", None),
    "SysABP": ("arterial", "sbp", None), "DiasABP": ("arterial", "dbp", None), "MAP": ("arterial", "map", None),
}  # fmt: skip
_DEXCOM_TIME = "Timestamp (YYYY-MM-DDThh:mm:ss)"
_DEXCOM_VALUE = "Glucose Value (mg/dL)"
_DEXCOM_BEYOND = {"Low": 39, "High": 401}
"""Dexcom writes these words below 40 and above 400 mg/dL: sent as the next number beyond, so that no hypoglycaemia is lost."""
_CHALLENGE_BEGINS = int(datetime(2012, 1, 1, tzinfo=UTC).timestamp() * 1000)
"""The challenge gives hours and minutes after admission only; this is the admission."""


def table(path: Path) -> Iterator[dict[str, str]]:
    """The file's lines by column."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as text:
        yield from csv.DictReader(text)


def ms(text: str) -> int:
    """An ISO time, UTC where it says no offset -> ms since 1970."""
    at = datetime.fromisoformat(text)
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def with_unit(text: str, unit: str | None) -> Any:
    """A number with its unit; text that is no number goes out as text."""
    try:
        number = float(text)
    except ValueError:
        return text
    return number if not unit else {"value": number, "unit": unit}


def mimic3(path: Path, _skipped: Skipped) -> Iterator[Row]:
    """A stay's monitor, cuff and arterial line; the unit as charted. GCS goes out as it is called."""
    for line in table(path):
        part, vital = _MIMIC.get(line["name"], ("monitor", line["name"]))
        yield Row(line["icustay_id"], part, ms(line["charttime"]), vital, with_unit(line["valuenum"], line["unit"]))


def challenge2012(path: Path, skipped: Skipped) -> Iterator[Row]:
    """-1 is "not measured"; age, gender, height and unit type are no readings."""
    for line in table(path):
        known = _CHALLENGE.get(line["parameter"])
        if known is None:
            skipped.add("not a reading")
        elif float(line["value"]) == -1:
            skipped.add("not measured (-1)")
        else:
            hours, minutes = line["time_hhmm"].split(":")
            at = _CHALLENGE_BEGINS + (int(hours) * 60 + int(minutes)) * 60_000
            yield Row(line["record_id"], known[0], at, known[1], with_unit(line["value"], known[2]))


def dexcom(path: Path, skipped: Skipped) -> Iterator[Row]:
    """The glucose values (EGV); the wearer's settings at the top are no readings."""
    for line in table(path):
        if line["Event Type"] != "EGV":
            skipped.add("not a reading")
            continue
        text = line[_DEXCOM_VALUE]
        value = _DEXCOM_BEYOND.get(text) or with_unit(text, None)
        yield Row(line.get("Source Device ID") or path.stem, "cgm", ms(line[_DEXCOM_TIME]), "glucose", value)


def plain(path: Path, _skipped: Skipped) -> Iterator[Row]:
    """Columns patient, observed_at, vital, value and, if wanted, unit and device."""
    for line in table(path):
        yield Row(
            line["patient"],
            _or(line, "device", "monitor"),
            ms(line["observed_at"]),
            line["vital"],
            with_unit(line["value"], line.get("unit")),
        )


def _or(line: Mapping[str, str | None], column: str, otherwise: str) -> str:
    return line.get(column) or otherwise
