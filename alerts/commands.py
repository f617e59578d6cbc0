"""A command meets the desk: what a person wants done to an alert, and whether the lifecycle allows it.

Promise: every command is answered once, accepted or with a named refusal; a repeat (same id) changes nothing.
Refusals: `unknown_alert`, `other_patient`, and those of the lifecycle: `closed`, `already_acknowledged`, `step_back`, `bad_until`,
`not_shelved`, `condition_over`.
"""

import msgspec

from alerts.case import Case, with_alert
from alerts.desk import Answer, Desk
from alerts.lifecycle import LONGEST_SHELF_MS, STEPS, Event, Refused, latches, move
from alerts.standing import awake
from vitals.alert import Action, Command

_KINDS: dict[Action, str] = {
    "acknowledge": "acknowledged", "on_my_way": "on_my_way", "at_bedside": "at_bedside", "resolve": "resolved", "shelve": "shelved",
    "unshelve": "unshelved", "comment": "commented", "escalate": "escalated",
}  # fmt: skip


def take(desk: Desk, command: Command, now: int) -> None:
    """One command."""
    if command.id in desk.answered:
        desk.counts["repeat"] += 1
        return
    desk.answered.add(command.id)
    reason = _apply(desk, desk.cases.get(command.alert), command, now)
    desk.counts["accepted" if reason == "" else "refused"] += 1
    desk.answers.append(Answer(command.id, command.alert, reason == "", reason))


def _apply(desk: Desk, case: Case | None, command: Command, now: int) -> str:
    if case is None:
        return "unknown_alert"
    if case.alert.patient != command.patient:
        return "other_patient"
    event = qualified(case, command, now)
    answer = move(case.alert.state, event)
    if isinstance(answer, Refused):
        return answer.reason
    after = with_alert(_said(case, command, now), state=answer)
    note = {"reason": _reason(command), **({"comment": command.comment} if command.comment else {})}
    kind, cause = _KINDS[command.action], f"command:{command.id}"
    if answer == "active" and event in ("escalate", "resume_present"):
        rung = case.memory.rung + 1 if event == "escalate" else 0
        desk.activate(case, awake(after), kind=kind, at=now, cause=cause, actor=command.actor, rung=rung)
    else:
        desk.put(case, after, note, kind=kind, at=now, cause=cause, actor=command.actor)
    return ""


def qualified(case: Case, command: Command, now: int) -> Event:
    """The lifecycle's event for this command on this case."""
    if command.action in ("on_my_way", "at_bedside"):
        return "step_back" if STEPS.index(command.action) < STEPS.index(case.alert.step) else "step"
    if command.action == "acknowledge":
        return "acknowledge" if case.alert.ended_at is None else "acknowledge_over"
    if command.action == "shelve":
        good = command.until is not None and now < command.until <= now + LONGEST_SHELF_MS
        return "shelve" if good else "shelve_badly"
    if command.action == "unshelve":
        return resumed(case)
    plain: dict[Action, Event] = {"resolve": "resolve", "comment": "comment", "escalate": "escalate"}
    return plain[command.action]


def resumed(case: Case) -> Event:
    """What the end of a shelf is for this case."""
    alert = case.alert
    if alert.ended_at is not None:
        waits = latches(alert.alert_class, alert.priority) and alert.acknowledged_by is None
        return "resume_latched" if waits else "resume_over"
    return "resume_present" if alert.acknowledged_by is None else "resume_acknowledged"


def _said(case: Case, command: Command, now: int) -> Case:
    """The case with what the command says, but for its state."""
    alert = case.alert
    if command.action in ("acknowledge", "on_my_way", "at_bedside", "resolve"):
        by = alert.acknowledged_by or command.actor
        first = alert.delays.acknowledged or now
        delays = msgspec.structs.replace(alert.delays, acknowledged=first, seen=alert.delays.seen or now)
        step = {"acknowledge": alert.step, "resolve": "resolved"}.get(command.action, command.action)
        outcome = command.outcome if command.action == "resolve" else alert.outcome
        return with_alert(case, acknowledged_by=by, delays=delays, step=step, outcome=outcome, shelved_until=None)
    if command.action == "shelve":
        return with_alert(case, shelved_until=command.until, reason=command.comment or "")
    return with_alert(case, shelved_until=None) if command.action == "unshelve" else case


def _reason(command: Command) -> str:
    words = {"resolve": f"resolved: {command.outcome or 'no outcome given'}", "shelve": f"shelved until {command.until}"}
    return words.get(command.action, command.action)
