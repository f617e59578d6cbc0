"""What courses show: stuck and impossible values, paces, trends, drifts, shifts, habits; and that no batching changes it."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.detect import course
from streams.detect.drift import summed
from streams.detect.memory import empty
from streams.detect.shift import shift
from streams.detect.step import step
from streams.detect.trend import crossing_min, line
from tests.unit.streams.detect.courses import MINUTE, folded, loud, told
from tests.unit.streams.detect.readings import T0, batch, series
from vitals.rules import default

HOUR = 3_600_000


def noisy(level, n, sd=2.0):
    return [float(round(x)) for x in level + np.random.default_rng(5).normal(0, sd, n)]


# --- stuck


def test_a_number_that_never_changes_is_a_technical_condition_until_it_moves():
    found = told(series("hr", [*noisy(80, 100), *([80.0] * 1700), *noisy(80, 400)]), "stuck")
    assert [(f.phase, f.alert_class, f.priority) for f in found] == [("start", "technical", "low"), ("end", "technical", "low")]


def test_a_stuck_number_says_for_how_long():
    found = told(series("hr", [*noisy(80, 100), *([80.0] * 1700)]), "stuck")
    assert found[0].evidence["same_for_s"] >= 1200


@pytest.mark.parametrize("every_s", [60, 3600])
def test_what_is_charted_seldom_is_not_stuck(every_s):
    assert told(series("hr", [80.0] * 40, every=every_s * 1000), "stuck") == []


def test_a_saturation_of_a_healthy_body_is_not_stuck():
    assert told(series("spo2", [99.0] * 800, every=10_000), "stuck") == []


# --- impossible jumps


def test_a_single_impossible_value_reaches_neither_limits_nor_score():
    m = empty(default())
    step(m, batch(series("hr", [*([80.0] * 30), 250.0, *([80.0] * 30)])), 0)
    assert (m.counts, m.cells.value[0], m.timers.side.any()) == ({"doubtful": 1, "poor": 1}, 80.0, False)


def test_a_level_that_stays_is_believed_after_ten_seconds():
    found = told(series("hr", [*([80.0] * 30), *([200.0] * 60)]), "limits")
    assert [(f.phase, f.started_at, f.at) for f in found] == [("start", T0 + 40_000, T0 + 70_000)]


def test_a_fast_but_possible_rise_is_not_doubted():
    m = empty(default())
    step(m, batch(series("hr", [80.0 + 20 * i for i in range(9)])), 0)
    assert m.counts == {}


def test_after_a_pause_any_level_is_possible():
    m = empty(default())
    step(m, batch([*series("hr", [80.0] * 5), *series("hr", [220.0], start=T0 + MINUTE, first_seq=5)]), 0)
    assert m.cells.value[0] == 220.0


def test_a_poor_signal_says_what_it_would_have_been():
    samples = [("p", "d", i, T0 + i * 1000, {"spo2": 70.0}, T0 + i * 1000, {"spo2": 0.3}) for i in range(300)]
    found = told(samples, "signal")
    assert [(f.evidence["not_believed"], f.evidence["would_be"]) for f in found] == [(70.0, "SpO2 below 88 %")]


# --- trend, shift, drift


def test_the_slope_is_that_of_the_line_whatever_one_minute_in_four_does():
    y = 80 + 0.5 * np.arange(32)
    y[::5] = 200
    found = line(y[None, :])
    assert (round(float(found.slope[0]), 2), round(float(found.level[0]), 1)) == (0.5, 95.5)


def test_too_little_is_no_trend():
    y = np.full((1, 32), np.nan)
    y[0, -3:] = [1.0, 2.0, 3.0]
    assert np.isnan(line(y).slope[0])


@pytest.mark.parametrize(("rise", "minutes"), [(1.0, 9.0), (-1.0, -24.0), (0.0, np.inf)])
def test_the_minutes_to_the_limit(rise, minutes):
    y = 80 + rise * np.arange(32) - rise * 31 + rise * 31
    level = 80 + 31 * rise
    high, low = np.array([level + 9]), np.array([level - 24])
    assert float(crossing_min(line(y[None, :]), low, high, 0.8)[0]) == pytest.approx(minutes)


def test_beyond_the_limit_already_is_no_crossing():
    assert np.isinf(crossing_min(line(80 + np.arange(32.0)[None, :]), np.array([0.0]), np.array([100.0]), 0.8)[0])


def test_a_change_of_level_is_found_where_it_was():
    y = np.concatenate([80 + np.random.default_rng(5).normal(0, 1, 20), 100 + np.random.default_rng(5).normal(0, 1, 12)])
    found = shift(y[None, :], 0.001, np.array([1.0]))
    assert (int(found.ago_min[0]), found.z[0] > 10) == (12, True)


def test_noise_changes_no_level():
    y = 80 + np.random.default_rng(1).normal(0, 2, (200, 32))
    assert (shift(y, 0.001, np.full(200, 1.0)).z != 0).sum() <= 1


def test_a_shift_of_one_deviation_is_a_drift_after_a_while_and_noise_is_none():
    rule = default().drift
    z = np.random.default_rng(2).normal(0, 1, (100, 60))
    up, down = np.zeros(100), np.zeros(100)
    for k in range(60):
        up, down = summed(up, down, z[:, k] + np.where(np.arange(100) < 50, 1.0, 0.0), rule)
    assert ((up[:50] > rule.reach).mean() > 0.95, (up[50:] > rule.reach).mean() < 0.2) == (True, True)


def test_what_is_not_known_is_no_drift():
    rule = default().drift
    up, down = summed(np.array([3.0]), np.array([1.0]), np.array([np.nan]), rule)
    assert (up[0], down[0]) == (3.0, 1.0)


# --- by day and by night


def hours(levels, noise=1.0):
    """A heart rate a minute, an hour a level."""
    values = [float(round(x)) for level in levels for x in level + np.random.default_rng(5).normal(0, noise, 60)]
    return series("hr", values, every=MINUTE, start=T0 - T0 % (24 * HOUR) + 10 * HOUR)


def test_a_day_unlike_the_patients_own_is_told():
    found = told(hours([70] * 3 + [100]), "habit", loud())
    assert [(f.subject, f.phase, f.evidence["usual"]["by"]) for f in found] == [("hr", "start", "day")]


def test_the_night_is_another_habit():
    assert told(hours([80] * 12 + [55] * 9, 2.0), "habit", loud()) == []


def test_the_habit_of_the_day_is_kept_over_the_night():
    found = told(hours([80] * 12 + [55] * 9 + [80] * 2 + [115]), "habit", loud())
    assert [(f.phase, f.evidence["usual"]["by"]) for f in found] == [("start", "day")]


def test_by_default_courses_support_and_raise_nothing():
    found = told(hours([70] * 3 + [100]), "limits") + told(hours([70] * 3 + [100]), "drift")
    assert found == []


def test_a_limits_finding_shows_the_trend_and_the_usual():
    values = [*noisy(75, 240), *(75 + i / 1.3 + float(np.random.default_rng(5).normal()) for i in range(80))]
    found = [f for f in told(series("hr", values, every=15_000), "limits") if f.phase == "start"]
    assert (found[0].evidence["usual"]["by"], found[0].evidence["trend"]["per_hour"] > 20) == ("day", True)


# --- agreement


def both(hr, pulse, n=600):
    return [("p", "d", i, T0 + i * 1000, {"hr": hr + float(i % 3), "pulse": pulse + float(i % 2)}) for i in range(n)]


def test_a_heart_rate_and_a_pulse_that_disagree_are_technical():
    found = told(both(140, 70), "agreement")
    assert [(f.phase, f.alert_class, f.priority) for f in found] == [("start", "technical", "low")]


def test_a_limits_finding_says_that_the_other_source_disagrees():
    found = [f for f in told(both(140, 70), "limits") if f.subject == "hr"]
    assert (found[0].evidence["other"]["vital"], found[0].evidence["other"]["agrees"]) == ("pulse", False)


def test_what_agrees_is_not_told():
    assert told(both(82, 76), "agreement") == []


# --- combinations


def test_a_shock_index_that_stays_is_told_with_its_inputs():
    samples = [("p", "d", i, T0 + i * 10_000, {"hr": 118.0, "sbp": 96.0}) for i in range(150)]
    found = told(samples, "combination", loud())
    assert [(f.subject, f.priority, f.title, f.evidence["inputs"]) for f in found] == [
        ("shock index", "low", "Shock index above 1", {"hr": 118.0, "sbp": 96.0})
    ]


def test_a_combination_without_a_priority_is_shown_beside_its_vitals():
    samples = [("p", "d", i, T0 + i * 10_000, {"hr": 132.0, "sbp": 110.0}) for i in range(150)]
    found = told(samples, "limits")
    assert (found[0].evidence["combinations"], told(samples, "combination")) == ({"shock index": 1.2}, [])


def test_a_combination_of_a_stale_vital_is_none():
    samples = [("p", "d", i, T0 + i * 10_000, {"hr": 104.0} | ({"sbp": 95.0} if i == 0 else {})) for i in range(300)]
    assert told(samples, "combination", loud()) == []


# --- the same in any batching


def test_the_examples_of_courses_are_true():
    assert doctest.testmod(course).failed == 0


@st.composite
def wards(draw):
    """An hour or more of a few patients on two devices each: noise, trends, stuck and wild values, gaps, late samples."""
    r = np.random.default_rng(draw(st.integers(0, 2**32)))
    samples, clock, seqs = [], dict.fromkeys("pqr", T0), {}
    level = {p: {"hr": 80.0, "pulse": 80.0, "sbp": 120.0, "glucose": 150.0} for p in "pqr"}
    for _ in range(draw(st.integers(50, 250))):
        p = "pqr"[r.integers(0, 3)]
        clock[p] += int(r.choice([7_000, 20_000, 61_000, 400_000], p=[0.6, 0.3, 0.09, 0.01]))
        vital = str(r.choice(["hr", "pulse", "sbp", "glucose"]))
        if r.random() < 0.1:
            level[p][vital] *= float(r.choice([0.8, 0.95, 1.05, 1.3]))
        observed = clock[p] - (int(r.integers(0, 200_000)) if r.random() < 0.05 else 0)
        device = f"{'b' if vital == 'glucose' else 'a'}-{p}"
        seqs[device] = seqs.get(device, -1) + 1
        x = min(max(level[p][vital] + float(r.normal(0, 2) if r.random() < 0.8 else 0), 35), 280)
        values = {vital: x if r.random() < 0.97 else 290.0}
        if vital == "hr":
            values["pulse"] = level[p]["pulse"]
        samples.append((p, device, seqs[device], observed, values, observed + 40, {vital: float(r.choice([1.0, 0.2], p=[0.95, 0.05]))}))
    return samples


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(samples=wards(), data=st.data())
def test_neither_batching_nor_a_restart_changes_a_course(samples, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(samples)), max_size=6)))
    rules = loud()
    assert folded(samples, cuts, rules, restart=True) == folded(samples, [], rules, restart=False)


@pytest.mark.slow
@settings(max_examples=6, deadline=None)
@given(samples=wards())
def test_a_course_is_the_same_one_sample_at_a_time(samples):
    rules = loud()
    assert folded(samples, range(1, len(samples)), rules, restart=False) == folded(samples, [], rules, restart=False)
