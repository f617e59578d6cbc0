"""A finding meets the desk: it raises an alert, adds to one, or ends one.

Promise: a finding taken before changes nothing; each other leaves exactly one event that carries its identity. A retrospective
finding (over before it could be known) makes a closed alert that never pages. An end of something never heard of is history too.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from alerts import gravity
from alerts.case import Case, Memory, with_alert, with_memory
from alerts.desk import Desk
from alerts.lifecycle import RANK, Event, Refused, latches, move
from alerts.pipeline import MINUTE_MS
from alerts.same import newest, same_as, shown_by, whole, with_those
from alerts.standing import awake
from vitals import canary
from vitals.alert import Alert, Delays, State
from vitals.finding import TOLD_AS, Finding

_KINDS: dict[Event, str] = {
    "update": "updated", "recurred": "deduplicated", "ended": "ended", "ended_latched": "ended", "worse": "worsened",
}  # fmt: skip


def identity(finding: Finding) -> str:
    """The identity of one record: the same in every repeat of it."""
    return f"{finding.id}:{finding.phase}:{finding.at}"


def take(desk: Desk, finding: Finding, now: int, partition: int = 0) -> None:
    """One finding."""
    cause = identity(finding)
    known = desk.cases.get(desk.owner.get(finding.id, finding.id))
    if cause in desk.seen:
        desk.counts["repeat"] += 1
    elif known is not None:
        _advance(desk, known, finding, now)
    else:
        _new(desk, finding, now, partition)


def _new(desk: Desk, finding: Finding, now: int, partition: int) -> None:
    case = raised(finding, now, partition, desk.beds.get(finding.patient, ""), desk.gateways.get(finding.subject))
    desk.starts[(finding.patient, finding.rule, finding.subject)] += 1
    if case.alert.state == "closed":
        desk.counts["retrospective"] += 1
        desk.put(None, case, {"reason": "over before it could be known"}, kind="raised", at=now, cause=identity(finding))
    else:
        same = same_as(case, desk.of(finding.patient))
        if same:
            return _merge(desk, same, finding, now)
        desk.counts["raised"] += 1
        desk.activate(None, case, kind="raised", at=now, cause=identity(finding))
    return desk.adopt(finding.id, finding.id)


def raised(finding: Finding, now: int, partition: int, bed: str, gateway: str | None = None) -> Case:
    """The alert that this finding makes. `gateway`: the one through which the device that it is about speaks."""
    over = finding.retrospective or finding.phase == "end"
    state: State = "closed" if over else "active"
    alert = Alert(
        id=finding.id, version=0, patient=finding.patient, ward=finding.ward, alert_class=finding.alert_class, priority=finding.priority,
        state=state, rule=finding.rule, rule_version=finding.rule_version, title=finding.title, subject=finding.subject,
        started_at=finding.started_at, ended_at=finding.ended_at if finding.ended_at is not None or not over else finding.at,
        retrospective=over, evidence=finding.evidence, delays=delays(finding, now),
    )  # fmt: skip
    memory = Memory(
        findings=() if over else (finding.id,),
        cause=cause_of(finding, gateway),
        began={finding.id: finding.started_at},
        grave={finding.id: finding.priority},
        bed=bed,
        partition=partition,
    )
    return Case(alert=alert, memory=memory)


def delays(finding: Finding, raised_at: int | None) -> Delays:
    """The first four of the eight times."""
    return Delays(sensor=finding.at, received=finding.received_at, detected=finding.detected_at, raised=raised_at)


def cause_of(finding: Finding, gateway: str | None = None) -> str:
    """What is paged as one: a patient's physiology; the silence of all devices of a gateway; each other technical fault by its own."""
    if finding.alert_class == "physiological":
        return "physiology"
    return f"gateway:{gateway}" if gateway and finding.rule == "silence" else f"{finding.rule}:{finding.subject}"


def _merge(desk: Desk, same: Sequence[Case], finding: Finding, now: int) -> None:
    """Into the first of these; that the others go on in it is said in each."""
    case, *over = same
    every = with_those(case, over)
    desk.counts["deduplicated"] += 1
    desk.adopt(finding.id, case.alert.id)
    began = newest({**every.memory.began, finding.id: finding.started_at})
    if finding.rule == "outage":
        finding = _wider(case, finding)
    first = min(every.alert.started_at, finding.started_at)
    case_after = with_memory(with_alert(every, started_at=first, ended_at=None), findings=(*case.memory.findings, finding.id), began=began)
    event: Event = "worse" if RANK[finding.priority] > RANK[case.alert.priority] else "recurred"
    _move(desk, case, _described(case_after, finding), event, finding, now, {"finding": finding.id})
    for one in over:
        note = {"reason": f"goes on in {case.alert.id}"}
        desk.put(one, with_memory(one, goes_on_in=case.alert.id), note, kind="updated", at=now, cause=None)


def _wider(case: Case, finding: Finding) -> Finding:
    """An outage that another detection worker told too, each of its own patients: one alert that names them all."""
    was, told = case.alert.evidence, finding.evidence
    both = {name: sorted({*was.get(name, ()), *told.get(name, ())}) for name in ("patients", "beds")}
    title = f"No data from {len(both['patients'])} patients: {finding.title.partition(': ')[2]}"
    devices = was.get("devices", 0) + told.get("devices", 0)
    return msgspec.structs.replace(finding, title=title, evidence=told | both | {"devices": devices})


def _advance(desk: Desk, case: Case, finding: Finding, now: int) -> None:
    event, after = _qualified(case, finding)
    if event == "worse" and case.alert.state == "closed":
        after = with_alert(after, retrospective=False)
        same = same_as(after, desk.open_of(finding.patient))
        if same:
            return _merge(desk, same, finding, now)
    return _move(desk, case, after, event, finding, now, _put_right(case.alert, after.alert, finding))


def _put_right(before: Alert, after: Alert, finding: Finding) -> dict[str, Any]:
    """Why an alert has another span, or is milder, than it was: for whoever reads what happened."""
    if _was_not(finding):
        return {"reason": "what came late does not show it"}
    if TOLD_AS in finding.evidence and after.priority != before.priority:
        graver = RANK[after.priority] > RANK[before.priority]
        return {"reason": f"what came late shows that it was {'graver' if graver else 'milder'}"}
    moved = after.started_at != before.started_at or (before.ended_at is not None and after.ended_at != before.ended_at)
    return {"reason": "what came late shows when it was"} if moved else {}


def _was_not(finding: Finding) -> bool:
    return finding.ended_at == finding.started_at and finding.phase != "start"


def _qualified(case: Case, finding: Finding) -> tuple[Event, Case]:
    """The lifecycle's event for this finding, and the case with what it says."""
    if finding.phase == "end":
        left = tuple(one for one in case.memory.findings if one != finding.id)
        after = _without_what_was_not(with_memory(case, findings=left, until=_until(case, finding)), finding)
        after, last = _over(after, finding, finding.ended_at or finding.at)
        if left:
            return "update", after
        ended = with_alert(after, ended_at=last)
        if case.alert.ended_at is not None:
            return "update", ended
        waits = latches(case.alert.alert_class, after.alert.priority) and case.alert.ward != canary.WARD  # there is nobody to look at it
        return ("ended_latched" if waits else "ended"), ended
    worse = RANK[finding.priority] > RANK[case.alert.priority] and not finding.retrospective
    after = _described(case, finding)
    if worse and finding.id not in case.memory.findings:
        after = with_memory(with_alert(after, ended_at=None, outcome=None), findings=(*case.memory.findings, finding.id))
    return ("worse" if worse else "update"), after


def _described(case: Case, finding: Finding) -> Case:
    """The newest evidence, where the patient is now, and how grave it is; what was not says nothing of what else there is."""
    left = _without_what_was_not(case, finding)
    if left is not case:
        case, last = _over(left, finding, finding.started_at)
        return case if case.alert.ended_at is None else with_alert(case, ended_at=last)
    case = with_memory(case, grave=gravity.each(case.memory.grave, finding))
    priority = gravity.of(case, finding)
    fields: dict[str, Any] = {"evidence": finding.evidence, "title": finding.title, "ward": finding.ward, "priority": priority}
    case = _begun(case, finding)
    if finding.phase == "update" and finding.ended_at is not None:  # a span that came out otherwise
        case, last = _over(case, finding, finding.ended_at)
        fields |= {} if case.alert.ended_at is None else {"ended_at": last}
    milder = priority == case.alert.priority and RANK[finding.priority] < RANK[priority]
    return case if case.alert.state == "closed" and milder else with_alert(case, **fields)


def _without_what_was_not(case: Case, finding: Finding) -> Case:
    """The case did not begin with what nothing shows any more, nor is it as grave, if it has other findings."""
    others = {one: at for one, at in case.memory.began.items() if one != finding.id}
    if not _was_not(finding) or not others:
        return case
    rest = {one: priority for one, priority in case.memory.grave.items() if one != finding.id}
    priority = gravity.put_right(case, rest, finding.id)
    return with_memory(with_alert(case, started_at=min(others.values()), priority=priority), began=others, grave=rest)


def _begun(case: Case, finding: Finding) -> Case:
    """A begin that came out otherwise, because something came late."""
    began = {**case.memory.began, finding.id: finding.started_at}
    if began == case.memory.began or not whole(case, began):
        return case
    return with_memory(with_alert(case, started_at=min(began.values())), began=began)


def _until(case: Case, finding: Finding) -> dict[str, int]:
    """When each device of the case was known to show it no more: to a minute, for which sample showed it hangs on what came when."""
    name, known = shown_by(finding.evidence), case.memory.until
    ended = finding.ended_at or finding.at
    at = ended + round((finding.at - ended) / MINUTE_MS) * MINUTE_MS
    return newest({one: when for one, when in known.items() if one != name} | {name: max(at, known.get(name, 0))})


def _over(case: Case, finding: Finding, at: int) -> tuple[Case, int]:
    """The case with when the condition of `finding` was over, and when the last of its findings was."""
    others = {one: when for one, when in case.memory.over.items() if one != finding.id}
    over = newest({**others, finding.id: at})
    return with_memory(case, over=over), max(over.values())


def _move(desk: Desk, before: Case, after: Case, event: Event, finding: Finding, now: int, note: dict[str, Any]) -> None:
    answer = move(before.alert.state, event)
    cause = identity(finding)
    if isinstance(answer, Refused):  # none of a finding's events is, today: were one, it is history
        desk.put(before, before, {"reason": answer.reason, **note}, kind="updated", at=now, cause=cause)
    elif answer == "active" and event in ("worse", "recurred") and (before.alert.state != "active" or event == "worse"):
        if event == "worse":  # whoever was reached knows of something milder
            after = with_memory(after, reached_at=None, worse_at=now)
        desk.activate(before, awake(after), kind=_KINDS[event], at=now, cause=cause)
    else:
        desk.put(before, with_alert(after, state=answer), note, kind=_KINDS[event], at=now, cause=cause)
