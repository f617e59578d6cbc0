"""The minutes of a course: which reading stands in which minute, what a minute is when it is over, and what a gap leaves."""

import numpy as np
import pytest

from streams.detect import course
from streams.detect.channels import W
from streams.detect.course import median
from streams.detect.memory import empty
from streams.detect.remembered import RING
from streams.detect.step import step
from tests.unit.streams.detect.readings import T0, batch
from vitals.registry import VITALS, index
from vitals.rules import default

HR, SPO2 = index("hr"), index("spo2")
SECOND, MINUTE = 1000, 60_000
NAN = float("nan")


def folded(*readings):
    """A memory after (patient, seconds, {vital: value}), one after another; the first of all is the patient `o`, whom nothing concerns."""
    m, samples = empty(default()), [("o", "dev-o", 0, T0, {"temp": 37.0})]
    samples += [(p, f"dev-{p}", i, T0 + round(s * SECOND), v) for i, (p, s, v) in enumerate(readings)]
    for sample in samples:
        step(m, batch([sample]), 0)
    return m


def last(m, patient, vital, minutes):
    return course.last(m, np.array([m.row_of[patient]]), minutes)[0, vital].tolist()


def same(a, b):
    return np.array_equal(np.array(a), np.array(b), equal_nan=True)


def test_a_minute_that_is_over_is_its_median_and_the_running_one_its_newest():
    m = folded(("p", 0, {"hr": 80}), ("p", 20, {"hr": 100}), ("p", 40, {"hr": 85}), ("p", 60, {"hr": 70}))
    assert last(m, "p", HR, 2) == [85, 70]


def test_a_minute_begins_with_its_first_millisecond():
    m = folded(("p", 0, {"hr": 80}), ("p", 59.999, {"hr": 90}), ("p", 60, {"hr": 70}), ("p", 120, {"hr": 60}))
    assert last(m, "p", HR, 3) == [85, 70, 60]


def test_of_each_eighth_of_a_minute_the_last_reading_counts():
    m = folded(("p", 0, {"hr": 100}), ("p", 7.4, {"hr": 80}), ("p", 7.5, {"hr": 90}), ("p", 60, {"hr": 70}))
    assert last(m, "p", HR, 2) == [85, 70]


def test_a_reading_of_a_minute_that_is_over_adds_nothing_to_any():
    m = folded(("p", 0, {"hr": 80}), ("p", 60, {"hr": 80}), ("p", 59, {"spo2": 90}), ("p", 120, {"hr": 80}))
    assert same(last(m, "p", SPO2, 3), [NAN, NAN, NAN])


def test_the_running_minute_is_unknown_until_it_has_a_reading():
    m = folded(("p", 0, {"hr": 80, "spo2": 97}), ("p", 60, {"hr": 81}))
    assert same(last(m, "p", SPO2, 2), [97, NAN])


def test_the_minutes_of_a_gap_are_unknown_and_those_before_it_stay():
    readings = [("p", 60 * i, {"hr": 100 + i}) for i in range(40)]
    m = folded(*readings, ("p", 60 * 42, {"hr": 90}))
    assert same(last(m, "p", HR, RING), [*range(111, 140), NAN, NAN, 90])


def test_after_a_gap_longer_than_the_ring_only_the_new_minute_is_known():
    m = folded(*[("p", 60 * i, {"hr": 100 + i}) for i in range(40)], ("p", 60 * 90, {"hr": 90}))
    assert same(last(m, "p", HR, RING), [NAN] * (RING - 1) + [90])


def test_one_patients_gap_is_not_anothers():
    m = folded(*[(p, 60 * i, {"hr": 100 + i}) for i in range(40) for p in "pq" if p == "q" or i < 37])
    both = [(p, f"dev-{p}", 1000, T0 + 40 * MINUTE, {"hr": 90}) for p in "pq"]
    step(m, batch(both), 0)
    assert (same(last(m, "p", HR, 6), [135, 136, NAN, NAN, NAN, 90]), last(m, "q", HR, 6)) == (True, [135, 136, 137, 138, 139, 90])


def test_patients_in_different_minutes_each_have_their_own():
    m = folded(*[(p, 60 * i, {"hr": 100 + i}) for i in range(8) for p in "pq" if p == "q" or i < 5])
    found = course.last(m, np.array([m.row_of["p"], m.row_of["q"]]), 3)[:, HR]
    assert found.tolist() == [[102, 103, 104], [105, 106, 107]]


def test_the_whole_ring_is_given_unless_fewer_minutes_are_asked_for():
    m = folded(("p", 0, {"hr": 80}))
    assert [course.last(m, np.array([1], dtype=np.int64), n).shape for n in (RING, 2)] == [(1, W, RING), (1, W, 2)]


def test_of_nobody_there_are_no_minutes():
    assert course.last(folded(), np.zeros(0, dtype=np.int64), 3).shape == (0, W, 3)


@pytest.mark.parametrize("vital", [v.name for v in VITALS if v.index >= W])
def test_a_vital_without_a_course_touches_none(vital):
    m = folded(("p", 0, {"hr": 80}), ("p", 10, {vital: 1}), ("q", 10, {"hr": 90}), ("p", 20, {vital: 0, "hr": 84}))
    step(m, batch([(p, f"dev-{p}", 1000, T0 + MINUTE, {"hr": 70}) for p in "pq"]), 0)
    assert [last(m, p, HR, 2) for p in "pq"] == [[82, 70], [90, 70]]


def test_since_when_a_reading_is_the_same_is_the_time_of_the_last_change():
    m = folded(("p", 0, {"spo2": 97}), ("p", 10, {"spo2": 96}), ("p", 20, {"spo2": 96}))
    assert m.courses.same_since.reshape(-1, W)[m.row_of["p"], SPO2] == T0 + 10 * SECOND


def test_courses_are_looked_at_every_four_minutes():
    looked = []
    m = folded(("p", 0, {"hr": 80}))
    for minute in range(1, 10):
        step(m, batch([("p", "dev-p", minute, T0 + minute * MINUTE, {"hr": 80 + minute})]), 0)
        looked.append(int(m.rows.looked[1]) - T0 // MINUTE)
    assert looked == [0, 0, 0, 4, 4, 4, 4, 8, 8]


@pytest.mark.parametrize(
    ("values", "expected"),
    [([NAN, NAN], NAN), ([NAN, 3.0], 3.0), ([1.0, 5.0], 3.0), ([4.0, NAN, 1.0, 9.0], 4.0), ([9.0, 1.0, 4.0, 2.0], 3.0)],
)
def test_a_median_leaves_out_what_is_unknown(values, expected):
    assert same(median(np.array([values])), [expected])


def test_medians_are_of_each_row_by_itself():
    rows = np.array([[[1.0, 2.0, 9.0], [NAN, 7.0, NAN]], [[5.0, NAN, 3.0], [NAN, NAN, NAN]]])
    assert same(median(rows), [[2.0, 7.0], [4.0, NAN]])
