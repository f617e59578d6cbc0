"""The order of one device's samples, piece by piece: which gaps are waited for, how long, and what is believed of a device."""

import numpy as np
import pytest

from streams.detect.dedupe import Seen
from streams.detect.order import HOLD_MS, MOST, MOST_ALL, SHOWN_MS, Order, waits
from tests.unit.streams.detect.readings import T0, batch

GRACE_MS = 1000


def order(slots=2, hold=None):
    """Devices that have said number 0 at T0 and 1 a second later: each is known to count up by one, at a second."""
    o = Order(Seen(), HOLD_MS if hold is None else hold)
    o.seen.grow(slots)
    o.grow(slots)
    for seq in (0, 1):
        come(o, *((slot, seq, seq * 1000) for slot in range(slots)))
    return o


def come(o, *samples):
    """Samples (slot, seq, ms since T0[, received, ms since T0]) of one batch."""
    rows = [(f"p{slot}", f"d{slot}", seq, T0 + t, {"hr": 80}, T0 + (late[0] if late else t)) for slot, seq, t, *late in samples]
    return o.arrived(np.array([s[0] for s in samples]), batch(rows))


@pytest.mark.parametrize(
    ("missing", "elapsed", "pace", "expected"),
    [
        (1, 150_000, 0, True),
        (1, 150_001, 0, False),
        (256, 60_000, 0, True),
        (257, 60_000, 0, False),
        (1, 1200, 1000, True),
        (1, 1199, 1000, False),
        (0, 10**9, 1000, True),
        (1, 600_000, 75_000, True),
        (1, 600_000, 75_001, False),
        (75, 600_000, 1000, True),
        (76, 600_000, 1000, False),
    ],
)
def test_a_gap_is_waited_for_that_may_be_filled_within_a_minute_at_the_devices_pace(missing, elapsed, pace, expected):
    assert waits(missing, elapsed, pace, 60_000) is expected


def test_order_is_needed_where_something_may_wait():
    assert [order(hold=hold).needed for hold in (0, 1)] == [False, True]


def test_growing_makes_room_for_so_many():
    o = order(2)
    o.grow(5)
    assert [len(column) for column in (o.last_at, o.pace, o.lost, o.owed, o.standing, o.shown)] == [5] * 6


def test_one_that_waits_is_let_go_beside_one_that_counts_up():
    o = order()
    come(o, (0, 3, 3000))
    come(o, (0, 2, 2000), (1, 2, 2000))
    assert (o.count, o.seen.top.tolist()) == (0, [3, 2])


def test_before_its_first_number_a_device_is_not_known_to_count():
    o = Order(Seen(), HOLD_MS)
    o.seen.grow(2)
    o.grow(2)
    come(o, (1, 0, 0))
    come(o, (0, 0, 1000), (1, 1, 1000))
    assert o.last_at.tolist() == [0, T0 + 1000]


@pytest.mark.parametrize(("later_ms", "count"), [(60_000 + GRACE_MS, 1), (60_000 + GRACE_MS + 1, 0)])
def test_the_clock_waits_a_minute_and_a_second(later_ms, count):
    o = order()
    come(o, (0, 3, 3000))
    o.due(T0 + 3000 + later_ms)
    assert o.count == count


@pytest.mark.parametrize(
    ("samples", "last", "pace"),
    [
        ([(1, 2, 2500), (0, 2, 2100)], [2100, 2500], [1100, 1500]),
        ([(0, 2, 2000), (1, 2, 2100), (0, 3, 3500), (0, 4, 4200)], [4200, 2100], [700, 1100]),
        ([(0, 2, 2000), (0, 3, 3300), (1, 2, 2100), (1, 3, 2900)], [3300, 2900], [1000, 800]),
        ([(0, 2, 2000), (1, 2, 2100), (1, 3, 2900)], [2000, 2900], [1000, 800]),
        ([(0, 2, 1000 + 2**31), (1, 2, 500)], [1000 + 2**31, 500], [2**31 - 1, 0]),
        ([(0, 2, 2000), (0, 3, 602_000), (1, 2, 601_000), (1, 3, 602_100)], [602_000, 602_100], [1000, 1100]),
        ([(0, 2, 601_000), (0, 3, 1_201_000), (1, 2, 2100), (1, 3, 4100)], [1_201_000, 4100], [600_000, 1100]),
    ],
    ids=[
        "each once",
        "one more often",
        "each twice",
        "the last twice",
        "weeks, and a clock set back",
        "before and after a pause",
        "two pauses, and ever slower",
    ],
)
def test_the_newest_moment_and_the_smaller_of_the_last_two_steps_are_known_of_each(samples, last, pace):
    o = order()
    come(o, *samples)
    assert ((o.last_at - T0).tolist(), o.pace.tolist()) == (last, pace)


@pytest.mark.parametrize("again", [(0, 3, 3000), (0, 1, 1000)], ids=["what waits", "what has gone on"])
def test_a_repeat_is_counted_and_goes_nowhere(again):
    o = order()
    come(o, (0, 3, 3000))
    passed = come(o, again)
    assert (passed.duplicates, passed.source, o.count) == (1, [], 1)


@pytest.mark.parametrize(("late_ms", "owed"), [(60_000, 1), (60_001, 2)])
def test_a_device_shows_that_it_reorders_by_what_comes_within_a_minute(late_ms, owed):
    o = order()
    o.owed[0] = 2
    come(o, (0, 3, 100_000))
    come(o, (0, 2, 100_000 - late_ms))
    assert o.owed[0] == owed


@pytest.mark.parametrize(("waiting", "count", "outcomes"), [(MOST_ALL - 1, MOST_ALL, {}), (MOST_ALL, MOST_ALL, {"full": 1})])
def test_of_all_devices_no_more_than_a_bounded_number_waits(waiting, count, outcomes):
    o = order()
    o.count = waiting
    come(o, (0, 3, 3000))
    assert (o.count, o.outcomes) == (count, outcomes)


@pytest.mark.parametrize(("samples", "count"), [(MOST, MOST), (MOST + 1, 0)])
def test_of_one_device_no_more_than_a_bounded_number_waits(samples, count):
    o = order(hold=600_000)
    come(o, *((0, 3 + i, 3000 + i * 1000) for i in range(samples)))
    assert o.count == count


def test_what_was_saved_waits_since_its_first_came():
    o, again = order(), order()
    come(o, (0, 3, 3000, 9000), (0, 4, 4000, 5000))
    again.restore(0, *o.saved(0))
    again.due(T0 + 5000 + 61_001)
    assert again.count == 0


@pytest.mark.parametrize(("step", "known"), [(0, 1000), (700, 700)], ids=["of before steps were kept", "of now"])
def test_the_last_step_is_taken_up_or_was_the_pace(step, known):
    o = order()
    o.restore(0, (T0, 1000, 0, 0), [], step)
    assert o.step[0] == known


def reordering(filled):
    """One that has shown that it re-orders: its newest sample is of T0 + 4 s, as is what came last; beside it one that has not."""
    o = order()
    come(o, (0, 2, 2000))
    o.owed[0] = 0 if filled else 2
    come(o, (0, 4, 4000))
    come(o, (0, 3, 3000, 4500))
    return o


@pytest.mark.parametrize("filled", [True, False], ids=["a gap was filled", "it was not waited for"])
@pytest.mark.parametrize(("ms", "slots"), [(4999, []), (5000, [0]), (5000 + HOLD_MS + GRACE_MS, [0]), (5001 + HOLD_MS + GRACE_MS, [])])
def test_of_a_device_that_reorders_what_is_due_may_be_on_its_way_for_a_minute(filled, ms, slots):
    assert reordering(filled).expected(T0 + ms).tolist() == slots


@pytest.mark.parametrize(("since_ms", "slots"), [(SHOWN_MS - 1, [0]), (SHOWN_MS, [])])
def test_what_a_device_has_shown_is_believed_for_ten_minutes(since_ms, slots):
    o = reordering(True)
    o.last_at[0] = T0 + 4500 + since_ms - 10_000
    assert o.expected(T0 + 4500 + since_ms).tolist() == slots


def test_nothing_is_expected_of_a_device_whose_pace_is_not_known():
    o = reordering(True)
    o.pace[0] = 0
    assert o.expected(T0 + 5000).tolist() == []


def test_what_comes_twice_shows_nothing():
    o = order()
    come(o, (0, 2, 2000), (0, 2, 2000, 3500), (0, 1, 1000, 3500))
    assert o.shown.tolist() == [0, 0]


@pytest.mark.parametrize(("way_ms", "noted"), [(HOLD_MS + GRACE_MS, [(0, T0 + 2000)]), (HOLD_MS + GRACE_MS + 1, [])])
def test_what_comes_behind_a_newer_one_is_noted_if_it_was_a_minute_on_its_way_at_most(way_ms, noted):
    o = order()
    o.owed[0] = 2
    come(o, (0, 3, 3000))
    come(o, (0, 2, 2000, 2000 + way_ms))
    assert (o.late, o.shown.tolist()) == (noted, [T0 + 2000 + way_ms if noted else 0, 0])


def test_what_waits_of_a_device_can_be_taken_away():
    o = order()
    come(o, (0, 3, 3000), (1, 3, 3000))
    assert ([row.seq for row in o.forget(0)], o.count, o.standing.tolist()) == ([3], 1, [False, True])
