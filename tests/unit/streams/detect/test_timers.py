"""The timer's transitions, one at a time: limits at 10 and 20 (and -10, -20), hysteresis 2, waits of 100 and 30 ms, clear after 50 ms."""

import numpy as np
import pytest

from streams.detect.timers import Timers, Values, advance, standing

LAST = 1000


def values(t, x, hold, alone, clear=50):
    one = {"low1": -10.0, "low2": -20.0, "high1": 10.0, "high2": 20.0, "hysteresis": 2.0}
    waits = {"wait1": 100, "wait2": 30, "clear": clear, "hold": hold, "alone": alone}
    return Values(cells=np.array([1]), x=np.array([float(x)]), t=np.array([t]), **{k: np.array([v]) for k, v in (one | waits).items()})


def told(at, changes):
    words = {1: "start", 2: "worse", -1: "end"}
    return [
        (at, words[int(p)], int(c.before.fired[k]), int(c.before.since[k]), float(c.before.worst[k]), int(c.before.returned[k]))
        for c in changes
        for k, p in enumerate(c.phase)
    ]


def course(readings, hold=LAST, alone=0, stand=(), clear=50):
    """[(at, word, step, since, worst, returned)] of readings (t, x), then of time alone at `stand`; and the cell as it is left."""
    timers, found = Timers.of(3), []
    for t, x in readings:
        found += told(t, advance(timers, values(t, x, hold, alone, clear)))
    for t in stand:
        found += told(t, standing(timers, values(t, 0, hold, alone, clear)))
    return found, timers.taken(np.array([1]))


def words(readings, **more):
    return [(at, word, step) for at, word, step, *_ in course(readings, **more)[0]]


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(("x", "at", "step"), [(10, None, 0), (10.5, 200, 1), (20, 200, 1), (20.5, 130, 2)])
def test_beyond_a_step_for_its_wait_fires_it(side, x, at, step):
    readings = [(t, side * x) for t in (100, 129, 130, 199, 200, 210)]
    assert words(readings) == ([] if at is None else [(at, "start", step)])


@pytest.mark.parametrize("side", [1, -1])
def test_the_first_reading_ever_starts_the_clock_and_says_since_and_worst(side):
    readings = [(100, 15 * side), (150, 18 * side), (200, 12 * side)]
    assert course(readings)[0] == [(200, "start", 1, 100, 18.0 * side, 0)]


@pytest.mark.parametrize("side", [1, -1])
def test_a_fired_one_grows_worse_once(side):
    readings = [(t, 15 * side) for t in (100, 200)] + [(t, 25 * side) for t in (210, 239, 240, 300)]
    assert words(readings) == [(200, "start", 1), (240, "worse", 2)]


def test_the_second_steps_time_begins_anew_after_a_milder_value():
    readings = [(100, 25), (120, 25), (121, 15), (122, 25), (151, 25), (152, 25)]
    assert words(readings) == [(152, "start", 2)]


def test_the_first_steps_time_counts_beyond_the_second_too():
    assert words([(100, 15), (180, 25), (200, 25)]) == [(200, "start", 1)]


@pytest.mark.parametrize(("x", "ends"), [(8.5, False), (8, True), (7, True)])
@pytest.mark.parametrize("side", [1, -1])
def test_inside_is_inside_by_the_hysteresis(side, x, ends):
    readings = [(100, 15 * side), (200, 15 * side), (210, x * side), (300, x * side)]
    assert ("end" in [w for _, w, _ in words(readings)]) == ends


@pytest.mark.parametrize(("x", "step"), [(19, 2), (18, 1)])
@pytest.mark.parametrize("side", [1, -1])
def test_the_second_steps_hysteresis_holds_it(side, x, step):
    _, cell = course([(100, 25 * side), (110, x * side)])
    assert cell.severity[0] == step * side


@pytest.mark.parametrize(("first", "then", "severity"), [(15, -9, 0), (-15, 9, 0), (25, -18.5, -1), (-25, 18.5, 1)])
def test_the_other_sides_hysteresis_is_not_lent(first, then, severity):
    assert course([(100, first), (110, then)])[1].severity[0] == severity


@pytest.mark.parametrize(("back", "ends"), [(259, []), (260, [(260, "end", 1)])])
def test_a_fired_one_ends_after_clear_inside(back, ends):
    assert words([(100, 15), (200, 15), (210, 0), (back, 0)])[1:] == ends


def test_what_never_fired_never_ends_however_short_clear_is():
    assert words([(100, 0), (110, 0), (120, 15), (130, 0)], clear=0, stand=(140,)) == []


def test_without_a_clear_the_next_value_inside_ends_it():
    assert words([(100, 15), (200, 15), (210, 0), (211, 0)], clear=0)[1:] == [(211, "end", 1)]


def test_an_end_says_when_it_came_back():
    assert course([(100, 15), (200, 15), (210, 0), (240, 0), (270, 0)])[0][1] == (270, "end", 1, 100, 15.0, 210)


def test_beyond_again_before_it_cleared_goes_on_and_counts_inside_anew():
    readings = [(100, 15), (200, 15), (210, 0), (240, 16), (250, 0), (299, 0), (300, 0)]
    assert course(readings)[0][1:] == [(300, "end", 1, 100, 16.0, 250)]


def test_a_value_inside_leaves_only_its_time():
    _, cell = course([(100, 0), (150, 0)])
    assert {name: getattr(cell, name)[0] for name in cell.names() if getattr(cell, name)[0]} == {"at": 150}


def test_an_open_one_that_comes_back_is_forgotten():
    _, cell = course([(100, 15), (150, 0)])
    assert (cell.side[0], cell.since[0], cell.spent1[0], cell.worst[0], cell.at[0]) == (0, 0, 0, 0.0, 150)


def test_forgotten_means_that_its_time_is_too():
    assert words([(100, 15), (190, 15), (191, 0), (192, 15), (291, 15), (292, 15)]) == [(292, "start", 1)]


@pytest.mark.parametrize("side", [1, -1])
def test_the_other_side_ends_a_fired_one_and_opens_its_own(side):
    readings = [(100, 15 * side), (200, 15 * side), (210, -15 * side), (310, -15 * side)]
    assert course(readings)[0] == [
        (200, "start", 1, 100, 15.0 * side, 0),
        (210, "end", 1, 100, 15.0 * side, 210),
        (310, "start", 1, 210, -15.0 * side, 0),
    ]


def test_the_other_side_after_a_return_ends_it_at_the_return():
    assert course([(100, 15), (200, 15), (210, 0), (220, -15)])[0][1] == (220, "end", 1, 100, 15.0, 210)


def test_the_other_side_of_an_open_one_opens_anew_without_a_word():
    found, cell = course([(100, 15), (150, -15)])
    assert (found, cell.side[0], cell.since[0], cell.spent1[0]) == ([], -1, 150, 0)


@pytest.mark.parametrize(("hold", "fires"), [(99, False), (100, True)])
def test_no_value_stands_longer_than_it_holds(hold, fires):
    assert bool(words([(100, 15), (100 + hold, 15)], hold=hold)) == fires


def test_a_silence_forgets_an_open_one():
    _, cell = course([(100, 15), (151, 15)], hold=50)
    assert (cell.since[0], cell.spent1[0]) == (151, 0)


def test_a_reading_just_within_its_hold_does_not():
    assert course([(100, 15), (150, 15)], hold=50)[1].since[0] == 100


def test_a_silence_ends_no_fired_one():
    readings = [(100, 15), (200, 15), (5000, 15)]
    assert words(readings) == [(200, "start", 1)]


def test_after_a_silence_there_is_no_hysteresis():
    _, cell = course([(100, 15), (200, 15), (5000, 9)])
    assert cell.severity[0] == 0


def test_inside_counts_no_longer_than_a_value_holds():
    readings = [(100, 15), (140, 15), (180, 15), (210, 15), (220, 0), (5000, 0), (5010, 0)]
    assert words(readings, hold=40) == [(210, "start", 1), (5010, "end", 1)]


@pytest.mark.parametrize(("gap", "counts"), [(59, False), (60, True)])
def test_a_value_that_the_next_one_contradicts_counts_only_if_it_stood_alone(gap, counts):
    readings = [(100, 15), (150, 15), (150 + gap, 0)]
    assert bool(words(readings, alone=60, hold=59 + 1)) == (counts and 50 + gap >= 100)


def test_a_milder_next_one_confirms_the_first_step_only():
    _, cell = course([(100, 25), (120, 15)], alone=1000)
    assert (cell.spent1[0], cell.spent2[0]) == (20, 0)


def test_a_next_one_beyond_the_same_step_confirms_both():
    _, cell = course([(100, 25), (120, 25)], alone=1000)
    assert (cell.spent1[0], cell.spent2[0]) == (20, 20)


def test_a_next_one_on_the_other_side_confirms_nothing():
    assert words([(100, 15), (190, 15), (200, -15)], alone=1000) == []


def test_time_alone_fires_what_has_stood():
    assert course([(100, 15)], stand=(199, 200, 300))[0] == [(200, "start", 1, 100, 15.0, 0)]


def test_time_alone_ends_what_has_cleared():
    assert course([(100, 15), (200, 15), (210, 0)], stand=(259, 260, 300))[0][1:] == [(260, "end", 1, 100, 15.0, 210)]


def test_time_alone_counts_nothing_twice():
    _, cell = course([(100, 15)], stand=(150, 180))
    assert (cell.spent1[0], cell.at[0]) == (0, 100)


def test_what_time_alone_fired_the_next_reading_does_not_fire_again():
    timers = Timers.of(3)
    advance(timers, values(100, 15, LAST, 0))
    first = told(200, standing(timers, values(200, 0, LAST, 0)))
    assert (len(first), told(210, advance(timers, values(210, 15, LAST, 0)))) == (1, [])


def test_time_alone_proves_no_more_than_a_value_holds():
    assert course([(100, 15)], hold=90, stand=(1000,))[0] == []


def test_what_cleared_by_time_alone_is_forgotten():
    _, cell = course([(100, 15), (200, 15), (210, 0)], stand=(260,))
    assert (cell.side[0], cell.fired[0], cell.returned[0]) == (0, 0, 0)


def test_other_cells_are_left_alone():
    timers = Timers.of(3)
    advance(timers, values(100, 15, LAST, 0))
    assert timers.side.tolist() == [0, 1, 0]


def test_room_for_more_keeps_what_there_is():
    timers = Timers.of(3)
    advance(timers, values(100, 15, LAST, 0))
    grown = timers.grown(5)
    assert (grown.side.tolist(), grown.worst.tolist()) == ([0, 1, 0, 0, 0], [0.0, 15.0, 0.0, 0.0, 0.0])
