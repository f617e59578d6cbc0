"""Glucose: low, urgent low, falling fast, urgent low soon; a recorded monitor by its own settings."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from tests.unit.streams.detect.courses import MINUTE, told
from tests.unit.streams.detect.readings import T0, series
from vitals.rule_forms import Pace
from vitals.rules import default

CGM = Path(__file__).resolve().parents[5] / "shared" / "data" / "cgm" / "dexcom_g6.csv"


def glucose(values, every_min=5):
    return series("glucose", [float(v) for v in values], every=every_min * MINUTE)


def test_urgent_low_glucose_pages_high_at_once():
    found = told(glucose([110, 100, 85, 69, 53]), "limits")
    assert [(f.phase, f.priority, f.at) for f in found] == [
        ("start", "medium", T0 + 15 * MINUTE),
        ("update", "high", T0 + 20 * MINUTE),
    ]


@pytest.mark.parametrize(("a_minute", "priorities"), [(1.9, []), (2.1, ["low"]), (3.1, ["medium"])])
def test_glucose_falling_fast(a_minute, priorities):
    found = told(glucose([250, 250, *(250 - 5 * a_minute * i for i in range(1, 6))]), "pace")
    assert [f.priority for f in found if f.phase != "end"][-1:] == priorities


def test_urgent_low_soon_says_in_how_many_minutes():
    found = told(glucose([140, 131, 122, 113, 104, 95, 86]), "trend")
    assert [(f.priority, f.title, f.evidence["limit"]) for f in found] == [("medium", "Glucose will be below 54 in 18 min", 54.0)]


@pytest.mark.parametrize(("rule", "values", "side"), [
    ("trend", [140, 131, 122, 113, 104, 95, 86], "low"),
    ("trend", [300, 315, 330, 345, 360, 375], "high"),
    ("pace", [250, 250, *(250 - 15 * i for i in range(1, 6))], "low"),
    ("limits", [110, 100, 85, 69, 60], "low"),
])  # fmt: skip
def test_the_evidence_says_on_which_side_it_is_though_the_value_is_within(rule, values, side):
    assert {f.evidence["side"] for f in told(glucose(values), rule)} == {side}


def test_a_trend_that_levels_off_ends():
    values = [140, 131, 122, 113, 104, 95, 86, *([84] * 12)]
    assert [f.phase for f in told(glucose(values), "trend")] == ["start", "end"]


def recorded():
    """The export's alert settings by name, and its first two days: (ms, mg/dL)."""
    rows = list(csv.reader(CGM.open(encoding="utf-8-sig")))[1:]
    own = {row[3]: row for row in rows if row[2] == "Alert"}
    read = [row for row in rows if row[2] == "EGV" and row[7].isdigit()][:600]
    return own, [(int(datetime.fromisoformat(row[1]).replace(tzinfo=UTC).timestamp() * 1000), float(row[7])) for row in read]


def begun(sides, readings):
    """When a side other than 0 began."""
    return [readings[i][0] for i, side in enumerate(sides) if side and (i == 0 or sides[i - 1] != side)]


def starts(rule, rules, readings):
    found = told([("p", "d", i, at, {"glucose": x}) for i, (at, x) in enumerate(readings)], rule, rules)
    return [f.started_at for f in found if f.phase == "start"]


@pytest.mark.skipif(not CGM.exists(), reason="no ../shared/data/cgm beside the checkout")
def test_a_recorded_glucose_monitor_is_alerted_as_its_own_settings_say():
    own, readings = recorded()
    low, urgent, high = (float(own[name][7]) for name in ("Low", "Urgent Low", "High"))
    rule = msgspec.structs.replace(default().limits["glucose"], low=(low, urgent), high=(high, 400.0), hysteresis=0.0, clear_s=0.0)
    sides = [0 if low <= x <= high else 1 if x > high else -1 for _, x in readings]
    assert starts("limits", msgspec.structs.replace(default(), limits={"glucose": rule}), readings) == begun(sides, readings)


def slope(readings, i):
    """mg/dL a minute over the quarter of an hour before reading i, in plain Python; None: too little."""
    minute = readings[i][0] // MINUTE
    points = [(at // MINUTE, x) for at, x in readings[: i + 1] if minute - 15 <= at // MINUTE <= minute]
    points = list(dict(points).items())
    slopes = sorted((y - x) / (b - a) for k, (a, x) in enumerate(points) for b, y in points[k + 1 :])
    if len(points) < 3 or points[-1][0] - points[0][0] < 10:
        return None
    return (slopes[(len(slopes) - 1) // 2] + slopes[len(slopes) // 2]) / 2


@pytest.mark.slow
@pytest.mark.skipif(not CGM.exists(), reason="no ../shared/data/cgm beside the checkout")
@pytest.mark.parametrize("a_minute", [3.0, 1.0])
def test_a_recorded_glucose_monitor_falls_and_rises_as_its_own_settings_say(a_minute):
    """At the export's 3 mg/dL a minute; also at 1, so that there is more to be found."""
    own, readings = recorded()
    assert (float(own["Fall"][11]), float(own["Rise"][11])) == (3.0, 3.0)
    pace = Pace(fall=(a_minute, a_minute), rise=(a_minute, a_minute))
    rule = msgspec.structs.replace(default().pace, vitals={"glucose": pace}, clear_s=0.0)
    slopes = [slope(readings, i) or 0.0 for i in range(len(readings))]
    sides = [1 if s > a_minute else -1 if s < -a_minute else 0 for s in slopes]
    assert starts("pace", msgspec.structs.replace(default(), pace=rule), readings) == begun(sides, readings)
