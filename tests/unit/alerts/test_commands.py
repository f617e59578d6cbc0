"""What a person does to an alert, and what the lifecycle refuses."""

from typing import Any

import pytest

from alerts.clockwork import Tick
from tests.unit.alerts.stories import T0, command, desk, finding, only
from vitals.alert import Action

ID = finding().id
MINUTE = 60_000
OVER = finding(phase="end", at=T0 + 9, ended_at=T0 + 9)


@pytest.mark.parametrize(
    ("action", "more", "state"),
    [
        ("acknowledge", {}, "acknowledged"), ("on_my_way", {}, "acknowledged"), ("at_bedside", {}, "acknowledged"),
        ("resolve", {"outcome": "treated"}, "closed"), ("shelve", {"until": T0 + MINUTE}, "shelved"),
        ("comment", {"comment": "x"}, "active"), ("escalate", {}, "active"),
    ],
)  # fmt: skip
def test_an_active_alert_takes(action: Action, more: dict[str, Any], state: str) -> None:
    made = desk(finding(), command(ID, action, **more))
    assert (only(made).alert.state, made.answers[0].accepted) == (state, True)


@pytest.mark.parametrize(
    ("before", "action", "more", "reason"),
    [
        ((command(ID, "acknowledge", 1),), "acknowledge", {}, "already_acknowledged"),
        ((command(ID, "resolve", 1),), "acknowledge", {}, "closed"),
        ((command(ID, "at_bedside", 1),), "on_my_way", {}, "step_back"),
        ((), "shelve", {}, "bad_until"),
        ((), "shelve", {"until": T0}, "bad_until"),
        ((), "shelve", {"until": T0 + 25 * 60 * MINUTE}, "bad_until"),
        ((), "unshelve", {}, "not_shelved"),
        ((OVER,), "shelve", {"until": T0 + MINUTE}, "condition_over"),
        ((), "acknowledge", {"patient": "p2"}, "other_patient"),
    ],
)
def test_the_lifecycle_refuses_by_name(before: tuple[object, ...], action: Action, more: dict[str, Any], reason: str) -> None:
    made = desk(finding(), *before, command(ID, action, **more))
    assert (made.answers[-1].accepted, made.answers[-1].reason) == (False, reason)


def test_an_unknown_alert_is_refused() -> None:
    assert desk(command("nothing", "acknowledge")).answers[0].reason == "unknown_alert"


def test_acknowledging_a_returned_alert_closes_it() -> None:
    assert only(desk(finding(), OVER, command(ID, "acknowledge"))).alert.state == "closed"


def test_who_acknowledged_first_and_when_is_kept() -> None:
    alert = only(desk(finding(), command(ID, "acknowledge", 1), command(ID, "at_bedside", 2))).alert
    assert (alert.acknowledged_by, alert.delays.acknowledged, alert.step) == ("nina", T0 + 100, "at_bedside")


def test_a_repeated_command_is_answered_once() -> None:
    assert len(desk(finding(), command(ID, "acknowledge"), command(ID, "acknowledge")).answers) == 1


def test_an_acknowledged_alert_wants_no_waiting_pages() -> None:
    made = desk(finding(), command(ID, "acknowledge"))
    assert (made.pages, made.silenced) == ([], {ID})


def test_a_shelf_ends_by_itself_and_pages() -> None:
    made = desk(finding(), command(ID, "shelve", until=T0 + MINUTE))
    desk(Tick(ID), now=T0 + MINUTE, start=made)
    assert (only(made).alert.state, only(made).alert.shelved_until, len(made.pages)) == ("active", None, 1)


def test_an_acknowledged_and_forgotten_alert_pages_again() -> None:
    made = desk(finding(), command(ID, "acknowledge"))
    desk(Tick(ID), now=T0 + 100 + 15 * MINUTE, start=made)
    assert (only(made).alert.state, [c.kind for c in made.changes][-1], len(made.pages)) == ("active", "step_overdue", 1)


def test_nothing_happens_before_its_time() -> None:
    made = desk(finding(), command(ID, "acknowledge"))
    assert len(desk(Tick(ID), now=T0 + 200, start=made).changes) == 2
