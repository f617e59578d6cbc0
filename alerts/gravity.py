"""How grave an alert is: as the gravest of its findings is known to be.

In: the case and what is told. Out: each finding's priority, and the alert's. Promise: a milder phase does not hide what was; what was
told as graver than it was, or was not at all, makes the alert milder, unless another of its findings is as grave.
"""

from collections.abc import Mapping

from alerts.case import Case
from alerts.lifecycle import gravest
from alerts.same import newest, whole
from vitals.finding import TOLD_AS, Finding, Priority


def each(known: Mapping[str, Priority], finding: Finding) -> dict[str, Priority]:
    """The priority of each finding by id, with what this one says: the highest of its phases, or what it was put right to."""
    put_right = TOLD_AS in finding.evidence
    own = finding.priority if put_right else gravest((finding.priority, known.get(finding.id, "low")))
    others = {one: priority for one, priority in known.items() if one != finding.id}
    return newest({**others, finding.id: own})


def of(case: Case, finding: Finding) -> Priority:
    """The alert's priority after this finding, which is in the case's `grave` already."""
    least = put_right(case, case.memory.grave) if TOLD_AS in finding.evidence else case.alert.priority
    return gravest((least, finding.priority))


def put_right(case: Case, grave: Mapping[str, Priority], but: str = "") -> Priority:
    """The gravest of these, if they are all that is in the case but for `but`; else as it was."""
    return gravest(grave.values()) if grave and whole(case, grave, but) else case.alert.priority
