"""Sample numbers as intervals: agrees with a set, in bounded memory."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.seen import SPANS, Seen


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=80))
def test_a_number_is_new_exactly_once(numbers: list[int]) -> None:
    seen, known = Seen(), set[int]()
    for n in numbers:
        assert seen.take("d", n) == (n not in known)
        known.add(n)
    assert [seen.has("d", n) for n in range(42)] == [n in known for n in range(42)]


def test_devices_do_not_share_numbers() -> None:
    seen = Seen()
    assert (seen.take("a", 1), seen.take("b", 1)) == (True, True)


def test_beyond_the_most_intervals_the_lowest_is_forgotten_and_counted() -> None:
    seen = Seen()
    for n in range(SPANS + 1):
        seen.take("d", 2 * n)
    assert (seen.forgotten, seen.has("d", 0), seen.has("d", 2), seen.has("d", 2 * SPANS)) == (1, False, True, True)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 20), max_size=20), st.lists(st.integers(0, 20), max_size=20))
def test_undo_takes_back_what_was_taken_since_begin_and_nothing_else(before: list[int], since: list[int]) -> None:
    seen = Seen()
    for n in before:
        seen.take("d", n)
    seen.begin()
    for n in since:
        seen.take("d", n)
    seen.undo()
    assert [seen.has("d", n) for n in range(22)] == [n in before for n in range(22)]


def test_where_nobody_will_undo_nothing_is_kept_for_it() -> None:
    seen = Seen()
    for n in range(1_000):
        seen.take("d", n)
    assert len(seen._journal or ()) == 0


def test_what_is_kept_for_undoing_is_no_more_than_was_taken_since_it_was_begun() -> None:
    seen = Seen()
    for n in range(1_000):
        seen.begin()
        seen.take("d", n)
    assert len(seen._journal or ()) == 1
