"""NEWS2 against the chart of the Royal College of Physicians (2017), cell by cell, written out again by hand."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitals import news2
from vitals.news2 import score_one
from vitals.registry import VITALS

NOW = 1_800_000_000_000
HOUR = 3_600_000
FULL = {"rr": 15.0, "spo2": 98.0, "on_oxygen": 0.0, "sbp": 120.0, "hr": 70.0, "acvpu": 0.0, "temp": 37.0}


def news(changed=None, *, without=(), scale=1, now=NOW, at=NOW):
    readings = {k: v for k, v in (FULL | (changed or {})).items() if k not in without}
    return score_one("p", {k: v if isinstance(v, tuple) else (v, at) for k, v in readings.items()}, now, scale)


BOUNDARIES = [
    ("rr", [(1, 3), (8, 3), (9, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (25, 3), (80, 3)]),
    ("spo2", [(30, 3), (91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0), (100, 0)]),
    ("sbp", [(30, 3), (90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0), (220, 3), (300, 3)]),
    ("hr", [(20, 3), (40, 3), (41, 1), (50, 1), (51, 0), (90, 0), (91, 1), (110, 1), (111, 2), (130, 2), (131, 3), (300, 3)]),
    ("temp", [(25, 3), (35.0, 3), (35.1, 1), (36.0, 1), (36.1, 0), (38.0, 0), (38.1, 1), (39.0, 1), (39.1, 2), (44, 2)]),
    ("acvpu", [(0, 0), (1, 3), (2, 3), (3, 3), (4, 3)]),
    ("on_oxygen", [(0, 0), (1, 2)]),
]
SCALE_2_AIR = [(83, 3), (84, 2), (85, 2), (86, 1), (87, 1), (88, 0), (92, 0), (93, 0), (97, 0), (100, 0)]
SCALE_2_OXYGEN = [(83, 3), (84, 2), (85, 2), (86, 1), (87, 1), (88, 0), (92, 0), (93, 1), (94, 1), (95, 2), (96, 2), (97, 3), (100, 3)]
HALF_UP = [
    ("temp", 38.04, 0),
    ("temp", 38.05, 1),
    ("temp", 35.05, 1),
    ("temp", 35.04, 3),
    ("temp", 36.05, 0),
    ("temp", 39.05, 2),
    ("temp", 39.04, 1),
    ("temp", 100.5 * (5 / 9) - 160 / 9, 1),
    ("rr", 8.5, 1),
    ("rr", 8.49, 3),
    ("rr", 24.5, 3),
    ("spo2", 91.5, 2),
    ("spo2", 91.4, 3),
    ("spo2", 95.5, 0),
    ("sbp", 90.5, 2),
    ("sbp", 219.5, 3),
    ("sbp", 219.4, 0),
    ("hr", 130.5, 3),
    ("hr", 40.5, 1),
]


@pytest.mark.parametrize(("vital", "value", "points"), [(v, x, p) for v, cells in BOUNDARIES for x, p in cells])
def test_each_cell_of_the_chart_has_its_points_at_both_ends(vital, value, points):
    assert (news({vital: value}).lowest, news({vital: value}).highest) == (points, points)


@pytest.mark.parametrize(("value", "points"), SCALE_2_AIR)
def test_scale_2_on_air_never_counts_a_high_saturation(value, points):
    update = news({"spo2": value}, scale=2)
    assert (update.lowest, update.highest) == (points, points)


@pytest.mark.parametrize(("value", "points"), SCALE_2_OXYGEN)
def test_scale_2_on_oxygen_counts_a_saturation_above_the_target(value, points):
    update = news({"spo2": value, "on_oxygen": 1}, scale=2)
    assert (update.lowest, update.highest) == (points + 2, points + 2)


@pytest.mark.parametrize(("vital", "value", "points"), HALF_UP)
def test_inputs_are_rounded_half_up_in_decimal_first(vital, value, points):
    assert news({vital: value}).lowest == points


@pytest.mark.parametrize(
    ("changed", "tier"),
    [
        ({}, "low"),
        ({"rr": 21, "spo2": 93}, "low"),
        ({"rr": 25}, "low-medium"),
        ({"rr": 25, "hr": 91}, "low-medium"),
        ({"rr": 25, "hr": 111}, "medium"),
        ({"rr": 25, "acvpu": 1}, "medium"),
        ({"rr": 25, "acvpu": 1, "hr": 91}, "high"),
        ({"on_oxygen": 1, "spo2": 94, "hr": 91}, "low"),
    ],
)
def test_the_tier_follows_the_total_and_the_single_parameter(changed, tier):
    assert news(changed).tier == tier


WORST = {"rr": 3, "spo2": 3, "on_oxygen": 2, "sbp": 3, "hr": 3, "acvpu": 3, "temp": 3}


@pytest.mark.parametrize("vital", WORST)
def test_a_missing_parameter_opens_the_range_by_its_worst(vital):
    update = news(without=(vital,))
    assert (update.lowest, update.highest) == (0, WORST[vital])


@pytest.mark.parametrize(
    ("vital", "stands"), [("hr", 1), ("spo2", 1), ("rr", 1), ("sbp", 12), ("temp", 12), ("acvpu", 12), ("on_oxygen", 12)]
)
def test_a_reading_stands_for_its_age_and_not_a_millisecond_longer(vital, stands):
    ranges = [news({vital: (FULL[vital], NOW - stands * HOUR - late)}).highest for late in (0, 1)]
    assert ranges == [0, WORST[vital]]


def test_a_stale_input_says_so_and_keeps_its_time():
    update = news({"spo2": (80.0, NOW - 2 * HOUR)})
    spo2 = update.inputs["spo2"]
    assert (spo2.value, spo2.points, spo2.stale, spo2.observed_at) == (None, None, True, NOW - 2 * HOUR)


def test_what_was_never_observed_is_missing_and_not_stale():
    update = news(without=("spo2",))
    assert (update.inputs["spo2"].stale, update.inputs["spo2"].observed_at) == (False, None)


AGO = {hours: NOW - hours * HOUR for hours in (1, 2, 13, 14, 15)}


@pytest.mark.parametrize(
    ("given", "at", "stale"),
    [
        ({"on_oxygen": (1, AGO[1]), "o2_flow": (2, AGO[2])}, AGO[1], False),
        ({"on_oxygen": (1, AGO[2]), "o2_flow": (2, AGO[1])}, AGO[1], False),
        ({"fio2": (40, AGO[2]), "o2_flow": (2, AGO[1])}, AGO[1], False),
        ({"on_oxygen": (1, AGO[13]), "o2_flow": (2, AGO[2])}, AGO[2], False),
        ({"on_oxygen": (1, AGO[14]), "o2_flow": (2, AGO[13]), "fio2": (40, AGO[15])}, AGO[13], True),
        ({"o2_flow": (2, AGO[14])}, AGO[14], True),
    ],
)
def test_oxygen_has_the_time_of_what_it_was_known_by(given, at, stale):
    oxygen = news(given, without=() if "on_oxygen" in given else ("on_oxygen",)).inputs["oxygen"]
    assert (oxygen.observed_at, oxygen.stale) == (at, stale)


def test_a_stale_pulse_without_any_heart_rate_says_its_own_time():
    update = news({"pulse": (70, NOW - 2 * HOUR)}, without=("hr",))
    assert (update.inputs["pulse"].observed_at, update.inputs["pulse"].stale) == (NOW - 2 * HOUR, True)


@pytest.mark.parametrize(("fraction", "points"), [(21.0, 0), (21.05, 2)])
def test_more_than_room_air_is_oxygen(fraction, points):
    assert news({"fio2": fraction}, without=("on_oxygen",)).lowest == points


@pytest.mark.parametrize(
    ("value", "steps", "charted"), [(38.05, 10, 38.1), (38.04, 10, 38.0), (8.5, 1, 9.0), (8.49, 1, 8.0), (8.499, 1, 8.0)]
)
def test_rounding_is_half_up_and_in_decimal(value, steps, charted):
    assert news2.rounded(np.array([value]), steps)[0] == pytest.approx(charted, abs=1e-9)


@pytest.mark.parametrize("name", news2.PARAMETERS)
def test_a_row_of_the_chart_and_the_whole_chart_say_the_same(name):
    values = np.array([*np.arange(0, 320, 0.5), np.nan])
    chart = np.full((len(values), len(news2.PARAMETERS)), np.nan)
    chart[:, news2.PARAMETERS.index(name)] = values
    summed = news2._summed(chart, np.zeros(chart.shape, dtype=np.int64), np.isnan(chart), np.ones(len(values)))
    assert np.array_equal(summed.points[:, news2.PARAMETERS.index(name)], news2.points(name, values))


def test_unknown_oxygen_on_scale_2_covers_air_and_oxygen():
    update = news({"spo2": 97}, without=("on_oxygen",), scale=2)
    assert (update.lowest, update.highest) == (0, 5)


@pytest.mark.parametrize(
    ("given", "points"),
    [
        ({"fio2": 21}, 0),
        ({"fio2": 24}, 2),
        ({"o2_flow": 0}, 0),
        ({"o2_flow": 2}, 2),
        ({"fio2": 21, "o2_flow": 2}, 2),
        ({"on_oxygen": 0, "fio2": 40}, 0),
        ({"on_oxygen": (0, NOW - HOUR), "fio2": 40}, 2),
        ({"on_oxygen": (1, NOW - HOUR), "o2_flow": 0}, 0),
        ({"on_oxygen": 1, "fio2": (21, NOW - HOUR)}, 2),
    ],
)
def test_oxygen_is_as_charted_unless_measured_later(given, points):
    assert news(given, without=() if "on_oxygen" in given else ("on_oxygen",)).lowest == points


@pytest.mark.parametrize(
    ("given", "points"),
    [
        ({"hr": 131, "pulse": 70}, 3),
        ({"hr": (131, NOW - 2 * HOUR), "pulse": 70}, 0),
        ({"hr": 131, "pulse": (70, NOW - 2 * HOUR)}, 3),
    ],
)
def test_the_heart_rate_counts_before_the_pulse_while_it_is_fresh(given, points):
    assert news(given).lowest == points


def test_the_pulse_stands_in_for_a_missing_heart_rate():
    assert news({"pulse": 131}, without=("hr",)).lowest == 3


def test_many_patients_at_once_are_the_same_as_each_alone():
    rng = np.random.default_rng(1)
    values = np.where(rng.random((200, news2.V)) < 0.2, np.nan, rng.uniform(0, 130, (200, news2.V)))
    values[:, 13], values[:, 14] = rng.integers(0, 2, 200), rng.integers(0, 5, 200)
    at, scale = rng.integers(NOW - 13 * HOUR, NOW, (200, news2.V)), rng.integers(1, 3, 200)
    now = NOW + rng.integers(0, HOUR, 200)
    many = news2.score(values, at, now, scale)
    alone = [news2.score(values[i : i + 1], at[i : i + 1], now[i], scale[i]) for i in range(200)]
    assert [(int(s.lowest[0]), int(s.highest[0]), int(s.tier[0])) for s in alone] == [
        (int(a), int(b), int(c)) for a, b, c in zip(many.lowest, many.highest, many.tier, strict=True)
    ]


def test_nothing_known_is_the_whole_range():
    update = score_one("p", {}, NOW)
    assert (update.lowest, update.highest, update.tier) == (0, 20, "low")


def test_acvpu_is_shown_as_its_letter():
    assert news({"acvpu": 1}).inputs["acvpu"].value == "C"


def test_the_examples_in_the_docstrings_are_true():
    assert doctest.testmod(news2).failed == 0


MAYBE = st.fixed_dictionaries(
    {}, optional={v.name: st.tuples(st.sampled_from([v.low, v.high]), st.integers(NOW - 13 * HOUR, NOW)) for v in VITALS}
)


@given(MAYBE, st.sampled_from([1, 2]))
@settings(max_examples=200, deadline=None)
def test_what_counted_gives_the_same_score_by_itself(readings, scale):
    counted = {name: readings[name] for name in news2.used(readings, NOW)}
    whole, part = (score_one("p", given, NOW, scale) for given in (readings, counted))
    assert (part.lowest, part.highest, fresh_inputs(part)) == (whole.lowest, whole.highest, fresh_inputs(whole))


@given(MAYBE)
@settings(max_examples=200, deadline=None)
def test_nothing_counted_that_is_too_old_or_that_another_spoke_for(readings):
    counted = set(news2.used(readings, NOW))
    old = [name for name in counted if NOW - readings[name][1] > news2.MAX_AGE_MS[name]]
    rivals = [pair for pair in (("hr", "pulse"), ("on_oxygen", "fio2"), ("on_oxygen", "o2_flow")) if counted >= set(pair)]
    assert (old, rivals) == ([], [])


def fresh_inputs(update):
    return {name: said for name, said in update.inputs.items() if said.points is not None}
