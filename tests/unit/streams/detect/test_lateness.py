"""Of which devices something may be on its way still, by how they, and all, have come lately."""

import numpy as np
import pytest

from streams.detect.lateness import LATE_MS, SHOWN_MS, Lateness
from tests.unit.streams.detect.readings import T0

MOST_MS = 61_000
DUE = 600


def heard(*ways, back_ms=0):
    """Devices that each said something at T0, so many ms on its way."""
    found = Lateness(MOST_MS, back_ms)
    found.grow(len(ways))
    found.came(np.arange(len(ways)), np.full(len(ways), T0), T0 + np.array(ways))
    return found


def expected(lateness, now_ms, due=T0 + DUE):
    return lateness.expected(T0 + now_ms, np.full(len(lateness.heard), due)).tolist()


def turned(*slots, of):
    """All in time, but that those of `slots` came behind a newer one."""
    found = heard(*[50] * of)
    found.turned[list(slots)] = T0 + 50
    return found


def test_where_all_comes_in_time_nothing_is_expected():
    assert expected(heard(50, LATE_MS), 10_000) == []


@pytest.mark.parametrize(("way_ms", "late"), [(LATE_MS, []), (LATE_MS + 1, [1]), (MOST_MS, [1]), (MOST_MS + 1, [])])
def test_what_was_long_on_its_way_but_is_no_backlog_shows_it(way_ms, late):
    assert expected(heard(50, way_ms), 100_000) == late


def test_one_by_one_as_all_at_once():
    one = heard(50, 50)
    one.one(1, T0 + 1_000, T0 + 11_000)
    assert (one.heard.tolist(), one.slow.tolist()) == ([T0 + 50, T0 + 11_000], [0, T0 + 11_000])


@pytest.mark.parametrize(("way_ms", "slow"), [(LATE_MS, 0), (LATE_MS + 1, T0 + LATE_MS + 1), (MOST_MS, T0 + MOST_MS), (MOST_MS + 1, 0)])
def test_of_one_the_bounds_are_the_same(way_ms, slow):
    one = heard(50)
    one.one(0, T0, T0 + way_ms)
    assert one.slow.tolist() == [slow]


def test_what_was_heard_does_not_go_back():
    late = heard(900)
    late.came(np.array([0]), np.array([T0]), np.array([T0 + 300]))
    late.one(0, T0, T0 + 200)
    assert late.heard.tolist() == [T0 + 900]


def test_where_all_is_held_back_what_comes_within_that_is_in_time():
    assert heard(30_000 + LATE_MS, 30_001 + LATE_MS, back_ms=30_000).slow.tolist() == [0, T0 + 30_001 + LATE_MS]


@pytest.mark.parametrize(("now_ms", "late"), [(DUE - 1, []), (DUE, [0]), (SHOWN_MS, [0]), (50 + SHOWN_MS, [])])
def test_a_device_that_came_behind_a_newer_one_is_expected_from_when_it_is_due_for_ten_minutes(now_ms, late):
    assert expected(turned(0, of=2), now_ms) == late


def test_so_is_one_that_was_long_on_its_way():
    late = heard(3_000)
    assert [expected(late, ms) for ms in (DUE - 1, DUE, 2_999 + SHOWN_MS, 3_000 + SHOWN_MS)] == [[], [0], [0], []]


@pytest.mark.parametrize(("late", "which"), [(turned(0, of=2), [0]), (heard(10_000, 50), [])], ids=["turned", "slow"])
def test_one_value_that_was_long_on_its_way_shows_nothing(late, which):
    assert expected(late, 20_000, due=0) == which


@pytest.mark.parametrize(
    ("slots", "of", "late"), [([0], 5, [0]), ([0, 1], 20, list(range(20))), ([0, 1], 21, [0, 1])], ids=["one", "a tenth", "less"]
)
def test_where_a_tenth_of_all_devices_and_at_least_two_do_all_are_expected(slots, of, late):
    assert expected(turned(*slots, of=of), 10_000) == late


def test_devices_that_are_silent_for_ten_minutes_do_not_count():
    some = turned(0, 1, of=30)
    some.heard[15:] = T0 + 10_000 - SHOWN_MS
    assert expected(some, 10_000) == list(range(15))


@pytest.mark.parametrize(("now_ms", "late"), [(SHOWN_MS + 49, [0, 1, 2]), (SHOWN_MS + 50, [])])
def test_all_are_for_ten_minutes(now_ms, late):
    some = turned(0, 1, of=3)
    some.heard[:] = T0 + now_ms
    assert expected(some, now_ms) == late


@pytest.mark.parametrize("shown", ["turned", "slow"])
@pytest.mark.parametrize(("since_ms", "late"), [(SHOWN_MS - 1, True), (SHOWN_MS, False)])
def test_who_says_something_in_time_is_late_by_what_was_shown_within_ten_minutes(shown, since_ms, late):
    some = heard(50, 50)
    getattr(some, shown)[0] = T0
    assert [some.late(slot, T0 + since_ms - 50, T0 + since_ms) for slot in (0, 1)] == [late, False]


@pytest.mark.parametrize(("told", "late"), [(True, [0, 1, 2]), (False, [0, 1])])
def test_where_only_some_are_known_it_is_as_told(told, late):
    some = turned(0, 1, of=3)
    some.tell(told)
    assert expected(some, 10_000) == late
