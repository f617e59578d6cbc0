"""NEWS2 in the stream: where on the chart a reading falls, when it is scored again, and when a score is told."""

import numpy as np
import pytest

from streams.detect import early_warning
from streams.detect.channels import CHANNELS, NEWS2, SINGLE
from streams.detect.memory import empty
from streams.detect.remembered import NEVER
from tests.unit.streams.detect.readings import T0
from vitals.registry import V, index
from vitals.rules import default

HOUR = 3_600_000
CHART = {
    "rr": [8, 11, 20, 24],
    "spo2": [83, 85, 87, 91, 92, 93, 94, 95, 96],
    "sbp": [90, 100, 110, 219],
    "hr": [40, 50, 90, 110, 130],
    "pulse": [40, 50, 90, 110, 130],
    "acvpu": [0],
    "on_oxygen": [0],
}
"""RCP 2017: the upper ends of the chart's cells; SpO2 on both scales."""
TENTHS = {"temp": [350, 360, 380, 390], "o2_flow": [0], "fio2": [210]}


def ends(vital, values):
    """The last of `values` in each cell of the chart but the last."""
    parts = early_warning.parts(np.full(len(values), index(vital)), np.array(values, dtype=float))
    return np.flatnonzero(np.diff(parts)).tolist()


@pytest.mark.parametrize("vital", CHART)
def test_a_cell_of_the_chart_ends_where_the_college_says(vital):
    assert ends(vital, range(300)) == CHART[vital]


@pytest.mark.parametrize("vital", TENTHS)
def test_a_cell_in_tenths_ends_where_the_college_says(vital):
    assert ends(vital, [x / 10 for x in range(460)]) == TENTHS[vital]


@pytest.mark.parametrize(
    ("vital", "below", "above"), [("rr", 8.49, 8.5), ("temp", 38.04, 38.05), ("spo2", 91.4, 91.5), ("temp", 36.04, 36.05)]
)
def test_a_reading_is_rounded_half_up_before_it_is_looked_up(vital, below, above):
    assert ends(vital, [below, above]) == [0]


def test_what_no_chart_has_is_always_in_the_same_cell():
    assert ends("glucose", range(0, 500, 10)) == []


def test_beyond_the_charts_end_is_its_last_cell():
    assert ends("hr", [131, 4599, 4600, 99_999]) == []


def ward():
    m = empty(default())
    for patient in "op":
        m.row(patient)
    return m


ROWS = np.array([1])


def read(m, at=T0, gap=0.0, **vitals):
    for name, x in vitals.items():
        m.cells.value[V + index(name)], m.cells.at[V + index(name)], m.cells.gap[V + index(name)] = x, at, gap


def due(m, changed=False, t=T0):
    return bool(early_warning.due(m, ROWS, np.array([t]), np.array([changed]))[0])


@pytest.mark.parametrize(
    ("changed", "until", "expected"), [(True, NEVER, True), (False, NEVER, False), (False, T0, False), (False, T0 - 1, True)]
)
def test_a_score_is_due_when_a_cell_changed_or_an_input_is_stale(changed, until, expected):
    m = ward()
    m.rows.score_until[:] = until
    assert due(m, changed) is expected


@pytest.mark.parametrize(("channel", "row", "expected"), [(NEWS2, 1, True), (SINGLE, 1, True), (NEWS2, 0, False), (SINGLE, 0, False)])
def test_a_score_is_due_while_one_of_its_timers_runs(channel, row, expected):
    m = ward()
    m.rows.score_until[:] = NEVER
    m.timers.side[row * CHANNELS + channel] = 1
    assert due(m) is expected


def test_who_has_no_news2_is_never_scored():
    m = ward()
    m.settings.scored[1] = 0
    assert due(m, changed=True) is False


def test_a_score_holds_until_its_first_input_is_stale():
    m = ward()
    read(m, T0 - 3 * HOUR, sbp=120)
    read(m, T0 - 1000, rr=15, hr=80)
    read(m, T0 - 2000, spo2=97)
    early_warning.scored(m, ROWS, np.array([T0]))
    assert m.rows.score_until[1] == T0 - 2000 + HOUR


@pytest.mark.parametrize(("age", "until"), [(HOUR, T0), (HOUR + 1, T0 + 11 * HOUR)])
def test_what_is_stale_already_ends_no_score(age, until):
    m = ward()
    read(m, T0 - age, hr=80)
    read(m, T0 - HOUR, sbp=120)
    early_warning.scored(m, ROWS, np.array([T0]))
    assert m.rows.score_until[1] == until


def test_a_score_of_nothing_holds_for_ever():
    m = ward()
    early_warning.scored(m, ROWS, np.array([T0]))
    assert m.rows.score_until[1] == NEVER


@pytest.mark.parametrize(
    ("gaps", "pace"),
    [({}, 0), ({"hr": 5000.0}, 5000), ({"hr": 5000.0, "rr": 2000.0}, 2000), ({"temp": 9000.0}, 0), ({"spo2": 7.0, "pulse": 6.0}, 6)],
)
def test_a_score_is_made_anew_as_often_as_its_fastest_input_comes(gaps, pace):
    m = ward()
    for name, gap in gaps.items():
        read(m, gap=gap, **{name: 80})
    assert early_warning.paces(m, ROWS).tolist() == [pace]


def test_evidence_says_each_inputs_age_in_seconds_and_none_for_what_is_missing():
    m = ward()
    read(m, T0 - 90_000, rr=26)
    said = early_warning.evidence(m, 1, T0)
    assert (said["inputs"]["rr"]["age_s"], "age_s" in said["inputs"]["sbp"], said["lowest"], said["scale"]) == (90, False, 3, 1)


def test_a_score_says_on_which_scale_it_is():
    m = ward()
    m.settings.scale[1] = 2
    assert early_warning.evidence(m, 1, T0)["scale"] == 2


@pytest.mark.parametrize(
    ("changed", "since", "told"),
    [(2, 1000, True), (2, 999, False), (1, 5000, True), (1, 4999, False), (0, 60_000, False)],
)
def test_new_points_are_told_once_a_second_and_new_values_every_five(changed, since, told):
    m = ward()
    m.rows.score_changed[1], m.rows.score_sent[1] = changed, T0 - since
    assert [u.patient for u in early_warning.updates(m, T0)] == (["p"] if told else [])


@pytest.mark.parametrize("setting", ["scored", "active"])
def test_no_score_is_told_of_who_has_none(setting):
    m = ward()
    m.rows.score_changed[1] = 2
    getattr(m.settings, setting)[1] = 0
    assert early_warning.updates(m, T0) == []


def test_what_was_told_is_told_again_only_after_a_change():
    m = ward()
    m.rows.score_changed[1] = 2
    early_warning.updates(m, T0)
    assert (int(m.rows.score_changed[1]), int(m.rows.score_sent[1]), early_warning.updates(m, T0 + HOUR)) == (0, T0, [])
