"""What is charted by hand: a mild condition is confirmed by the next readings, a bad one calls at its first."""

import msgspec
import numpy as np
import pytest

from streams.detect.channels import NEWS2
from streams.detect.charted import Waits, by_hand, in_a_row, lengthen
from streams.detect.memory import empty
from streams.detect.rules import default
from streams.detect.step import step, tick
from tests.unit.streams.detect.readings import T0, batch
from vitals.registry import V, index
from vitals.rules import RuleError, parsed

HOUR, MINUTE = 3_600_000, 60_000
WELL = {"hr": 80, "rr": 16, "spo2": 97, "sbp": 120, "temp": 37.0}


def hourly(*changes, every=HOUR, well=WELL):
    """Three readings of a well patient, then one for each of `changes`."""
    rows = [well] * 3 + [well | change for change in changes]
    return [("p", "d", i, T0 + i * every, row) for i, row in enumerate(rows)]


def starts(samples, until=None):
    """(hours since the third reading, rule, priority) of all that began or grew worse, with time passing every five minutes."""
    m, found = empty(default()), []
    last = samples[-1][3] if until is None else until
    for now in range(T0, last + 1, 5 * MINUTE):
        due = [s for s in samples if now - 5 * MINUTE < s[3] <= now]
        found += step(m, batch(due), now) if due else []
        found += tick(m, now)
    return [((f.at - T0) / HOUR - 2, f.rule, f.priority) for f in found if f.phase != "end" and f.alert_class == "physiological"]


@pytest.mark.parametrize(
    ("readings", "called"), [(4, []), (5, [(5, "limits", "medium")]), (6, [(5, "limits", "medium")])], ids=["four", "five", "six"]
)
def test_a_first_step_calls_when_the_next_four_readings_confirm_it(readings, called):
    assert starts(hourly(*[{"hr": 125}] * readings)) == called


def test_one_good_reading_between_begins_anew():
    assert starts(hourly(*[{"hr": 125}] * 4, {}, *[{"hr": 125}] * 4)) == []


def test_a_second_step_calls_at_its_first_reading():
    assert starts(hourly({"sbp": 70}), T0 + 3 * HOUR + 5 * MINUTE)[0] == (1, "limits", "high")


def test_a_high_score_calls_at_its_first_reading():
    ill = {"rr": 26, "spo2": 90, "hr": 115}
    assert (1, "news2", "high") in starts(hourly(ill), T0 + 3 * HOUR + 5 * MINUTE)


@pytest.mark.parametrize(("readings", "called"), [(1, []), (2, [(2, "news2", "medium")])], ids=["one", "two"])
def test_a_medium_score_is_confirmed_by_the_next_reading(readings, called):
    assert [s for s in starts(hourly(*[{"rr": 22, "hr": 112, "spo2": 95}] * readings)) if s[1] == "news2"] == called


@pytest.mark.parametrize(("readings", "called"), [(4, []), (5, [(5, "news2-single", "low")])], ids=["four", "five"])
def test_one_parameter_at_3_is_confirmed_by_the_next_four(readings, called):
    assert [s for s in starts(hourly(*[{"spo2": 90}] * readings)) if s[1] == "news2-single"] == called


@pytest.mark.parametrize(("change", "said"), [({"hr": 125}, 5), ({"sbp": 70}, None)], ids=["mild", "bad"])
def test_a_finding_says_how_many_readings_showed_it(change, said):
    found = step(empty(default()), batch(hourly(*[change] * 6)), 0)
    assert [f.evidence.get("in_a_row") for f in found if f.rule == "limits" and f.phase == "start"] == [said]


def test_what_nobody_measures_again_calls_all_the_same():
    assert [s[1] for s in starts(hourly({"hr": 125}), T0 + 12 * HOUR)] == ["limits"]


def test_a_monitored_patients_pressure_waits_no_longer_for_being_taken_seldom():
    samples = [("p", "d", i, T0 + i * 1000, {"hr": 80} | ({"sbp": 85} if i % 600 == 0 else {})) for i in range(1000)]
    found = [f for f in step(empty(default()), batch(samples), 0) if f.rule == "limits"]
    assert [(f.subject, f.at - T0) for f in found] == [("sbp", 600_000)]


def test_a_glucose_sensor_is_no_person():
    samples = [("p", "d", i, T0 + i * 5 * MINUTE, {"glucose": 65}) for i in range(4)]
    every = msgspec.structs.replace(default(), charted=None)
    told = [[(f.rule, f.at) for f in step(empty(rules), batch(samples), 0)] for rules in (default(), every)]
    assert told[0] == told[1]


def test_a_number_of_readings_below_one_is_refused_with_its_line():
    text = msgspec.json.encode(default()).replace(b'"news2_single":5', b'"news2_single":0')
    with pytest.raises(RuleError, match=r"charted\.news2_single"):
        parsed(text)


@pytest.mark.parametrize(("gap", "expected"), [(0, True), (1, False), (119_999, False), (120_000, True)])
def test_a_pause_of_two_minutes_is_no_monitors(gap, expected):
    assert by_hand(np.array([float(gap)])).tolist() == [expected]


def two(gap):
    """A memory in which `p` was charted with a mild rate, each reading `gap` ms after the last, and `q` is monitored."""
    m = empty(default())
    charted = [("p", "d", i, T0 + i * gap, {"hr": 125}) for i in range(3 if gap else 1)]
    step(m, batch(charted + [("q", "e", i, T0 + i * 1000, {"hr": 80}) for i in range(30)]), 0)
    return m


def lengthened(m, vital, pause):
    """What the waits of `p` for a vital become, of which nothing stands or waits yet: ms each."""
    waits = Waits(*(np.zeros(1, dtype=np.int64) for _ in range(3)))
    lengthen(m, np.array([m.row("p")]), np.array([index(vital)]), np.array([float(pause)]), waits)
    return [int(w[0]) for w in waits]


@pytest.mark.parametrize(
    ("pause", "first", "hold", "alone"),
    [(0, 3.5 * HOUR, 4 * HOUR, 1.5 * HOUR), (HOUR, 3.5 * HOUR, 4 * HOUR, 1.5 * HOUR), (4 * HOUR, 14 * HOUR, 12 * HOUR, 6 * HOUR)],
    ids=["unknown", "hourly", "four-hourly"],
)
def test_a_mild_value_waits_for_the_next_four_and_stands_four_pauses_but_half_a_day_at_most(pause, first, hold, alone):
    assert lengthened(two(0), "hr", pause) == [first, hold, alone]


def test_a_vital_that_comes_often_waits_for_nothing():
    assert lengthened(two(0), "hr", 1000) == [0, 0, 0]


def test_where_each_reading_counts_nothing_waits():
    m = two(0)
    m.layout.charted[index("hr")] = 1
    assert lengthened(m, "hr", HOUR) == [0, 0, 0]


def test_what_is_no_vital_goes_by_the_fastest_of_them():
    m = two(HOUR)
    m.layout.charted[V] = 3
    assert [in_a_row(m, m.row(patient), V) for patient in "pq"] == [3, 1]


def test_an_arterial_line_alone_is_a_monitor():
    m = two(0)
    step(m, batch([("r", "f", i, T0 + i * 1000, {"sbp": 85}) for i in range(30)]), 0)
    assert in_a_row(m, m.row("r"), index("sbp")) == 1


@pytest.mark.parametrize(("patient", "expected"), [("p", [5, 2]), ("q", [1, 1])])
def test_only_where_nobody_monitors_readings_in_a_row_are_asked_for(patient, expected):
    m = two(HOUR)
    assert [in_a_row(m, m.row(patient), channel) for channel in (index("hr"), NEWS2)] == expected


def test_a_pressure_taken_seldom_of_one_who_is_monitored_counts_at_once():
    m = two(HOUR)
    assert in_a_row(m, m.row("q"), index("sbp")) == 1
