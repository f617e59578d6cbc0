"""The lifecycle's table says what its rules say, and has an answer for everything."""

import itertools

import pytest

from alerts.lifecycle import EVENTS, STATES, TABLE, Refused, latches, move
from vitals.finding import AlertClass, Priority


@pytest.mark.parametrize(("state", "event"), itertools.product(STATES, EVENTS))
def test_every_state_and_event_has_an_answer(state: str, event: str) -> None:
    answer = TABLE[state, event]  # type: ignore[index]  # parametrize loses the literals
    assert answer in STATES or (isinstance(answer, Refused) and answer.reason != "")


@pytest.mark.parametrize(
    ("alert_class", "priority", "waits"),
    [("physiological", "high", True), ("physiological", "medium", False), ("physiological", "low", False), ("technical", "high", False)],
)
def test_only_physiological_high_latches(alert_class: AlertClass, priority: Priority, waits: bool) -> None:
    assert latches(alert_class, priority) is waits


def test_what_gets_worse_is_active_whatever_it_was() -> None:
    assert {move(state, "worse") for state in STATES} == {"active"}


def test_a_closed_alert_takes_only_what_moves_nothing_or_is_on() -> None:
    moved = {event for event in EVENTS if move("closed", event) not in ("closed",) and not isinstance(move("closed", event), Refused)}
    assert moved == {"worse", "recurred"}


def test_an_end_never_leaves_an_alert_active() -> None:
    assert all(move(state, event) != "active" for state in STATES for event in ("ended", "ended_latched"))


def test_comments_and_notes_move_nothing() -> None:
    assert all(move(state, event) == state for state in STATES for event in ("comment", "note"))
