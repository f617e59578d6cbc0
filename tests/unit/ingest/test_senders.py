"""Whether others than one device speak through a sender."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.senders import SHARED_S, Senders


def heard(*said: tuple[str, bytes, float]) -> Senders:
    senders = Senders()
    for sender, topic, steady in said:
        senders.heard(sender, [topic], steady)
    return senders


@pytest.mark.parametrize(
    ("said", "shared"),
    [
        ([], False),
        ([("engine", b"a", 0.0)], False),
        ([("engine", b"b", 0.0)], True),
        ([("other engine", b"b", 0.0)], False),
        ([("engine", b"b", 0.0), ("engine", b"a", 1.0)], True),
        ([("engine", b"b", 0.0), *[("engine", b"a", 1.0)] * 3], True),
    ],
    ids=["nobody", "it alone", "another", "another elsewhere", "another before it", "another long before it"],
)
def test_a_sender_is_shared_where_another_one_speaks_through_it(said: list[tuple[str, bytes, float]], shared: bool) -> None:
    assert heard(*said).shared("engine", b"a", 2.0) == shared


@pytest.mark.parametrize(("later", "shared"), [(SHARED_S - 1, True), (SHARED_S, False)])
def test_who_was_silent_for_an_hour_is_gone(later: float, shared: bool) -> None:
    assert heard(("engine", b"b", 10.0)).shared("engine", b"a", 10.0 + later) == shared


def test_all_of_one_message_speak() -> None:
    senders = Senders()
    senders.heard("engine", [b"a", b"b", b"c"], 0.0)
    assert [senders.shared("engine", topic, 0.0) for topic in (b"a", b"b", b"c")] == [True, True, True]


TOPICS = st.sampled_from([b"a", b"b", b"c", b"d"])


@given(st.lists(st.tuples(TOPICS, st.floats(0, SHARED_S)), max_size=20), TOPICS)
def test_what_is_remembered_of_two_says_the_same_as_all(story: list[tuple[bytes, float]], mine: bytes) -> None:
    senders, now, said = Senders(), 0.0, dict[bytes, float]()
    for topic, pause in story:
        now += pause
        senders.heard("engine", [topic], now)
        said[topic] = now
    assert senders.shared("engine", mine, now) == any(now - at < SHARED_S for topic, at in said.items() if topic != mine)
