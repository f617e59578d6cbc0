"""A device that says too much at a door that answers slows its sender, and nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.gather import Message
from ingest.pace import Pace
from ingest.quota import Babble, Limits

NOW = 1_790_000_000_000
LIMITS = Limits(rate=10, burst=20, byte_rate=1_000, byte_burst=5_000)


def said(device: str, n: int, size: int = 1) -> list[Message]:
    return [Message(f"vigil/v1/{device}/vitals".encode(), b"x" * size, NOW)] * n


def waits(pace: Pace, messages: list[Message], steady: float) -> float:
    """Of the one that waits longest."""
    return max(pace.over(messages, steady, NOW).values(), default=0)


def taken(pace: Pace, messages: list[Message], steady: float) -> float:
    wait = waits(pace, messages, steady)
    pace.charge(messages, steady)
    return wait


@pytest.mark.parametrize(("n", "size", "wait"), [(1, 1, 0), (19, 1, 0), (20, 1, 0.1), (25, 1, 0.6), (1, 5_100, 0.101)])
def test_what_is_beyond_the_burst_waits_until_the_rate_has_paid_for_it(n: int, size: int, wait: float) -> None:
    pace = Pace(LIMITS)
    pace.charge(said("a", 1), 0.0)
    assert waits(pace, said("a", n, size), 0.0) == pytest.approx(wait)


def test_one_device_waits_and_another_does_not() -> None:
    pace = Pace(LIMITS)
    pace.charge(said("loud", 100), 0.0)
    assert (waits(pace, said("loud", 1), 0.0) > 0, waits(pace, said("still", 5), 0.0)) == (True, 0.0)


def test_of_a_hubs_message_the_device_that_babbles_is_named_and_no_other() -> None:
    pace = Pace(LIMITS)
    pace.charge(said("loud", 100), 0.0)
    waits(pace, said("still", 1) + said("loud", 1), 0.0)
    assert pace.babbles(0.0) == [Babble("loud", NOW, False)]


def test_what_is_larger_than_any_burst_goes_where_nothing_is_owed() -> None:
    assert taken(Pace(LIMITS), said("a", 1, 50_000), 0.0) == 0


def test_a_babble_is_told_once_and_is_over_with_half_the_burst_back() -> None:
    pace, told = Pace(LIMITS), list[Babble]()
    for steady in (0.0, 0.1, 2.0, 4.0):
        taken(pace, said("a", 30), steady)
        told += pace.babbles(steady)
    ends = [pace.babbles(10.99), pace.babbles(11.01), pace.babbles(12.0)]  # all of the 120 is paid off at 12
    assert (told, ends) == ([Babble("a", NOW, False)], [[], [Babble("a", NOW, True)], []])


def test_who_babbled_for_hours_owes_no_more_than_who_did_for_seconds() -> None:
    pace = Pace(LIMITS)
    for steady in range(1_000):
        taken(pace, said("a", 500), float(steady))
    assert (waits(pace, said("a", 1), 1_000.0), waits(pace, said("a", 1), 1_010.0)) == (pytest.approx(9.1), 0)


def test_a_babble_is_over_only_below_half_the_burst() -> None:
    pace = Pace(LIMITS)
    taken(pace, said("a", 30), 0.0)
    taken(pace, said("a", 1), 0.0)
    pace.babbles(0.0)
    assert (pace.babbles(2.1), [b.ended for b in pace.babbles(2.2)]) == ([], [True])


@pytest.mark.parametrize(("most", "left"), [(1, 1), (2, 1), (3, 3)])
def test_who_owes_nothing_any_more_is_forgotten_where_too_many_are_known(most: int, left: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.pace.BUCKETS", most)
    pace = Pace(LIMITS)
    for device, steady in (("a", 0.0), ("b", 0.0), ("c", 0.1)):
        pace.charge(said(device, 1), steady)
    assert len(pace) == left


@given(st.lists(st.tuples(st.integers(1, 20), st.floats(0, 3)), max_size=60))
def test_a_sender_that_waits_is_heard_at_no_more_than_rate_and_burst(story: list[tuple[int, float]]) -> None:
    pace, steady, count = Pace(LIMITS), 0.0, 0
    for n, pause in story:
        steady += pause
        steady += taken(pace, said("a", n), steady)
        count += n
    assert count <= LIMITS.burst + LIMITS.rate * steady + 20


@given(st.lists(st.floats(0.11, 5), max_size=60))
def test_a_sender_within_its_rate_never_waits(pauses: list[float]) -> None:
    pace, steady, waited = Pace(LIMITS), 0.0, list[float]()
    for pause in pauses:
        steady += pause
        waited.append(taken(pace, said("a", 1, 50), steady))
    assert not any(waited)
