"""What a new minute of a patient shows: which detector looks at which minutes, and what of it moves a timer."""

import msgspec
import numpy as np
import pytest

from streams.detect.channels import AGREEMENT, CHANNELS, COMBINATION, DRIFT, HABIT, PACE, SHIFT, STUCK, TREND, W
from streams.detect.memory import empty
from streams.detect.minutely import Turn, look
from streams.detect.remembered import RING
from tests.unit.streams.detect.courses import loud
from tests.unit.streams.detect.readings import T0
from vitals.registry import V, index
from vitals.rules import default

MINUTE = 60_000
NOW = T0 // MINUTE
HR, PULSE, SBP, GLUCOSE = (index(name) for name in ("hr", "pulse", "sbp", "glucose"))
NAN = float("nan")


def ward(rules=None, looked=NOW):
    """A memory of three patients in the minute that begins at T0; the courses were looked at in it, unless `looked` says otherwise."""
    m = empty(rules or default())
    for patient in "opq":
        m.row(patient)
    m.rows.minute[:3], m.rows.looked[:3] = NOW, looked
    return m


def put(m, vital, ago, row=1):
    """The medians of a vital by minutes ago; 0: the newest reading."""
    for minutes, x in ago.items():
        m.courses.minutes.reshape(-1, W, RING)[row, vital, (NOW - minutes) % RING] = x
        if minutes == 0:
            m.cells.value[row * V + vital], m.cells.at[row * V + vital] = x, T0 + 1


def looked_at(m, rows=(1,)):
    """(row, channel) -> value of what is seen."""
    n = len(rows)
    turn = Turn(np.array(rows), np.full(n, T0 + 1), np.full(n, T0 + 50), np.ones(n, dtype=np.bool_))
    return {(int(r), int(c)): float(x) for s in look(m, turn) for r, c, x in zip(s.rows, s.channels, s.x, strict=True)}


def only(found, first, width=W):
    return {c - first: round(x, 4) for (_, c), x in found.items() if first <= c < first + width}


# --- pace: 2 mg/dL a minute over 15 minutes


def fall(by, *ago):
    return {minutes: 150 + by * minutes for minutes in ago}


@pytest.mark.parametrize(("by", "expected"), [(2.5, {GLUCOSE: -2.5}), (2.0, {}), (-5.0, {})])
def test_a_fall_faster_than_the_pace_is_seen(by, expected):
    m = ward()
    put(m, GLUCOSE, fall(by, *range(16)))
    assert only(looked_at(m), PACE) == expected


@pytest.mark.parametrize(
    ("ago", "seen"), [((0, 5, 10), True), ((0, 5, 9), False), ((0, 10), False), ((0, 5, 15), True), ((0, 5, 16), False)]
)
def test_a_pace_needs_three_minutes_over_ten_of_its_window(ago, seen):
    m = ward()
    put(m, GLUCOSE, fall(4.0, *ago))
    assert (only(looked_at(m), PACE) == {GLUCOSE: -4.0}) is seen


@pytest.mark.parametrize(("at", "seen"), [(T0, True), (T0 - 1, False)])
def test_a_pace_is_of_those_who_were_read_in_this_minute(at, seen):
    m = ward()
    put(m, GLUCOSE, fall(4.0, *range(1, 16)))
    m.cells.value[V + GLUCOSE], m.cells.at[V + GLUCOSE] = 150.0, at
    assert bool(only(looked_at(m), PACE)) is seen


def test_a_pace_that_is_told_is_followed_until_it_is_over():
    m = ward()
    put(m, GLUCOSE, fall(0.0, *range(16)))
    m.timers.side[CHANNELS + PACE + GLUCOSE] = -1
    assert only(looked_at(m), PACE) == {GLUCOSE: 0.0}


def test_of_two_patients_the_one_who_falls_is_seen():
    m = ward()
    put(m, GLUCOSE, fall(0.0, *range(16)), row=0)
    put(m, GLUCOSE, fall(4.0, *range(16)), row=2)
    assert looked_at(m, (0, 2)) == {(2, PACE + GLUCOSE): -4.0}


# --- agreement, of the minute that is over


def test_heart_rate_and_pulse_are_compared_in_the_minute_that_is_over():
    m = ward()
    put(m, HR, {2: 70, 1: 140, 0: 70})
    put(m, PULSE, {2: 70, 1: 70, 0: 70})
    assert only(looked_at(m), AGREEMENT, 1) == {0: 2.5}


def test_without_any_pulse_there_is_nothing_to_compare():
    m = ward()
    put(m, HR, {1: 140})
    put(m, PULSE, {1: 70})
    assert only(looked_at(m), AGREEMENT, 1) == {}


def test_of_two_patients_the_one_with_a_pulse_is_compared():
    m = ward()
    for row, pulse in ((1, {}), (2, {1: 70, 0: 70})):
        put(m, HR, {2: 70, 1: 140, 0: 70}, row)
        put(m, PULSE, pulse, row)
    assert looked_at(m, (1, 2)) == {(2, AGREEMENT): 2.5}


def test_a_disagreement_that_is_told_is_followed_but_not_by_what_is_unknown():
    m = ward()
    m.timers.side[[CHANNELS + AGREEMENT, 2 * CHANNELS + AGREEMENT]] = 1
    for row, hr in ((1, 75), (2, NAN)):
        put(m, HR, {1: hr}, row)
        put(m, PULSE, {1: 70, 0: 70}, row)
    assert looked_at(m, (1, 2)) == {(1, AGREEMENT): 0.25}


# --- combinations


def shocked(rules):
    m = ward(rules)
    put(m, HR, {0: 110})
    put(m, SBP, {0: 100})
    return only(looked_at(m), COMBINATION, AGREEMENT - COMBINATION)


def test_combinations_are_reckoned_where_one_of_them_has_a_voice():
    silent, voiced = default(), loud()
    both = msgspec.structs.replace(voiced, combinations={"silent": silent.combinations["shock index"], **voiced.combinations})
    assert [shocked(rules) for rules in (silent, voiced, both)] == [{}, {0: 1.1}, {1: 1.1}]


# --- every four minutes


@pytest.mark.parametrize(("since", "looked"), [(4, True), (3, False), (400, True)])
def test_courses_are_looked_at_four_minutes_after_the_last_look(since, looked):
    m = ward(looked=NOW - since)
    looked_at(m)
    assert (int(m.rows.looked[1]) == NOW) is looked


def test_of_two_patients_the_one_who_is_due_is_looked_at():
    m = ward(looked=NOW - 4)
    m.rows.looked[2] = NOW - 1
    looked_at(m, (1, 2))
    assert m.rows.looked[:3].tolist() == [NOW - 4, NOW, NOW - 1]


def test_a_stuck_number_is_seen_at_a_look():
    m = ward(looked=NOW - 4)
    put(m, HR, {0: 80})
    m.cells.gap[V + HR], m.courses.same_since[W + HR] = 1000, T0 - 30 * MINUTE
    assert only(looked_at(m), STUCK) == {HR: 1.0}


@pytest.mark.parametrize(("by", "expected"), [(2.0, {GLUCOSE: -20 / 13}), (1.0, {}), (-2.0, {})])
def test_a_limit_nearer_than_the_horizon_is_seen(by, expected):
    m = ward(looked=NOW - 4)
    put(m, GLUCOSE, {ago: 80 + by * ago for ago in range(RING)})
    assert only(looked_at(m), TREND) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(("ago", "seen"), [((0, 4, 8, 12), True), ((0, 6, 12), False)])
def test_a_trend_is_of_four_minutes_at_least(ago, seen):
    m = ward(looked=NOW - 4)
    put(m, GLUCOSE, {minutes: 80 + 2 * minutes for minutes in ago})
    assert bool(only(looked_at(m), TREND)) is seen


def test_without_habits_a_trend_is_seen_all_the_same():
    rules = default()
    m = ward(msgspec.structs.replace(rules, habit=None, shift=msgspec.structs.replace(rules.shift, priority={"hr": "low"})), NOW - 4)
    put(m, GLUCOSE, {ago: 80 + 2 * ago for ago in range(RING)}, row=2)
    assert {row for row, channel in looked_at(m, (0, 2)) if channel == TREND + GLUCOSE} == {2}


@pytest.mark.parametrize(("beyond", "seen"), [(0.0, False), (1e-3, True)])
def test_what_is_at_its_first_step_is_not_beyond_it(beyond, seen):
    m = ward()
    put(m, HR, {1: 140})
    put(m, PULSE, {1: 70, 0: 70})
    m.layout.high1[AGREEMENT] = 2.5 - beyond
    assert bool(only(looked_at(m), AGREEMENT, 1)) is seen


def test_a_shift_is_seen_where_a_vital_has_a_voice():
    rules = loud(shift={"priority": {"hr": "low"}})
    m = ward(rules, looked=NOW - 4)
    for vital in (HR, SBP):
        put(m, vital, {ago: (100 if ago < 12 else 80) + ago % 3 for ago in range(RING)})
    seen = only(looked_at(m), SHIFT)
    assert (list(seen), seen[HR] > 4) == ([HR], True)


@pytest.mark.parametrize(("known", "seen"), [(16, True), (15, False)])
def test_a_shift_is_of_sixteen_minutes_at_least(known, seen):
    m = ward(loud(shift={"priority": {"hr": "low"}, "chance": 0.05}), looked=NOW - 4)
    put(m, HR, {ago: (120 if ago < 8 else 80) + ago % 3 for ago in range(known)})
    assert bool(only(looked_at(m), SHIFT)) is seen


def usual(m, vital=HR, row=1, by_night=0):
    """80 with a deviation of 4."""
    cell = row * 2 * W + by_night * W + vital
    m.courses.median[cell], m.courses.mad[cell], m.courses.known[cell] = 80.0, 4 / 1.4826, 30


NOON = 12 * 60 - NOW % (24 * 60)


def at_noon(rules):
    """It is the middle of the day for the habit, whose site's time is moved."""
    return msgspec.structs.replace(
        rules, habit=msgspec.structs.replace(rules.habit, utc_offset_h=NOON / 60 if NOON / 60 <= 14 else NOON / 60 - 24)
    )


FOUR = {6: 200, 5: 200, 4: 110, 3: 110, 2: 120, 1: 120, 0: 200}
"""The four minutes that are over since the last look have a median of 115, those before and the running one are elsewhere."""


def test_a_habit_is_compared_with_the_four_minutes_that_are_over():
    m = ward(at_noon(loud()), looked=NOW - 4)
    usual(m)
    put(m, HR, FOUR)
    assert only(looked_at(m), HABIT)[HR] == pytest.approx(35 / 4, rel=1e-3)


def test_a_drift_sums_what_the_habit_says_and_is_seen_beyond_its_reach():
    m = ward(at_noon(loud()), looked=NOW - 4)
    usual(m, SBP)
    put(m, SBP, FOUR)
    mine, before, after = W + SBP, W - SBP, SBP
    m.courses.up[[mine, before, after]], m.courses.down[mine] = (7.0, 5.0, 5.0), 3.0
    seen = only(looked_at(m), DRIFT)
    assert (list(seen), m.courses.up[[before, after]].tolist(), m.courses.down[mine]) == ([SBP], [5.0, 5.0], 0.0)
    assert seen[SBP] == pytest.approx(m.courses.up[mine], abs=1e-4)


def test_without_a_voice_the_habit_is_learned_and_nothing_is_seen():
    m = ward(at_noon(default()), looked=NOW - 4)
    usual(m)
    put(m, HR, FOUR)
    seen = looked_at(m)
    assert (only(seen, HABIT), only(seen, DRIFT), bool(m.courses.median[2 * W + HR] > 80)) == ({}, {}, True)


@pytest.mark.parametrize("part", ["pace", "agreement", "stuck", "trend", "shift", "habit", "drift"])
def test_a_detector_that_the_rules_do_not_name_sees_nothing(part):
    rules = msgspec.structs.replace(at_noon(loud()), **{part: None})
    m = ward(rules, looked=NOW - 4)
    usual(m)
    put(m, HR, FOUR)
    put(m, PULSE, dict.fromkeys(range(RING), 60))
    put(m, GLUCOSE, {ago: 80 + 4 * ago for ago in range(RING)})
    first = {"pace": PACE, "agreement": AGREEMENT, "stuck": STUCK, "trend": TREND, "shift": SHIFT, "habit": HABIT, "drift": DRIFT}[part]
    assert only(looked_at(m), first, 1 if part == "agreement" else W) == {}
