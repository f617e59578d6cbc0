"""The order of one device's samples, piece by piece: which gaps are waited for, how long, and what is believed of a device."""

import numpy as np
import pytest

from streams.detect.dedupe import Seen
from streams.detect.order import HOLD_MS, MOST, MOST_ALL, Order, waits
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
    assert [len(column) for column in (o.cadence.last_at, o.cadence.pace, o.lost, o.owed, o.standing, o.lateness.turned)] == [5] * 6


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
    assert o.cadence.last_at.tolist() == [0, T0 + 1000]


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
    assert ((o.cadence.last_at - T0).tolist(), o.cadence.pace.tolist()) == (last, pace)


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


def test_how_a_device_came_is_known_after_a_restart():
    o, again = order(), order()
    come(o, (0, 3, 3000), (1, 2, 2000, 5000))
    come(o, (0, 2, 2000, 3500))
    before = o.known_until(T0 + 9_000)
    for slot in (0, 1):
        again.restore(slot, *o.saved(slot))
    assert [c.tolist() for c in again.known_until(T0 + 9_000)] == [c.tolist() for c in before] != [[], []]


@pytest.mark.parametrize(("step", "known"), [(0, 1000), (700, 700)], ids=["of before steps were kept", "of now"])
def test_the_last_step_is_taken_up_or_was_the_pace(step, known):
    o = order()
    o.restore(0, (T0, 1000, 0, 0), [], step)
    assert o.cadence.step[0] == known


def reordering(filled):
    """One that has shown that it re-orders: its newest sample is of T0 + 4 s, as is what came last; beside it one that has not."""
    o = order()
    come(o, (0, 2, 2000))
    o.owed[0] = 0 if filled else 2
    come(o, (0, 4, 4000))
    come(o, (0, 3, 3000, 4500))
    return o


@pytest.mark.parametrize("filled", [True, False], ids=["a gap was filled", "it was not waited for"])
@pytest.mark.parametrize(
    ("ms", "known"), [(4599, []), (4600, []), (4601, [(0, 4600)]), (65_600, [(0, 4600)]), (65_601, [(0, 4601)]), (90_000, [(0, 29_000)])]
)
def test_of_a_device_that_reorders_all_is_known_up_to_when_it_is_due_or_a_minute_ago(filled, ms, known):
    slots, until = reordering(filled).known_until(T0 + ms)
    assert list(zip(slots.tolist(), (until - T0).tolist(), strict=True)) == known


@pytest.mark.parametrize(
    ("late", "waits"), [(None, False), ("slow", True), ("turned", True), ("everywhere", True)], ids=["in time", "slow", "turned", "all are"]
)
def test_behind_a_devices_first_sample_a_gap_is_waited_for_only_if_it_is_late(late, waits):
    o = Order(Seen(), HOLD_MS)
    o.seen.grow(1)
    o.grow(1)
    come(o, (0, 7, 7000))
    if late == "everywhere":
        o.lateness.tell(everywhere=True)
    elif late:
        getattr(o.lateness, late)[0] = T0 + 7000
    come(o, (0, 9, 9000))
    assert o.standing.tolist() == [waits]


@pytest.mark.parametrize(("seq", "waits"), [(5, False), (6, True)])
def test_what_went_on_before_is_not_held_again(seq, waits):
    o = order()
    o.let_go[0] = 5
    come(o, (0, seq, 1000 * seq))
    assert o.standing.tolist() == [waits, False]


def test_a_devices_first_sample_waits_for_nothing():
    o = Order(Seen(), HOLD_MS)
    o.seen.grow(1)
    o.grow(1)
    o.lateness.tell(everywhere=True)
    o.lateness.heard[0] = T0
    come(o, (0, 7, 7000))
    assert o.standing.tolist() == [False]


@pytest.mark.parametrize(("way_ms", "waits"), [(2_000, False), (2_001, True), (HOLD_MS + GRACE_MS, True), (HOLD_MS + GRACE_MS + 1, False)])
def test_so_it_is_if_what_follows_was_long_on_its_way(way_ms, waits):
    o = Order(Seen(), HOLD_MS)
    o.seen.grow(1)
    o.grow(1)
    come(o, (0, 7, 7000))
    come(o, (0, 9, 9000, 9000 + way_ms))
    assert o.standing.tolist() == [waits]


@pytest.mark.parametrize(("since_ms", "waits"), [(150_000, True), (150_001, False)])
def test_a_gap_behind_the_first_sample_that_is_longer_than_that_is_an_outage(since_ms, waits):
    o = Order(Seen(), HOLD_MS)
    o.seen.grow(1)
    o.grow(1)
    come(o, (0, 7, 7000))
    o.lateness.tell(everywhere=True)
    come(o, (0, 9, 7000 + since_ms))
    assert o.standing.tolist() == [waits]


def test_where_samples_wait_all_is_known_up_to_the_last_before_them():
    o = order()
    come(o, (0, 3, 3000))
    slots, until = o.known_until(T0 + 50_000)
    assert (slots.tolist(), (until - T0).tolist()) == ([0], [1000])


def test_as_far_as_all_was_known_it_stays_known():
    o = order()
    o.known_until(T0 + 2500)
    come(o, (0, 3, 3000))
    stands = o.known_until(T0 + 3500)
    come(o, (0, 2, 2000, 4000))
    late = o.known_until(T0 + 9_000)
    assert [(slots.tolist(), (until - T0).tolist()) for slots, until in (stands, late)] == [([0], [2500]), ([0], [3600])]


def test_nothing_was_known_of_a_device_before_it_spoke():
    o = order(1)
    o.seen.grow(2)
    o.grow(2)
    o.lateness.tell(everywhere=True)
    before = o.known_until(T0 + 70_000)[0].tolist()
    come(o, (1, 7, 20_000, 71_000))
    slots, until = o.known_until(T0 + 72_000)
    assert (before, slots.tolist(), (until - T0).tolist()) == ([0], [0, 1], [11_000, 11_000])


def test_how_a_sample_came_is_noted_whatever_becomes_of_it():
    o = order()
    come(o, (0, 2, 2000, 5000))
    sent = [o.lateness.slow[0]]
    for sample in [(0, 4, 4000, 7000), (0, 3, 3000, 8000), (0, 9, 4500, 9000)]:
        come(o, sample)
        sent.append(o.lateness.slow[0])
    o.owed[0] = 2
    come(o, (0, 8, 4400, 10_000))
    assert [int(ms) - T0 for ms in [*sent, o.lateness.slow[0]]] == [5000, 7000, 8000, 9000, 10_000]


def test_of_a_batch_that_is_uneven_too():
    o = order()
    come(o, (0, 2, 2000, 5000), (1, 4, 4000, 7000))
    assert (o.lateness.slow - T0).tolist() == [5000, 7000]


def test_what_comes_twice_shows_nothing():
    o = order()
    come(o, (0, 2, 2000), (0, 2, 2000, 3500), (0, 1, 1000, 3500))
    assert o.lateness.turned.tolist() == [0, 0]


@pytest.mark.parametrize(("way_ms", "noted"), [(HOLD_MS + GRACE_MS, [(0, T0 + 2000)]), (HOLD_MS + GRACE_MS + 1, [])])
def test_what_comes_behind_a_newer_one_is_noted_if_it_was_a_minute_on_its_way_at_most(way_ms, noted):
    o = order()
    o.owed[0] = 2
    come(o, (0, 3, 3000))
    come(o, (0, 2, 2000, 2000 + way_ms))
    assert (o.late, o.lateness.turned.tolist()) == (noted, [T0 + 2000 + way_ms if noted else 0, 0])


def test_what_waits_of_a_device_can_be_taken_away():
    o = order()
    come(o, (0, 3, 3000), (1, 3, 3000))
    assert ([row.seq for row in o.forget(0)], o.count, o.standing.tolist()) == ([3], 1, [False, True])
