"""How a case stands after what happened to it: awake, as the pipeline leaves it, and when time itself changes it next.

In: a case, and what was decided. Out: the case after it. Times ms.
"""

from collections.abc import Mapping

from alerts.case import Case, with_alert, with_memory
from alerts.lifecycle import STEPS
from alerts.pipeline import MINUTE_MS, Verdict
from vitals.alert import State
from vitals.finding import Priority

# How long a person has for each step before the alert is active again. This project's choice (unchecked). None: no limit.
STEP_LIMIT_MS: Mapping[Priority, Mapping[str, int | None]] = {
    "high": {"": 15 * MINUTE_MS, "on_my_way": 10 * MINUTE_MS, "at_bedside": 60 * MINUTE_MS},
    "medium": {"": 60 * MINUTE_MS, "on_my_way": 30 * MINUTE_MS, "at_bedside": 120 * MINUTE_MS},
    "low": {"": None, "on_my_way": 120 * MINUTE_MS, "at_bedside": None},
}


def awake(case: Case) -> Case:
    """The case made active, its ladder begun anew."""
    fresh = with_alert(case, state="active", acknowledged_by=None, step="", shelved_until=None, reason="")
    return with_memory(fresh, covered_by=None, joined=None)


def settled(case: Case, verdict: Verdict) -> Case:
    """The case as the pipeline's verdict leaves it."""
    if verdict.go == "suppress":
        due = {"due_at": verdict.until, "due_for": "" if verdict.until is None else "pause"}
        return with_memory(with_alert(case, state="suppressed", reason=verdict.reason), covered_by=verdict.by, **due)
    if verdict.go in ("join", "merge"):
        return with_memory(case, joined=verdict.by, due_at=verdict.until, due_for="rung")
    if verdict.go == "hold":
        return with_memory(case, due_at=verdict.until, due_for="wait")
    return case


def timed(before: Case | None, after: Case, now: int) -> Case:
    """The case with the time at which time itself changes it next, where its state or step decides that."""
    state, alert = after.alert.state, after.alert
    if before is not None and (state, alert.step, alert.shelved_until) == _standing(before):
        return after
    if state == "shelved":
        return with_memory(after, due_at=alert.shelved_until, due_for="shelf")
    if state == "acknowledged":
        limit = STEP_LIMIT_MS[alert.priority][alert.step if alert.step in STEPS[:3] else ""]
        return with_memory(after, due_at=None if limit is None else now + limit, due_for="" if limit is None else "step")
    if state in ("active", "suppressed"):
        return after
    return with_memory(after, due_at=None, due_for="")


def _standing(case: Case) -> tuple[State, str, int | None]:
    return (case.alert.state, case.alert.step, case.alert.shelved_until)
