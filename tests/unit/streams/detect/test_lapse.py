"""What a device showed of a vital is over once it measures that no longer and another device of the patient does."""

import pytest

from streams.detect.lapse import LAPSE_MS, SKEW_MS
from streams.detect.memory import empty
from streams.detect.order import HOLD_MS
from streams.detect.step import step, tick
from tests.unit.streams.detect.readings import batch
from tests.unit.streams.detect.test_apart import HR, T0, samples, says
from tests.unit.streams.detect.test_joint import restored
from tests.unit.streams.detect.test_order import HOLD, HOUR
from vitals.registry import V
from vitals.rules import default

LAST = 59
"""The second of the monitor's last reading."""
OVER = LAST + LAPSE_MS // 1_000


def told(*parts, cut=None, one_by_one=False):
    """What is told of limits: phase, device, the second at which it ended, the second of the reading that told it."""
    m, found, said = empty(default(), hold_ms=HOLD), [], samples(*parts)
    for s in [[each] for each in said] if one_by_one else [said]:
        now = (s[-1][3] - T0) // 1_000
        found += [(f, now) for f in step(m, batch(s), 0) if "device" in f.evidence]
        m = restored(m) if now == cut else m
    return [(f.phase, f.evidence["device"], f.ended_at and (f.ended_at - T0) // 1_000, now) for f, now in found]


def racing(n=LAST + 1, value=150.0):
    return says("monitor", [value] * n)


def test_a_device_that_is_gone_ends_when_another_has_measured_the_vital_for_long_enough():
    found = told(racing(), says("watch", [80.0] * 800), one_by_one=True)
    assert found == [("start", "monitor", None, 30), ("end", "monitor", OVER, OVER + SKEW_MS // 1_000 + 1)]


def test_what_ended_so_says_so():
    m = empty(default(), hold_ms=HOLD)
    found = step(m, batch(samples(racing(), says("watch", [80.0] * 800))), 0)
    assert [f.evidence.get("measured_by_another") for f in found if f.rule == "limits"] == [None, True]


def test_what_ended_is_idle():
    m = empty(default(), hold_ms=HOLD)
    step(m, batch(samples(racing(), says("watch", [80.0] * 800))), 0)
    assert (m.apart.cells.busy.any(), m.apart.timers.side.any(), m.apart.timers.fired.any()) == (False, False, False)


def test_a_silence_ends_nothing_where_no_other_device_measures_the_vital():
    assert [p for p, *_ in told(racing(), says("watch", [97.0] * 800, vital="spo2"))] == ["start"]


def test_a_silence_ends_nothing_while_the_other_device_is_gone_too():
    m = empty(default(), hold_ms=HOLD)
    step(m, batch(samples(racing(), says("watch", [80.0] * 100))), 0)
    assert [f.rule for f in tick(m, T0 + HOUR) if f.rule == "limits"] == []


def test_a_device_of_another_patient_ends_nothing():
    theirs = says("watch", [80.0] * 800, patient="q"), says("cuff", [120.0] * 3, vital="sbp", patient="q")
    assert [p for p, *_ in told(racing(), says("clip", [97.0] * 800, vital="spo2"), *theirs)] == ["start"]


@pytest.mark.slow
def test_another_device_that_comes_later_is_given_time():
    found = told(racing(), says("clip", [97.0] * 800, vital="spo2"), says("watch", [80.0] * 400, 600), one_by_one=True)
    assert found[1:] == [("end", "monitor", 600 + SKEW_MS // 1_000, 600 + 2 * SKEW_MS // 1_000 + 1)]


def test_what_a_device_shows_after_it_was_over_begins_anew():
    found = told(racing(), says("monitor", [150.0] * 60, OVER + 1), says("watch", [80.0] * (OVER + 61)), one_by_one=True)
    assert found[1:] == [("end", "monitor", OVER, OVER + 1), ("start", "monitor", None, OVER + 31)]


def test_what_a_device_shows_before_it_was_over_goes_on():
    found = told(racing(), says("monitor", [150.0] * 60, OVER), says("watch", [80.0] * (OVER + 60)))
    assert [p for p, *_ in found] == ["start"]


def test_it_ended_when_it_was_back_inside_where_it_was():
    found = told(racing(LAST), says("monitor", [80.0], LAST), says("watch", [80.0] * 800))
    assert [f[:3] for f in found[1:]] == [("end", "monitor", LAST)]


def test_who_measures_seldom_is_given_three_of_its_pauses():
    cuff = [("p", "cuff", i, T0 + i * 600_000, {"sbp": 70.0}, T0 + i * 600_000 + 50) for i in range(3)]
    line = says("line", [120.0] * 400, every=10_000, vital="sbp")
    assert [f[:3] for f in told(cuff, line)] == [("start", "cuff", None), ("end", "cuff", 1_200 + 1_800)]


def test_who_measures_once_a_day_is_given_half_a_day():
    day = 86_400_000
    cuff = [("p", "cuff", i, T0 + i * day, {"sbp": 70.0}, T0 + i * day + 50) for i in range(2)]
    line = says("line", [120.0] * 480, every=300_000, vital="sbp")
    assert [f[:3] for f in told(cuff, line)][-1] == ("end", "cuff", (day + 43_200_000) // 1_000)


@pytest.mark.slow
def test_of_two_others_the_first_that_measured_it_counts():
    first, second = says("watch", [80.0] * 400, 300), says("ring", [80.0] * 350, 350)
    found = told(racing(), says("clip", [97.0] * 800, vital="spo2"), second, first)
    assert [f[:3] for f in found[1:]] == [("end", "monitor", 300 + SKEW_MS // 1_000)]


def test_what_the_other_said_before_the_last_reading_does_not_count():
    found = told(racing(), says("watch", [80.0] * 40), says("watch", [80.0] * 400, 400))
    assert [f[:3] for f in found[1:]] == [("end", "monitor", 400 + SKEW_MS // 1_000)]


def test_what_was_not_told_yet_is_not_ended():
    assert told(says("monitor", [150.0] * 10), says("watch", [80.0] * 800)) == []


@pytest.mark.slow
@pytest.mark.parametrize("cut", [61, 400, OVER + 50])
def test_a_restart_changes_nothing(cut):
    parts = racing(), says("clip", [97.0] * 900, vital="spo2"), says("watch", [80.0] * 800, 290)
    assert told(*parts, cut=cut, one_by_one=True) == told(*parts, one_by_one=True)


@pytest.mark.slow
def test_the_batches_change_nothing():
    parts = racing(), says("watch", [80.0] * 800), says("monitor", [150.0] * 300, 500)
    assert [f[:3] for f in told(*parts)] == [f[:3] for f in told(*parts, one_by_one=True)]


def standing(*, at, elsewhere=0):
    """An apart memory in which the second patient's monitor showed a fast pulse at second `at`, and the vital's cell there."""
    m = empty(default(), hold_ms=HOLD)
    calm = says("a", [80.0] * 3, patient="o"), says("b", [80.0] * 3, patient="o")
    step(m, batch(samples(*calm, racing(at + 1), says("clip", [97.0] * at, vital="spo2"))), 0)
    cell = m.own[m.row_of["p"]]["monitor"] * V + HR
    m.apart.elsewhere = {cell: T0 + elsewhere * 1_000} if elsewhere else {}
    return m, cell


@pytest.mark.parametrize(("said", "known"), [(60, 61), (61, 61), (59, 59)])
def test_a_reading_of_another_device_counts_if_it_is_behind_the_last_one(said, known):
    m, cell = standing(at=60)
    step(m, batch(says("watch", [80.0] * (62 - said), said)), 0)
    assert (m.apart.elsewhere[cell] - T0) // 1_000 == max(known, 61)


def test_what_was_known_of_another_device_at_the_last_reading_is_known_no_more():
    m, cell = standing(at=60, elsewhere=60)
    step(m, batch(says("watch", [80.0], 63)), 0)
    assert (m.apart.elsewhere[cell] - T0) // 1_000 == 63


def test_what_another_device_said_before_the_last_reading_came_in_counts():
    m, cell = standing(at=50)
    step(m, batch([*says("watch", [80.0] * 3, 60), *says("monitor", [150.0] * 10, 51), *says("watch", [80.0], 63)]), 0)
    assert (m.apart.elsewhere[cell] - T0) // 1_000 == 62


def test_a_cell_in_which_no_limit_runs_is_not_looked_at():
    m, cell = standing(at=60)
    m.apart.cells.busy[cell] = 0
    step(m, batch(says("watch", [80.0], 63)), 0)
    assert m.apart.elsewhere == {}


def test_two_minutes_are_for_what_is_late():
    assert SKEW_MS == 2 * HOLD_MS


@pytest.mark.parametrize("tick_s", [120, 320])
def test_when_it_is_told_changes_nothing_of_when_it_is_over(tick_s):
    m, found = empty(default(), hold_ms=HOLD), []
    said = samples(says("monitor", [80.0, 80.0, 150.0], every=20_000), says("watch", [80.0] * 20, 5, every=50_000))
    step(m, batch([s for s in said if s[3] <= T0 + tick_s * 1_000]), 0)
    told = [f.phase for f in tick(m, T0 + tick_s * 1_000) if f.rule == "limits"]
    found += step(m, batch([s for s in said if s[3] > T0 + tick_s * 1_000]), 0)
    assert (told, [(f.ended_at - T0) // 1_000 for f in found if f.rule == "limits"]) == (["start"], [250 + SKEW_MS // 1_000])
