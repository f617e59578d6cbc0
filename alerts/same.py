"""Whether what is told is of a condition that has its alert already, whichever of the two was told first.

In: the case that a finding would make; the patient's cases. Out: those that it belongs to, open or closed by themselves, nobody having
answered. Promise: what began before the same was known to be over is of that alert, whether it is told before or after that; so is what
another device shows a moment later, which may be told while that is still on its way. What is technical is about what came and when:
once over, it begins anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from alerts.case import Case, with_alert, with_memory
from alerts.lifecycle import gravest

V = TypeVar("V")
REMEMBERED = 8
"""How many of its findings' begins and ends a case remembers."""
LATE_MS = 90_000
"""How much later than in order it may be told that something is over: a minute on the way, and until the batch was judged."""


def same_as(case: Case, cases: Iterable[Case]) -> list[Case]:
    """Those that this one shows to be one: the open one first, then what is over, the last first. Empty: it is new."""
    same = [one for one in cases if _same(one, case)]
    lately = [one for one in same if _by_itself(one) and _began_in(one, case)]
    still = [one for one in same if one.alert.state != "closed"]
    return still + sorted(lately, key=lambda one: one.alert.started_at, reverse=True)


def with_those(case: Case, over: Sequence[Case]) -> Case:
    """The case with what others were that go on in it: it began with the first of them, and is as grave as the gravest was."""
    if not over:
        return case
    every = (*over, case)
    began = {finding: at for one in every for finding, at in one.memory.began.items()}
    ends = {finding: at for one in every for finding, at in one.memory.over.items()}
    grave = {finding: priority for one in every for finding, priority in one.memory.grave.items()}
    known = sorted((at, device) for one in every for device, at in one.memory.until.items())
    until = {device: at for at, device in known}
    first, priority = min(one.alert.started_at for one in every), gravest(one.alert.priority for one in every)
    joined = with_alert(case, started_at=first, priority=priority)
    return with_memory(joined, began=newest(began), over=newest(ends), grave=newest(grave), until=newest(until))


def shown_by(evidence: Mapping[str, Any]) -> str:
    """The device whose values show it; "" where it is no single one's."""
    return str(evidence.get("device") or "")


def newest(of: Mapping[str, V]) -> dict[str, V]:
    """The last told of them, as many as are remembered."""
    return dict([*of.items()][-REMEMBERED:])


def whole(case: Case, known: Mapping[str, object], but: str = "") -> bool:
    """Whether these are all findings of the case but for `but`: not where there were more than are surely remembered."""
    memory = case.memory
    return {*memory.findings, *memory.over} - {but} <= known.keys() and len(memory.began) < REMEMBERED


def withdrawn(case: Case) -> bool:
    """What came late does not show it: it is over where it began. It may still wait for whoever was called, but it never was."""
    return case.alert.ended_at == case.alert.started_at


def _same(other: Case, case: Case) -> bool:
    same = (other.alert.rule, other.alert.subject) == (case.alert.rule, case.alert.subject)
    return same and other.alert.id != case.alert.id and not withdrawn(other)


def _by_itself(case: Case) -> bool:
    """Whether it closed by itself while live; nobody answered it, and it goes on in no other."""
    untouched = case.alert.acknowledged_by is None and case.memory.goes_on_in is None
    return case.alert.state == "closed" and not case.alert.retrospective and untouched


def _began_in(over: Case, case: Case) -> bool:
    """Whether it began before the other was known to be over: of one device that is told in order, of another maybe late."""
    name = shown_by(case.alert.evidence)
    known = [at if one == name else at + LATE_MS for one, at in over.memory.until.items()]
    return case.alert.alert_class == "physiological" and case.alert.started_at < max(known, default=0)
