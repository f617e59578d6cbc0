"""Between readings and timers: how long a value stands, when one is over, what is history, and what a discharge leaves behind."""

import msgspec
import numpy as np
import pytest

from streams.detect.channels import AGREEMENT, CHANNELS, COMBINATION, HABIT, NEWS2, PACE, SINGLE, STUCK, W, baseline, limits, signal
from streams.detect.conditions import Sightings, _summed, _values, discharge, joined, settle, watch, watch_past, worst_first
from streams.detect.memory import Backlog, empty
from streams.detect.step import tick
from streams.detect.timers import Timers
from tests.unit.streams.detect.readings import T0
from vitals.context import Limit, PatientContext
from vitals.registry import V, index
from vitals.rules import default

HR, SPO2 = index("hr"), index("spo2")
MINUTE, HOUR = 60_000, 3_600_000
HR_LIMITS = limits(HR)


def ward(gap=0.0, **context):
    """A memory of `p` and `q`, whose vitals are all read every `gap` ms."""
    m = empty(default())
    m.know(PatientContext(patient="p", version=1, ward="north", **context), T0)
    for patient in "pq":
        m.row(patient)
    m.cells.gap[:] = gap
    return m


def seen(channel, x=150.0, t=T0, live=True, row=0):
    column = [np.array([v]) for v in (row, channel, x, t, t + 50, live)]
    return Sightings(*column)


def value(m, channel):
    """What the timer of one channel of `p` is told: every field by its name."""
    v = _values(m, seen(channel))
    return {name: getattr(v, name)[0] for name in v.__slots__}


GAPS_AND_HOLDS = [(0, HOUR), (1000, 10_000), (2500, 10_000), (2510, 10_040), (5000, 20_000), (900_000, HOUR), (1_000_000, HOUR)]


@pytest.mark.parametrize("channel", [limits(0), limits(HR), baseline(HR), baseline(V - 1)])
@pytest.mark.parametrize(("gap", "hold"), GAPS_AND_HOLDS)
def test_a_reading_stands_for_four_of_its_gaps_within_bounds(channel, gap, hold):
    assert value(ward(gap), channel)["hold"] == hold


@pytest.mark.parametrize(("gap", "alone"), [(0, 0), (1000, 2000), (299_999, 599_998), (5 * MINUTE, 0), (HOUR, 0)])
def test_a_reading_counts_alone_when_the_next_is_overdue_a_spot_check_at_once(gap, alone):
    assert [value(ward(gap), channel)["alone"] for channel in (limits(HR), baseline(HR))] == [alone, alone]


@pytest.mark.parametrize(
    ("channel", "hold", "alone"),
    [(signal(0), 15 * MINUTE, 0), (signal(V - 1), 15 * MINUTE, 0), (NEWS2, HOUR, MINUTE), (SINGLE, HOUR, MINUTE)],
)
def test_a_poor_signal_stands_for_a_quarter_of_an_hour_and_a_score_for_an_hour_whatever_the_pace(channel, hold, alone):
    told = value(ward(1000), channel)
    assert (told["hold"], told["alone"]) == (hold, alone)


@pytest.mark.parametrize("channel", [PACE, STUCK, HABIT + W - 1, AGREEMENT, COMBINATION])
def test_a_look_at_a_course_stands_as_long_as_the_rules_lay_it_out(channel):
    m = ward(1000)
    told = value(m, channel)
    assert (told["hold"], told["alone"]) == (m.layout.hold[channel], m.layout.alone[channel])


@pytest.mark.parametrize("channel", [limits(HR), baseline(0), baseline(V - 1), NEWS2, SINGLE, COMBINATION, AGREEMENT - 1])
@pytest.mark.parametrize(("gap", "clear"), [(299_999, None), (5 * MINUTE, HOUR), (HOUR, 12 * HOUR), (2 * HOUR, 12 * HOUR)])
def test_a_spot_checks_condition_is_over_after_twelve_gaps_but_half_a_day_at_most(channel, gap, clear):
    m = ward(gap)
    assert value(m, channel)["clear"] == (m.layout.clear[channel] if clear is None else max(clear, m.layout.clear[channel]))


def test_where_the_rules_ask_for_longer_inside_they_hold():
    m = ward(HOUR)
    m.layout.clear[limits(HR)] = 24 * HOUR
    assert value(m, limits(HR))["clear"] == 24 * HOUR


@pytest.mark.parametrize("channel", [signal(0), signal(V - 1), STUCK, HABIT + W - 1, AGREEMENT])
def test_what_is_not_made_of_charted_values_ends_as_the_rules_say(channel):
    m = ward(HOUR)
    assert value(m, channel)["clear"] == m.layout.clear[channel]


def test_a_limits_bounds_are_the_patients_own_and_all_other_bounds_the_rules():
    m = ward(limits={"hr": Limit(low=50, high=111)})
    mine, other = value(m, limits(HR)), value(m, baseline(HR))
    assert (mine["low1"], mine["high1"], other["low1"], other["high1"]) == (50, 111, -default().baseline.z, default().baseline.z)


def test_the_last_limit_is_the_patients_and_the_first_baseline_is_not():
    m = ward()
    m.settings.high1[:] = 999.0
    assert [value(m, channel)["high1"] for channel in (limits(V - 1), baseline(0))] == [999.0, default().baseline.z]


def fire(m, cell, held=0, side=1, fired=1, severity=1):
    """A condition that was told, or with `held` is history not yet told."""
    t = m.timers
    t.side[cell], t.fired[cell], t.severity[cell], t.held[cell] = side, fired, severity * side, held
    t.at[cell], t.since[cell], t.worst[cell] = T0, T0 - MINUTE, 150.0


def test_a_discharge_ends_what_was_told_and_forgets_what_was_not():
    m = ward()
    fire(m, limits(HR))
    fire(m, limits(SPO2), held=1)
    fire(m, NEWS2, fired=0)
    fire(m, CHANNELS + limits(HR))
    found = discharge(m, 0, T0)
    left = np.flatnonzero(m.timers.side).tolist()
    assert ([(f.patient, f.rule, f.subject, f.phase) for f in found], left) == ([("p", "limits", "hr", "end")], [CHANNELS + limits(HR)])


def test_a_discharge_forgets_the_patients_history_and_marks_and_no_others():
    m = ward()
    m.cells.busy[: 2 * V] = 1
    m.backlog = {cell: Backlog(T0, T0 + 1, 1, 150.0, 1) for cell in (0, CHANNELS - 1, CHANNELS, CHANNELS + 5)}
    discharge(m, 0, T0)
    assert (sorted(m.backlog), m.cells.busy[: 2 * V].tolist()) == ([CHANNELS, CHANNELS + 5], [0] * V + [1] * V)


def test_the_second_patients_discharge_leaves_the_first_alone():
    m = ward()
    m.cells.busy[: 2 * V] = 1
    fire(m, CHANNELS - 1)
    fire(m, CHANNELS)
    found = discharge(m, 1, T0)
    assert ([f.patient for f in found], np.flatnonzero(m.timers.side).tolist(), m.cells.busy[: 2 * V].tolist()) == (
        ["q"],
        [CHANNELS - 1],
        [1] * V + [0] * V,
    )


def backlog(side, *excursions, cell=0):
    """What is kept of excursions (since, ended, worst, level) of history."""
    m = ward()
    for since, ended, worst, level in excursions:
        was = Timers.of(1)
        was.side[0], was.since[0], was.worst[0], was.fired[0] = side, since, worst, level
        _summed(m, cell, was, 0, ended)
    return m.backlog.get(cell)


@pytest.mark.parametrize(("side", "worst"), [(1, 160.0), (-1, 140.0)])
def test_the_excursions_of_history_are_one_with_span_times_and_worst(side, worst):
    spans = ((T0 + 50, T0 + 60, 150.0, 1), (T0 + 10, T0 + 20, 160.0, 2), (T0 + 30, T0 + 90, 140.0, 1))
    assert backlog(side, *spans) == Backlog(T0 + 10, T0 + 90, 3, worst, 2)


def test_a_strange_course_of_the_past_is_nobodys_concern():
    assert [backlog(1, (T0, T0 + 1, 9.0, 1), cell=cell) for cell in (baseline(HR), STUCK, AGREEMENT)] == [None] * 3


def course(m, *readings, channel=HR_LIMITS, live=True):
    """The findings of sightings (t, x) of one channel."""
    return [f for t, x in readings for f in watch(m, seen(channel, x, T0 + t, live), 0)]


def test_a_sighting_as_old_as_the_last_counts_and_an_older_one_is_late():
    m = ward(1000)
    course(m, (1000, 80.0), (1000, 150.0), (999, 80.0))
    assert (m.counts, int(m.timers.side[limits(HR)])) == ({"late": 1}, 1)


def test_of_two_sightings_only_the_late_one_is_left_out():
    m = ward(1000)
    m.timers.at[CHANNELS + limits(SPO2)] = T0 + 1
    both = Sightings(*(np.array(c) for c in ([1, 1], [limits(SPO2), limits(HR)], [80.0, 150.0], [T0, T0], [T0, T0], [True, True])))
    watch(m, both, 0)
    assert [int(m.timers.side[CHANNELS + c]) for c in (limits(SPO2), limits(HR))] == [0, 1]


def test_joined_sightings_are_all_of_them_in_order():
    parts = [seen(limits(HR)), seen(limits(SPO2), row=1), seen(NEWS2)]
    assert [joined(parts[:n]).channels.tolist() for n in (1, 3)] == [[limits(HR)], [limits(HR), limits(SPO2), NEWS2]]


@pytest.mark.parametrize(
    ("channel", "bit"), [(limits(HR), 1), (limits(V - 1), 1), (baseline(0), 2), (baseline(V - 1), 2), (signal(0), 4), (signal(V - 1), 4)]
)
def test_a_running_timer_marks_its_vital_until_it_is_idle(channel, bit):
    m = ward(1000)
    vital = channel % V
    m.settings.high1[:] = 120
    m.cells.busy[: 3 * V] = 8
    course(m, (0, 150.0), channel=channel)
    during = m.cells.busy[: 3 * V].tolist()
    course(m, (1000, 100.0 if channel < V else 0.0), channel=channel)
    expected = [8] * 3 * V
    expected[vital] = 8 + bit
    assert (during, m.cells.busy[: 3 * V].tolist()) == (expected, [8] * 3 * V)


def test_a_score_marks_no_vital():
    m = ward(1000)
    course(m, (0, 9.0), channel=NEWS2)
    assert (int(m.timers.side[NEWS2]), m.cells.busy.any()) == (1, False)


PAST = [(t, 150.0) for t in range(0, 41_000, 1000)]


def test_history_is_held_back_and_summed_up_when_it_is_over():
    m = ward(1000)
    found = course(m, *PAST, *((t, 80.0) for t in range(41_000, 102_000, 1000)), live=False)
    assert (found, m.backlog[limits(HR)]) == ([], Backlog(T0, T0 + 41_000, 1, 150.0, 2))


def test_history_that_goes_on_live_is_told_as_it_began():
    m = ward(1000)
    before = course(m, *PAST, live=False)
    after = course(m, (41_000, 150.0))
    assert (before, [(f.phase, f.started_at, f.at) for f in after], int(m.timers.held[limits(HR)])) == ([], [("start", T0, T0 + 41_000)], 0)


def test_the_second_patients_saturation_is_held_back_and_told_like_any_other():
    m = ward(1000)
    for t in range(0, 41_000, 1000):
        watch(m, seen(limits(SPO2), 70.0, T0 + t, live=False, row=1), 0)
    found = watch(m, seen(limits(SPO2), 70.0, T0 + 41_000, row=1), 0)
    assert [(f.patient, f.subject, f.phase, f.started_at) for f in found] == [("q", "spo2", "start", T0)]


def test_history_that_is_back_inside_when_live_readings_come_is_not_told():
    m = ward(1000)
    course(m, *PAST, live=False)
    assert (course(m, (41_000, 80.0)), int(m.timers.held[limits(HR)])) == ([], 1)


def test_what_was_told_live_ends_live_even_by_history():
    m = ward(1000)
    started = course(m, *PAST)
    ended = course(m, *((t, 80.0) for t in range(41_000, 102_000, 1000)), live=False)
    assert ([f.phase for f in started], [(f.phase, f.ended_at) for f in ended], m.backlog) == (["start"], [("end", T0 + 41_000)], {})


def test_what_is_held_back_may_grow_worse_unheard():
    m = ward(1000)
    mild = [(t, 125.0) for t in range(0, 121_000, 1000)]
    found = course(m, *mild, *((121_000 + t, x) for t, x in PAST), live=False)
    assert (found, int(m.timers.fired[limits(HR)])) == ([], 2)


def test_settled_history_is_told_if_it_stands_and_summed_up_if_it_is_over():
    m = ward(1000)
    fire(m, limits(HR), held=1)
    fire(m, CHANNELS + limits(HR), held=1)
    m.backlog = {cell: Backlog(T0 - HOUR, T0 - MINUTE, 2, 80.0, 1) for cell in (limits(SPO2), CHANNELS + limits(SPO2))}
    m.rows.history_at[:2] = T0
    found = settle(m, np.array([0]), T0 + 6000)
    told = [(f.patient, f.subject, f.phase, f.retrospective) for f in found]
    left = (sorted(m.backlog), m.timers.held[[limits(HR), CHANNELS + limits(HR)]].tolist(), m.rows.history_at[:2].tolist())
    assert (told, left) == (
        [("p", "hr", "start", False), ("p", "spo2", "start", True)],
        ([CHANNELS + limits(SPO2)], [0, 1], [0, T0]),
    )


def test_the_second_patients_history_settles_as_the_firsts():
    m = ward(1000)
    fire(m, CHANNELS + limits(SPO2), held=1, side=-1)
    m.backlog = {limits(SPO2): Backlog(T0 - HOUR, T0 - MINUTE, 2, 80.0, 1)}
    found = settle(m, np.array([1]), T0 + 6000)
    assert ([(f.patient, f.subject, f.at) for f in found], sorted(m.backlog)) == ([("q", "spo2", T0)], [limits(SPO2)])


def past(m, *readings, row=0, channel=HR_LIMITS):
    for t, x in readings:
        watch_past(m, seen(channel, x, T0 + t, row=row))


@pytest.mark.parametrize("row", [0, 1])
def test_what_comes_behind_newer_readings_is_summed_up_when_newer_data_is_known(row):
    m = ward(1000)
    past(m, *PAST, row=row)
    during = dict(m.backlog)
    found = settle(m, np.array([row]), T0 + HOUR)
    told = [(f.patient, f.started_at, f.ended_at, f.retrospective) for f in found]
    assert (during, told, m.past.side.any()) == ({}, [("pq"[row], T0, T0 + 40_000, True)], False)


def test_what_was_back_inside_behind_newer_readings_ended_then():
    m = ward(1000)
    past(m, *PAST, (41_000, 80.0), (42_000, 80.0))
    assert [f.ended_at for f in settle(m, np.array([0]), T0 + HOUR)] == [T0 + 41_000]


def test_an_end_behind_newer_readings_is_kept_as_it_was():
    m = ward(1000)
    past(m, *PAST, *((t, 80.0) for t in range(41_000, 102_000, 1000)))
    assert m.backlog[limits(HR)] == Backlog(T0, T0 + 41_000, 1, 150.0, 2)


def test_an_older_piece_of_history_closes_the_one_before():
    m = ward(1000)
    past(m, *((HOUR + t, x) for t, x in PAST), (0, 80.0), (0, 80.0))
    assert m.backlog[limits(HR)] == Backlog(T0 + HOUR, T0 + HOUR + 40_000, 1, 150.0, 2)


def test_a_reading_at_the_very_time_of_the_last_closes_nothing():
    m = ward(1000)
    past(m, *((t, 70.0) for t, _ in PAST), (40_000, 70.0), row=1, channel=limits(SPO2))
    assert m.backlog == {}


def test_an_older_piece_closes_the_one_before_of_the_second_patient_too():
    m = ward(1000)
    past(m, *((HOUR + t, 70.0) for t, _ in PAST), (0, 97.0), row=1, channel=limits(SPO2))
    assert m.backlog == {CHANNELS + limits(SPO2): Backlog(T0 + HOUR, T0 + HOUR + 40_000, 1, 70.0, 2)}


@pytest.mark.parametrize(
    ("changed", "told"),
    [({}, 0), ({"since": T0 + 40_001}, 1), ({"fired": 1}, 1), ({"worst": 149.0}, 1), ({"worst": 151.0}, 0), ({"side": -1}, 1)],
    ids=["a part of it", "before it", "it was milder", "it was not as far", "it was further", "the other side"],
)
def test_late_readings_of_a_condition_that_is_on_are_told_only_if_they_make_it_worse(changed, told):
    m = ward(1000)
    fire(m, HR_LIMITS, fired=2)
    for name, as_it_is in ({"since": T0 + 40_000} | changed).items():
        getattr(m.timers, name)[HR_LIMITS] = as_it_is
    past(m, *PAST)
    assert [f.retrospective for f in settle(m, np.array([0]), T0 + HOUR)] == [True] * told


@pytest.mark.parametrize(("worst", "told"), [(70.0, False), (71.0, True)])
def test_late_readings_below_make_it_worse_when_they_are_lower(worst, told):
    m, cell = ward(1000), CHANNELS + limits(SPO2)
    fire(m, cell, side=-1, fired=2)
    m.timers.worst[cell] = worst
    past(m, *((t, 70.0) for t, _ in PAST), *((t, 97.0) for t in range(41_000, 102_000, 1000)), row=1, channel=limits(SPO2))
    assert (cell in m.backlog) is told


def test_a_piece_of_history_that_had_not_lasted_is_nothing():
    m = ward(1000)
    past(m, *PAST[:10])
    assert (settle(m, np.array([0]), T0 + HOUR), m.backlog) == ([], {})


def standing_at(m, later_ms=HOUR):
    return [(f.patient, f.subject, f.phase, f.at) for f in tick(m, T0 + later_ms)]


def test_what_has_stood_long_enough_is_told_by_time_alone_at_its_readings_time():
    m = ward(HOUR)
    course(m, (0, 150.0))
    assert (standing_at(m, 29_999), standing_at(m, 30_000)) == ([], [("p", "hr", "start", T0)])


@pytest.mark.parametrize("why", ["discharged", "history", "held"])
def test_time_alone_tells_nothing_of_the_discharged_nor_while_history_comes_in(why):
    m = ward(HOUR)
    course(m, (0, 150.0))
    m.settings.active[0] = why != "discharged"
    m.rows.history_at[0] = T0 + HOUR if why == "history" else 0
    m.timers.held[limits(HR)] = why == "held"
    assert standing_at(m) == []


def test_nothing_stands_where_nothing_runs():
    assert tick(ward(), T0) == []


def test_time_alone_ends_what_is_back_inside_and_takes_its_mark():
    m = ward(15_000)
    course(m, *PAST, (41_000, 80.0))
    assert (standing_at(m, 101_000), int(m.cells.busy[HR] & 1)) == ([("p", "hr", "end", T0 + 41_000)], 0)


def test_the_mark_of_what_stands_stays():
    m = ward(HOUR)
    course(m, (0, 125.0))
    standing_at(m)
    assert int(m.cells.busy[HR]) == 1


def test_at_one_moment_a_start_comes_before_a_milder_one_and_an_end_last():
    m = ward(1000)
    (high,) = course(m, *PAST)
    ended = msgspec.structs.replace(high, phase="end", subject="rr")
    medium, low = (msgspec.structs.replace(high, priority=p, subject=s) for p, s in (("medium", "sbp"), ("low", "temp")))
    assert [f.subject for f in worst_first([ended, low, medium, high])] == ["hr", "sbp", "temp", "rr"]
