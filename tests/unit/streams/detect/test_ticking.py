"""That it is now later: whose history has settled, whose score has gone stale, and that nothing is said of those of whom samples wait."""

import pytest

from streams.detect.channels import CHANNELS, NEWS2, signal
from streams.detect.conditions import SIGNAL_HOLD_MS
from streams.detect.memory import empty
from streams.detect.step import step, tick
from tests.unit.streams.detect.readings import T0, batch
from vitals.registry import index
from vitals.rules import default

MINUTE = 60_000
SETTLE_MS = default().settle_s * 1000
LATE_MS = default().late_s * 1000
HR, SPO2 = index("hr"), index("spo2")


def ward(patients="pq"):
    """A memory of patients whose device has said nothing yet."""
    m = empty(default(), hold_ms=60_000)
    for patient in patients:
        m.row(patient)
    return m


def waited_for(m, patient="q"):
    """A sample of `patient` waits behind a gap."""
    said = [(patient, f"d-{patient}", seq, T0 + seq * 1000, {"hr": 80}) for seq in (0, 1, 4)]
    step(m, batch(said), T0)


@pytest.mark.parametrize(("since_ms", "settled"), [(SETTLE_MS - 1, False), (SETTLE_MS, True)])
def test_history_is_complete_when_none_came_for_a_while(since_ms, settled):
    m = ward()
    m.rows.history_at[:2] = T0, T0 + 1
    tick(m, T0 + since_ms)
    assert m.rows.history_at[:2].tolist() == [0 if settled else T0, T0 + 1]


def test_history_is_not_complete_while_samples_wait():
    m = ward()
    waited_for(m)
    m.rows.history_at[:2] = T0 + 1500 - SETTLE_MS
    tick(m, T0 + 2000)
    assert m.rows.history_at[:2].tolist() == [0, T0 + 1500 - SETTLE_MS]


TALKING = [("p", "d", i + 1, T0 + i * 1000, {"hr": 80.0} | ({"sbp": 60.0} if i == 100 else {})) for i in range(400)]
"""A monitor that measures the pressure once, and goes on."""


@pytest.mark.parametrize(
    ("way", "told"),
    [(lambda _: 50, 130), (lambda i: 5050 if i % 20 == 5 else 50, 131), (lambda _: 5050, 136)],
    ids=["in time", "re-ordered", "late"],
)
def test_of_a_device_that_talks_on_what_it_said_once_is_told_however_that_comes(way, told):
    m = empty(default(), hold_ms=60_000)
    samples, found = sorted(((*s, s[3] + way(i)) for i, s in enumerate(TALKING)), key=lambda s: s[5]), []
    for now in range(T0 + 1000, T0 + 400_000, 1000):
        come = [s for s in samples if now - 1000 < s[5] <= now]
        found += [
            (f.subject, (now - T0) // 1000) for f in [*(step(m, batch(come), now) if come else []), *tick(m, now)] if f.rule == "limits"
        ]
    assert found == [("sbp", told)]


def stale(**changes):
    """Whether the second of three patients, as the row says, is scored anew at T0: its change is then one of points."""
    m = ward("opq")
    m.rows.score_until[1] = changes.get("until", T0 - 1)
    m.rows.history_at[1] = changes.get("history_at", 0)
    m.settings.scored[1] = changes.get("scored", 1)
    m.settings.active[1] = changes.get("active", 1)
    tick(m, T0)
    return m.rows.score_changed[:3].tolist()


@pytest.mark.parametrize(
    ("row", "expected"),
    [({}, 2), ({"until": T0}, 0), ({"until": 0}, 0), ({"history_at": T0}, 0), ({"scored": 0}, 0), ({"active": 0}, 0)],
    ids=["gone stale", "holds until now", "never scored", "history comes in", "not scored", "discharged"],
)
def test_a_score_is_made_anew_when_an_input_has_gone_stale(row, expected):
    assert stale(**row) == [0, expected, 0]


def test_a_score_waits_with_the_samples():
    m = ward()
    waited_for(m)
    m.rows.score_until[:2], m.rows.score_changed[:2] = T0 + 1500, 0
    tick(m, T0 + 3000)
    assert m.rows.score_changed[:2].tolist() == [2, 0]


@pytest.mark.parametrize(("newest", "at"), [(T0 - 5000, T0 - 999), (T0 - 500, T0 - 500)])
def test_a_score_goes_stale_the_moment_after_its_last_or_at_the_newest_reading(newest, at):
    m = ward()
    m.rows.score_until[1], m.rows.at[1] = T0 - 1000, newest
    tick(m, T0)
    assert m.timers.at[[NEWS2, CHANNELS + NEWS2]].tolist() == [0, at]


@pytest.mark.parametrize(("late_ms", "expected"), [(LATE_MS, 0), (LATE_MS + 1, T0 + LATE_MS + 1)])
def test_what_comes_later_than_the_site_says_is_history(late_ms, expected):
    m = ward("p")
    step(m, batch([("p", "d", 0, T0, {"hr": 80}, T0 + late_ms)]), T0)
    assert m.rows.history_at[0] == expected


def test_a_patient_was_heard_when_the_newest_came():
    m = ward("p")
    step(m, batch([("p", "d", i, T0 + i, {"hr": 80}, T0 + came) for i, came in enumerate((50, 900, 300))]), T0)
    assert m.rows.received_at[0] == T0 + 900


@pytest.mark.parametrize(("times", "gap"), [((0,), 0), ((0, 1000), 1000), ((0, 1000, 3000), 1200), ((0, 1000, 1000), 800)])
def test_the_pace_of_a_vital_is_learned_by_a_fifth(times, gap):
    m = ward("p")
    step(m, batch([("p", "d", i, T0 + t, {"hr": 80}) for i, t in enumerate(times)]), T0)
    assert m.cells.gap[HR] == pytest.approx(gap)


def test_of_two_readings_at_one_moment_the_second_is_no_history():
    m = ward("p")
    step(m, batch([("p", "d", i, T0, {"hr": 80 + i}) for i in range(2)]), T0)
    assert (m.cells.value[HR], m.rows.history_at[0]) == (81.0, 0)


def test_what_is_not_said_ends_no_signals_condition():
    dead = [("p", "d", i, T0 + i * 1000, {"spo2": None}) for i in range(100)]
    without = [("p", "d", i, T0 + i * 1000, {"hr": 80}) for i in range(100, 1000)]
    found = [f.phase for f in step(ward("p"), batch(dead + without), T0) if f.rule == "signal"]
    assert found == ["start"]


def test_a_line_is_as_bad_as_what_follows_it():
    found = step(ward("p"), batch([("p", "d", i, T0 + i * 1000, {"dbp": None, "hr": 80}) for i in range(100)]), T0)
    assert [(f.rule, f.subject) for f in found] == [("signal", "sbp")]


@pytest.mark.parametrize(("second", "change"), [(81, 1), (91, 2)], ids=["the same cell of the chart", "another"])
def test_what_may_change_the_score_is_told_from_what_only_changes_its_value(second, change):
    m = ward("p")
    step(m, batch([("p", "d", 0, T0, {"hr": 80})]), T0)
    first, m.rows.score_changed[0] = int(m.rows.score_changed[0]), 0
    step(m, batch([("p", "d", 1, T0 + 1000, {"hr": second})]), T0)
    assert (first, int(m.rows.score_changed[0])) == (2, change)


def test_a_change_of_points_is_not_forgotten_for_a_change_of_value():
    m = ward("p")
    step(m, batch([("p", "d", i, T0 + i * 1000, {"hr": 80 + i}) for i in range(2)]), T0)
    assert m.rows.score_changed[0] == 2


def test_readings_as_far_apart_as_the_baselines_half_life_teach_it_nothing():
    m, half_life = ward("p"), round(default().baseline.half_life_s * 1000)
    step(m, batch([("p", "d", i, T0 + i * half_life, {"hr": 80}) for i in range(4)]), T0)
    assert m.cells.n[HR] == 2  # the first two, when no pace was known


def test_what_left_the_patients_own_baseline_is_over_when_it_is_back():
    values = [80 + i % 3 for i in range(1500)] + [105] * 600 + [80 + i % 3 for i in range(1500)]
    found = step(ward("p"), batch([("p", "d", i, T0 + i * 1000, {"hr": x}) for i, x in enumerate(values)]), T0)
    assert [f.phase for f in found if f.rule == "baseline"] == ["start", "end"]


def test_an_older_reading_never_becomes_the_newest():
    m = ward("p")
    step(m, batch([("p", "d", 1, T0, {"hr": 80}), ("p", "e", 1, T0 - 60_000, {"hr": 120})]), T0)
    assert (m.cells.value[HR], m.cells.at[HR], m.rows.history_at[0]) == (80.0, T0, T0 - 60_000 + 50)


def test_a_score_that_fell_is_over_once_it_has_stayed_low():
    ill, well = {"rr": 26, "spo2": 90, "hr": 115, "sbp": 120}, {"rr": 16, "spo2": 97, "hr": 80, "sbp": 120}
    said = [("p", "d", i, T0 + i * 1000, ill if i < 600 else well) for i in range(3000)]
    found = [f.phase for f in step(ward("p"), batch(said), T0) if f.rule == "news2"]
    assert (found[0], found[-1], found.count("end")) == ("start", "end", 1)


@pytest.mark.parametrize(("readings", "over"), [(5, False), (6, True)])
def test_a_pause_longer_than_a_signal_stands_proves_no_more_than_that(readings, over):
    m = ward("p")
    m.layout.clear[signal(SPO2)] = 4 * SIGNAL_HOLD_MS + 1
    dead = [("p", "d", i, T0 + i * 1000, {"spo2": None}) for i in range(100)]
    back = [("p", "d", 100 + i, T0 + 100_000 + i * (SIGNAL_HOLD_MS + MINUTE), {"spo2": 97}) for i in range(readings)]
    found = [f.phase for f in step(m, batch(dead + back), T0) if f.rule == "signal"]
    assert ("end" in found) is over
