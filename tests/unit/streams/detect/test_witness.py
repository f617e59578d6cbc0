"""Of two devices that measure the same vital of a patient neither takes back what the other still shows."""

import pytest

from streams.detect import witness
from streams.detect.memory import empty
from streams.detect.step import step, tick
from tests.unit.streams.detect.readings import T0, batch
from tests.unit.streams.detect.test_order import HOLD, HOUR
from vitals.registry import V, index
from vitals.rules import default

SPO2 = index("spo2")


def ward():
    """Two patients, the second of whom has three devices."""
    m = empty(default(), hold_ms=HOLD)
    step(m, batch([("o", "other", 0, T0, {"spo2": 97.0}), *(("p", d, 0, T0, {"spo2": 97.0}) for d in ("a", "b", "c"))]), 0)
    return m


def heard(m, device, x, t, *, live=True):
    """When a reading of the second patient's saturation counts, ms after the start."""
    when = witness.heard(m, (1, device, SPO2), x, T0 + t, live)
    return None if when is None else when - T0


def test_what_one_device_of_three_shows_neither_other_takes_back():
    m = ward()
    heard(m, "a", 80.0, 1_000)
    assert [heard(m, "b", 97.0, 2_000), heard(m, "c", 96.0, 3_000), heard(m, "b", 85.0, 4_000)] == [None, None, 4_000]


@pytest.mark.parametrize(("t", "counts"), [(31_000, None), (31_001, 31_001)])
def test_what_a_device_showed_stands_for_half_a_minute(t, counts):
    m = ward()
    heard(m, "a", 80.0, 1_000)
    assert heard(m, "b", 97.0, t) == counts


@pytest.mark.parametrize(("shown", "counts"), [(88.0, 1_500), (87.9, None)])
def test_a_reading_at_the_limit_is_inside_it(shown, counts):
    m = ward()
    heard(m, "a", shown, 1_000)
    assert heard(m, "b", 97.0, 1_500) == counts


def test_of_two_readings_of_one_moment_the_last_stands():
    m = ward()
    heard(m, "a", 80.0, 1_000)
    heard(m, "a", 97.0, 1_000)
    assert heard(m, "b", 97.0, 2_000) == 2_000


@pytest.mark.parametrize(("behind", "counts"), [(10_000, 10_000), (10_001, -1)])
def test_what_is_ten_seconds_longer_on_its_way_counts_as_of_now(behind, counts):
    m = ward()
    m.cells.at[V + SPO2] = T0 + 10_000
    assert heard(m, "d", 97.0, 10_000 - behind) == counts


def test_history_counts_at_its_own_time():
    m = ward()
    m.cells.at[V + SPO2] = T0 + 5_000
    assert heard(m, "b", 97.0, 1_000, live=False) == 1_000


def test_who_alone_measures_a_vital_is_compared_with_what_is_known_of_it():
    m = ward()
    step(m, batch([("p", "a", 1, T0 + 1_000, {"hr": 80.0})]), 0)
    assert [index("hr") in witness.own(m, 1, device) for device in ("a", "b")] == [False, True]


def says(device, values, every=1_000, vital="hr", way=50):
    """What a device says of the patient, a value each `every` ms, `way` ms before it is received."""
    return [("p", device, i, T0 + i * every, {vital: x}, T0 + i * every + way) for i, x in enumerate(values)]


def told(*parts, rule="limits"):
    """What is told of `rule`: phase, the second of the reading, whether of the past."""
    samples = sorted((s for part in parts for s in part), key=lambda s: s[5])
    m = empty(default(), hold_ms=HOLD)
    found = step(m, batch(samples), 0) + tick(m, T0 + HOUR)
    return [(f.phase, (f.at - T0) // 1_000, f.retrospective) for f in found if f.rule == rule]


@pytest.mark.slow
@pytest.mark.parametrize(("racing", "calm"), [(1_000, 1_000), (1_000, 5_000), (5_000, 1_000), (20_000, 1_000)])
def test_a_limit_is_told_though_another_device_shows_nothing(racing, calm):
    found = told(says("monitor", [150.0] * (300_000 // racing), racing), says("watch", [80.0] * (300_000 // calm), calm))
    assert [phase for phase, _, _ in found] == ["start"]


def test_it_is_over_when_the_device_that_showed_it_shows_otherwise():
    assert [p for p, _, _ in told(says("monitor", [150.0] * 100 + [80.0] * 100), says("watch", [80.0] * 200))] == ["start", "end"]


@pytest.mark.slow
def test_a_score_follows_the_device_that_shows_the_worse():
    ill = says("monitor", [135.0] * 400) + says("breath", [26.0] * 400, vital="rr") + says("cuff", [95.0] * 400, vital="sbp")
    ill += says("patch", [37.0] * 400, vital="temp") + says("clip", [97.0] * 400, vital="spo2")
    assert [p for p, _, _ in told(ill, says("watch", [80.0] * 400), rule="news2")] == ["start"]


@pytest.mark.slow
@pytest.mark.parametrize("way", [5_000, 20_000, 45_000])
def test_a_device_whose_readings_are_longer_on_their_way_than_anothers_is_not_late_by_that(way):
    found = told(says("monitor", [80.0] * 360), says("watch", [80.0] * 30 + [150.0] * 270, way=way))
    assert [p for phase, _, p in found if phase == "start"] == [False]


@pytest.mark.slow
def test_a_backlog_of_a_second_device_is_history():
    monitor = says("monitor", [80.0] * 3_000)
    early = says("watch", [80.0] * 5)
    backlog = [(*s[:5], T0 + 3_000_000 + k) for k, s in enumerate(says("watch", [80.0] * 5 + [150.0] * 300 + [80.0] * 300)[5:])]
    assert [(phase, past) for phase, _, past in told(monitor, early, backlog)] == [("start", True)]


def test_a_fall_that_one_device_sees_is_believed_though_another_does_not_see_it():
    found = told(says("monitor", [80.0] * 60 + [190.0] * 120), says("watch", [80.0] * 179))
    assert [p for p, _, _ in found] == ["start"]


def test_a_vital_of_one_device_only_is_taken_as_ever():
    assert told(says("monitor", [150.0, 80.0] * 100), says("watch", [97.0] * 200, vital="spo2")) == []
