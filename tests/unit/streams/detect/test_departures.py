"""Each detector of departures by itself, at its bounds: drift, agreement, stuck, jump, combinations, shift, trend and habit."""

import msgspec
import numpy as np
import pytest

from streams.detect import agreement, drift, habit
from streams.detect.channels import W
from streams.detect.combined import combined
from streams.detect.jump import doubted
from streams.detect.memory import empty
from streams.detect.remembered import RING
from streams.detect.shift import shift
from streams.detect.stuck import stuck
from streams.detect.trend import Line, crossing, crossing_min, line
from tests.unit.streams.detect.readings import T0
from vitals.registry import V, index
from vitals.rules import default

RULES = default()
HR, PULSE, SPO2, SBP = (index(name) for name in ("hr", "pulse", "spo2", "sbp"))
NAN, HOUR, DAY = float("nan"), 3_600_000, 86_400_000
ROW = np.array([1])
"""Of two patients the second: what holds for it must not be the first's."""


def ward():
    m = empty(RULES)
    for patient in "op":
        m.row(patient)
    return m


def same(a, b):
    return np.allclose(np.array(a, dtype=float), np.array(b, dtype=float), rtol=1e-6, equal_nan=True)


# --- drift: a slack of 0.5 is let pass, 8 is the reach


@pytest.mark.parametrize(
    ("up", "down", "z", "expected"),
    [
        (3, 1, 2, (4.5, 0)), (3, 1, -2, (0.5, 2.5)), (1, 3, 10, (4.5, 0)), (3, 1, -10, (0, 4.5)),
        (15, 0, 4, (16, 0)), (0, 15, -4, (0, 16)), (3, 1, 0, (2.5, 0.5)), (3, 1, NAN, (3, 1)),
    ],
)  # fmt: skip
def test_a_sum_takes_what_is_beyond_the_slack_four_at_most_and_stops_at_twice_the_reach(up, down, z, expected):
    found = drift.summed(np.array([float(up)]), np.array([float(down)]), np.array([float(z)]), RULES.drift)
    assert same(np.concatenate(found), expected)


@pytest.mark.parametrize(("up", "down", "expected"), [(3, 2, 3), (2, 3, -3), (2, 2, 2)])
def test_a_drift_goes_the_way_of_the_larger_sum(up, down, expected):
    assert drift.signed(np.array([up]), np.array([down])).tolist() == [expected]


# --- agreement: 20 a minute or a fifth of the faster


@pytest.mark.parametrize(
    ("hr", "pulse", "expected"), [(90, 60, 1.5), (60, 90, 1.5), (150, 90, 2), (90, 150, 2), (NAN, 90, NAN), (90, NAN, NAN)]
)
def test_heart_rate_and_pulse_are_compared_by_the_larger_allowance(hr, pulse, expected):
    minute = np.full((1, W), 1000.0)
    minute[0, [HR, PULSE]] = hr, pulse
    assert same(agreement.apart(minute, RULES.agreement), [expected])


# --- stuck: 20 min of a heart rate that comes at least sixty times in them


def is_stuck(vital, x, same_ms, gap_ms):
    m = ward()
    cell = ROW * V + vital
    m.cells.value[cell], m.cells.at[cell], m.cells.gap[cell] = x, T0, gap_ms
    m.courses.same_since[ROW * W + vital] = T0 - same_ms
    return stuck(m, ROW, RULES.stuck)[0, vital]


@pytest.mark.parametrize(
    ("same_ms", "gap_ms", "expected"),
    [(1_200_000, 20_000, 1), (1_199_999, 20_000, 0), (1_200_000, 20_001, NAN), (1_200_000, 0, NAN), (1_200_000, 1, 1)],
)
def test_a_number_is_stuck_after_its_window_if_it_comes_often_enough(same_ms, gap_ms, expected):
    assert same(is_stuck(HR, 80.0, same_ms, gap_ms), expected)


@pytest.mark.parametrize(("x", "expected"), [(95.9, 1), (96, 0), (100, 0)])
def test_at_its_ceiling_a_saturation_is_never_stuck(x, expected):
    assert is_stuck(SPO2, x, 7_200_000, 1000) == expected


# --- combinations: no vital older than ten minutes


@pytest.mark.parametrize(("age_ms", "expected"), [(0, 1.1), (600_000, 1.1), (600_001, NAN)])
def test_a_combination_is_of_fresh_vitals_only(age_ms, expected):
    m = ward()
    for vital, x, at in ((HR, 110, T0), (SBP, 100, T0 - age_ms)):
        m.cells.value[ROW * V + vital], m.cells.at[ROW * V + vital] = x, at
    assert same(combined(m, ROW, np.array([T0]), RULES.combinations["shock index"]), [expected])


# --- impossible jumps: 100 a minute within 10 s, believed after 10 s


def jumps(*readings, vital=HR, rules=RULES):
    """Which of (ms after the last good one, value) are doubted, that being 80; the counts."""
    m = ward()
    m.rules = rules
    m.cells.value[ROW * V + vital], m.cells.at[ROW * V + vital] = 80.0, T0
    found = []
    for t, x in readings:
        values = np.full((1, V), NAN)
        values[0, vital] = x
        found.append(bool(doubted(m, ROW, np.array([T0 + t]), values)[0, vital]))
    return found, m.counts


@pytest.mark.parametrize(("x", "expected"), [(180, False), (181, True), (-21, True), (-20, False)])
def test_a_step_that_a_body_makes_is_not_doubted(x, expected):
    assert jumps((1000, x))[0] == [expected]


def test_a_new_level_is_believed_ten_seconds_after_its_first_reading():
    assert jumps((1000, 200), (10_999, 200), (11_000, 200)) == ([True, True, False], {"doubtful": 2})


def test_a_new_level_at_the_very_time_of_the_last_good_reading_is_believed_as_soon():
    assert jumps((0, 200), (9_999, 200), (10_000, 200))[0] == [True, True, False]


@pytest.mark.parametrize(("t", "expected"), [(0, True), (10_000, True), (10_001, False), (-1, False)])
def test_only_a_jump_soon_after_the_last_good_reading_is_doubted(t, expected):
    assert jumps((t, 200))[0] == [expected]


def test_a_later_jump_is_doubted_from_its_own_first_reading_on():
    m = ward()
    cell = ROW * V + SPO2
    values = np.full((1, V), NAN)
    values[0, SPO2] = 20.0
    found = []
    for at in (T0, T0 + 60_000):
        m.cells.value[cell], m.cells.at[cell] = 97.0, at
        found += [bool(doubted(m, ROW, np.array([at + t]), values)[0, SPO2]) for t in (1000, 10_999, 11_000)]
    assert (found, int(m.courses.doubted[ROW[0] * W + SPO2])) == ([True, True, False] * 2, T0 + 61_000)


def test_without_a_rule_no_step_is_too_far():
    rules = msgspec.structs.replace(RULES, jump=None)
    m = empty(rules)
    m.row("p")
    m.cells.value[0], m.cells.at[0] = 80.0, T0
    assert not doubted(m, np.array([0]), np.array([T0 + 1]), np.full((1, V), 1e6)).any()


# --- shift: Pettitt's rank test


def level(*parts):
    """A course of (value, minutes) parts with a little noise of its own, the newest last."""
    return np.array([[x + 0.5 * (i % 3 - 1) for x, n in parts for i in range(n)]], dtype=float)


@pytest.mark.parametrize(("before", "after", "z"), [(80, 90, 20), (90, 80, -20)])
def test_a_shift_is_the_distance_of_the_medians_in_deviations_with_its_moment(before, after, z):
    found = shift(level((before, 20), (after, 12)), 0.001, np.array([0.5]))
    spread = max(0.5, 1.4826 * 0.5)
    assert (same(found.z, [z / 2 / spread]), found.ago_min.tolist(), found.before.tolist(), found.after.tolist()) == (
        True, [12], [before], [after],
    )  # fmt: skip


def test_the_last_minute_before_a_shift_belongs_to_what_was_before():
    found = shift(np.array([[80.0, 82.0] * 10 + [100.0] * 12]), 0.001, np.array([1.0]))
    assert (found.before.tolist(), found.after.tolist()) == ([81.0], [100.0])


def test_a_very_even_course_is_measured_with_the_least_deviation():
    assert shift(level((80, 20), (90, 12)), 0.001, np.array([4.0])).z.tolist() == [2.5]


@pytest.mark.parametrize(("points", "found"), [(16, True), (15, False)])
def test_a_shift_needs_sixteen_minutes_with_readings(points, found):
    y = level((80, 24), (90, 8))
    y[0, : 32 - points] = NAN
    assert bool(shift(y, 0.05, np.array([1.0])).z[0] != 0) is found


def test_a_shift_is_told_up_to_the_chance_that_the_rule_allows():
    y = level((80, 26), (90, 6))
    u, n = 26 * 6, 32
    p = 2 * np.exp(-6 * u**2 / (n**3 + n**2))
    y = np.concatenate([np.full(26, 80.0), np.full(6, 90.0)])[None, :]
    assert [shift(y, chance, np.array([1.0])).z[0] != 0 for chance in (p * 0.99, p, p * 1.01)] == [False, True, True]


def test_where_nothing_is_known_nothing_shifted():
    assert shift(np.full((1, 32), NAN), 0.9, np.array([1.0])).z.tolist() == [0.0]


# --- trend: the median of all slopes


def test_a_falling_line_has_its_slope_its_level_now_and_agrees_with_itself():
    found = line((100 - 0.5 * np.arange(20))[None, :])
    assert same([found.slope[0], found.level[0], found.agree[0]], [-0.5, 90.5, 1.0])


def test_the_share_of_pairs_that_go_the_way_of_the_slope():
    y = np.full((1, 13), NAN)
    y[0, [0, 4, 8, 12]] = [0, 4, 3, 12]
    assert line(y).agree[0] == pytest.approx(5 / 6)


@pytest.mark.parametrize(
    ("minutes", "known"),
    [((0, 4, 8, 12), True), ((0, 4, 8, 11), False), ((0, 6, 12), False), ((3, 7, 11, 15), True), ((4, 7, 11, 15), False)],
)
def test_a_trend_needs_four_minutes_over_twelve(minutes, known):
    y = np.full((1, 16), NAN)
    y[0, list(minutes)] = minutes
    assert bool(line(y).slope[0] == 1.0) is known


def ahead(slope, now, low=60.0, high=120.0, agree=1.0, least=0.8):
    found = Line(np.array([float(slope)]), np.array([float(now)]), np.array([agree]))
    return float(crossing_min(found, np.array([low]), np.array([high]), least)[0])


@pytest.mark.parametrize(
    ("slope", "now", "expected"),
    [(2, 100, 10), (-2, 100, -20), (0, 100, np.inf), (2, 120, np.inf), (-2, 60, np.inf), (2, 121, np.inf), (-2, 59, np.inf)],
)
def test_the_minutes_to_the_limit_ahead_from_inside_only(slope, now, expected):
    assert ahead(slope, now) == expected


@pytest.mark.parametrize(("agree", "expected"), [(0.8, 10), (0.79, np.inf), (NAN, np.inf)])
def test_a_line_counts_that_enough_pairs_agree_with(agree, expected):
    assert ahead(2, 100, agree=agree) == expected


def test_without_a_limit_ahead_nothing_is_crossed():
    assert ahead(2, 100, high=np.inf) == np.inf


@pytest.mark.parametrize(("vital", "expected"), [("hr", 40.0), ("glucose", -(100 - 54) / 0.5)])
def test_it_is_the_patients_own_first_limit_that_is_ahead_or_the_second_where_the_rule_says(vital, expected):
    m, i = ward(), index(vital)
    slope = 0.5 if vital == "hr" else -0.5
    y = (100 + slope * np.arange(1 - RING, 1))[None, :]
    assert same(crossing(m, ROW, i, y, RULES.trend), [expected])


# --- habit: the night from 22 to 7, warm after thirty minutes


@pytest.mark.parametrize(("hour", "dark"), [(21.99, 0), (22, 1), (0, 1), (6.99, 1), (7, 0), (12, 0)])
def test_the_night_is_over_midnight(hour, dark):
    assert habit.night(np.array([T0 - T0 % DAY + round(hour * HOUR)]), RULES.habit).tolist() == [dark]


@pytest.mark.parametrize(("hour", "dark"), [(0.99, 0), (1, 1), (5.99, 1), (6, 0), (23, 0)])
def test_a_night_within_a_day_has_both_its_bounds(hour, dark):
    rule = msgspec.structs.replace(RULES.habit, night_from_h=1, night_to_h=6)
    assert habit.night(np.array([T0 - T0 % DAY + round(hour * HOUR)]), rule).tolist() == [dark]


@pytest.mark.parametrize("hour", [0, 12, 23])
def test_where_the_night_ends_as_it_begins_all_is_one(hour):
    rule = msgspec.structs.replace(RULES.habit, night_from_h=12, night_to_h=12)
    assert habit.night(np.array([T0 - T0 % DAY + hour * HOUR]), rule).tolist() == [1]


@pytest.mark.parametrize(("offset", "dark"), [(2, 1), (0, 0), (-2, 0)])
def test_the_night_is_the_sites(offset, dark):
    rule = msgspec.structs.replace(RULES.habit, utc_offset_h=offset)
    assert habit.night(np.array([T0 - T0 % DAY + 20 * HOUR]), rule).tolist() == [dark]


NOON, MIDNIGHT = T0 - T0 % DAY + 12 * HOUR, T0 - T0 % DAY
LEAST = RULES.habit.least_sd["hr"]


def known(median=80.0, mad=4.0, minutes=30, vital=HR, by_night=0):
    """A memory in which the usual of one vital of the second patient is known."""
    m = ward()
    cell = 2 * W + by_night * W + vital
    m.courses.median[cell], m.courses.mad[cell], m.courses.known[cell] = median, mad, minutes
    return m, cell


def looked(m, y, vital=HR, at=NOON, read=4):
    """z of a look at a median `y`, `read` of the four minutes before having readings."""
    course = np.full((1, W, RING), NAN, dtype=np.float32)
    course[0, vital, RING - 1 - read : RING - 1] = y
    ys = np.full((1, W), NAN)
    ys[0, vital] = y
    return float(habit.learn(m, ROW, np.array([at]), ys, course, RULES.habit)[0, vital])


def test_the_distance_from_the_usual_is_in_robust_deviations():
    m, _ = known()
    assert looked(m, 80 + 3 * 1.4826 * 4) == pytest.approx(3, rel=1e-5)


def test_a_very_even_patient_has_the_least_deviation():
    m, _ = known(mad=0.1)
    assert looked(m, 80 + 2 * LEAST) == pytest.approx(2, rel=1e-5)


@pytest.mark.parametrize(("minutes", "judged"), [(29, False), (30, True)])
def test_nothing_is_judged_before_it_is_warm(minutes, judged):
    m, _ = known(minutes=minutes)
    assert (looked(m, 90.0) > 0) is judged


@pytest.mark.parametrize(("at", "judged"), [(NOON, True), (MIDNIGHT, False)])
def test_the_day_says_nothing_of_the_night(at, judged):
    m, _ = known()
    assert (looked(m, 90.0, at=at) > 0) is judged


@pytest.mark.parametrize("vital", [HR, PULSE, W - 1])
def test_by_night_the_nights_usual_holds(vital):
    m, _ = known(vital=vital, by_night=1)
    assert same(habit.usual(m, ROW, np.array([MIDNIGHT]), RULES.habit)[0][0, vital], 80.0)


@pytest.mark.parametrize(
    ("y", "median", "mad"),
    [(200.0, 0.02, 0.02), (0.0, -0.02, 0.02), (80.01, 0.01 / (1.4826 * 4), -0.02), (80.0, 0, -0.02), (84.0, 0.02, 0), (76.0, -0.02, 0)],
)
def test_a_look_moves_the_usual_by_a_share_of_a_deviation_at_most(y, median, mad):
    m, cell = known()
    looked(m, y)
    sd = 1.4826 * 4
    moved = [(m.courses.median[cell] - 80) / sd, (m.courses.mad[cell] - 4) / sd]
    assert np.allclose(moved, [median, mad], atol=2e-5)


def test_a_deviation_is_never_negative():
    m, cell = known(mad=0.01)
    looked(m, 80.0)
    assert m.courses.mad[cell] == 0.0


@pytest.mark.parametrize(("minutes", "read", "expected"), [(8, 4, 12), (8, 1, 9), (8, 0, 8), (28, 4, 30)])
def test_the_minutes_since_the_last_look_are_counted_until_it_is_warm(minutes, read, expected):
    m, cell = known(minutes=minutes)
    looked(m, 80.0, read=read)
    assert m.courses.known[cell] == expected


def test_when_it_is_warm_the_usual_is_the_exact_median_of_what_is_kept():
    m, cell = known(median=0.0, mad=0.0, minutes=28)
    course = np.full((1, W, RING), NAN, dtype=np.float32)
    course[0, HR, :-1] = np.arange(RING - 1)
    habit.learn(m, ROW, np.array([NOON]), np.full((1, W), NAN), course, RULES.habit)
    assert [m.courses.median[cell], m.courses.mad[cell]] == [15.0, 8.0]


def test_once_warm_it_is_not_made_anew():
    m, cell = known()
    looked(m, 200.0)
    assert m.courses.median[cell] < 81
