"""Time and receipts meet the desk: shelves end, steps run out, the next person is called; what became of a page is noted.

Promise: an alert is never made due without an answer here; every tick leaves an event with its reason, or nothing where the case has
moved on since. The tick's cause names the version that was due, so two workers cannot both take it.
"""

from dataclasses import dataclass

import msgspec

from alerts.case import Case, with_alert, with_memory
from alerts.commands import resumed
from alerts.desk import Desk
from alerts.lifecycle import Refused, move
from alerts.standing import awake
from vitals.alert import Delays


@dataclass(frozen=True, slots=True)
class Tick:
    """An alert whose time has come."""

    alert: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a page. `state`: delivered, failed, cancelled or (a person opened it) seen. `at` ms."""

    page: str
    alert: str
    state: str
    channel: str
    person: str
    sent_at: int | None
    at: int
    error: str = ""


def tick(desk: Desk, due: Tick, now: int) -> None:
    """One alert that is due."""
    case = desk.cases.get(due.alert)
    if case is None or case.memory.due_at is None or case.memory.due_at > now:
        return
    cause = f"{case.memory.due_for}:{case.alert.id}:{case.alert.version}"
    _DUE[case.memory.due_for](desk, with_memory(case, due_at=None, due_for=""), case, now, cause)


def _rung(desk: Desk, case: Case, before: Case, now: int, cause: str) -> None:
    if case.alert.state != "active":
        desk.put(before, case, {"reason": "no longer active"}, kind="noted", at=now, cause=cause)
        return
    kind = "joined_page" if case.memory.joined else "unanswered"
    desk.activate(before, with_memory(case, joined=None), kind=kind, at=now, cause=cause, rung=case.memory.rung + 1)


def _step(desk: Desk, case: Case, before: Case, now: int, cause: str) -> None:
    answer = move(case.alert.state, "overdue")
    if answer == "active":
        desk.activate(before, awake(case), kind="step_overdue", at=now, cause=cause)
    else:
        desk.put(before, case, {"reason": "no longer acknowledged"}, kind="noted", at=now, cause=cause)


def _shelf(desk: Desk, case: Case, before: Case, now: int, cause: str) -> None:
    answer = move(case.alert.state, resumed(case))
    free = with_alert(case, shelved_until=None)
    if isinstance(answer, Refused):
        desk.put(before, case, {"reason": answer.reason}, kind="noted", at=now, cause=cause)
    elif answer == "active":
        desk.activate(before, awake(free), kind="shelf_ended", at=now, cause=cause)
    else:
        desk.put(before, with_alert(free, state=answer), {"reason": "the shelf ended"}, kind="shelf_ended", at=now, cause=cause)


def _pause(desk: Desk, case: Case, before: Case, now: int, cause: str) -> None:
    if move(case.alert.state, "release") == "active":
        desk.activate(before, awake(case), kind="released", at=now, cause=cause)
    else:
        desk.put(before, case, {"reason": "no longer suppressed"}, kind="noted", at=now, cause=cause)


def _wait(desk: Desk, case: Case, before: Case, now: int, cause: str) -> None:
    if case.alert.state != "active":
        desk.put(before, case, {"reason": "no longer active"}, kind="noted", at=now, cause=cause)
    else:
        desk.activate(before, case, kind="waited", at=now, cause=cause, rung=case.memory.rung + 1)


_DUE = {"rung": _rung, "wait": _wait, "step": _step, "shelf": _shelf, "pause": _pause}


def receipt(desk: Desk, got: Receipt, now: int) -> None:
    """One page's outcome: onto the timeline and into the delays; a page nobody got lets the next person be called at once."""
    case, cause = desk.cases.get(got.alert), f"page:{got.page}:{got.state}"
    if case is None or cause in desk.seen:
        return
    after = with_alert(case, delays=_delays(case.alert.delays, got))
    if got.state == "failed" and case.alert.state == "active" and case.memory.due_for == "rung":
        after = with_memory(after, due_at=now)
    if got.state in ("delivered", "seen") and (got.sent_at or got.at) > (case.memory.worse_at or 0):
        after = with_memory(after, reached_at=got.at)
    note = {"page": got.page, "channel": got.channel, "person": got.person, "reason": got.error or got.state}
    desk.put(case, after, note, kind=f"page_{got.state}", at=got.at, cause=cause)


def _delays(delays: Delays, got: Receipt) -> Delays:
    if got.state == "seen":
        return msgspec.structs.replace(delays, seen=delays.seen or got.at, sent=delays.sent or got.sent_at)
    if got.state != "delivered":
        return delays
    return msgspec.structs.replace(delays, sent=delays.sent or got.sent_at or got.at, delivered=delays.delivered or got.at)
