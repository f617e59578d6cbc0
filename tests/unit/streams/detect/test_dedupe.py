"""What was seen before, number by number and many at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.detect.dedupe import HOLES, Seen


def seen(slots=3):
    s = Seen()
    s.grow(slots)
    return s


def new(s, *samples):
    """Of (slot, number)."""
    slots, seqs = (np.array(column, dtype=np.int64) for column in zip(*samples, strict=True))
    return s.new(slots, seqs).tolist()


@given(st.lists(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12)), min_size=1, max_size=8), max_size=8))
def test_a_sample_is_new_exactly_once_however_samples_are_batched(batches):
    s, known, expected, found = seen(), set(), [], []
    for batch in batches:
        found += new(s, *batch)
        for sample in batch:
            expected.append(sample not in known)
            known.add(sample)
    assert found == expected


@given(st.lists(st.integers(0, 6), max_size=30))
def test_devices_that_count_up_by_one_each_at_its_own_number_are_all_new(order):
    s, counts, samples = seen(7), [10 * d for d in range(7)], []
    for d in order:
        samples.append((d, counts[d]))
        counts[d] += 1
    assert all(new(s, *samples)) if samples else True


@pytest.mark.parametrize(("first", "second"), [([(0, 0), (1, 0)], [(0, 1), (1, 1)]), ([(1, 0), (2, 0)], [(1, 1), (2, 0)])])
def test_a_batch_of_next_numbers_is_seen_then(first, second):
    s = seen()
    new(s, *first)
    was = new(s, *second)
    again = new(s, *second)
    assert (was, again) == ([True, second[1][1] != first[1][1]], [False, False])


@pytest.mark.parametrize(
    ("before", "samples", "expected"),
    [([], [(0, 0), (1, 0), (1, 0)], [True, True, False]), ([(0, 0), (0, 1), (0, 2)], [(0, 1)], [False])],
    ids=["twice in one batch", "the one before the last"],
)
def test_what_comes_again_is_not_new(before, samples, expected):
    s = seen()
    if before:
        new(s, *before)
    assert new(s, *samples) == expected


def test_the_next_number_leaves_no_hole():
    s = seen(1)
    assert ([s.one(0, n) for n in (0, 1)], s.holes[0]) == ([True, True], [])


def test_growing_keeps_what_was_seen_and_knows_nothing_of_the_new():
    s = seen(1)
    new(s, (0, 5), (0, 7))
    s.grow(3)
    assert (len(s.top), len(s.holes), new(s, (0, 5), (0, 6), (0, 7), (2, 0))) == (3, 3, [False, True, False, True])


def test_beyond_its_holes_the_lowest_is_forgotten():
    s = seen(1)
    numbers = [(0, 2 * i + 1) for i in range(HOLES + 1)]
    new(s, *numbers)
    assert (s.forgotten, new(s, (0, 0)), new(s, (0, 2))) == (1, [False], [True])


def test_as_many_holes_as_there_is_room_for_are_all_known():
    s = seen(1)
    new(s, *((0, 2 * i + 1) for i in range(HOLES)))
    assert (s.forgotten, new(s, (0, 0))) == (0, [True])


def test_as_it_was_saved_it_goes_on():
    s = seen(1)
    s.restore(0, 9, [(2, 3), (6, 6)])
    assert new(s, *((0, n) for n in range(11))) == [n in {2, 3, 6, 10} for n in range(11)]


@pytest.mark.parametrize(("more", "expected"), [([False, False], None), ([False, True], [False, True]), ([True, False], [True, False])])
def test_what_is_asked_to_be_looked_at_one_by_one_is_not_counted_yet(more, expected):
    s = seen()
    uneven = s.uneven(np.array([0, 1]), np.array([0, 0]), np.array(more))
    looked = [False, False] if expected is None else expected
    assert (None if uneven is None else uneven.tolist(), s.top.tolist()) == (expected, [-1 if m else 0 for m in looked] + [-1])
