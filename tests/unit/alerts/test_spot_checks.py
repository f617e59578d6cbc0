"""What is read once an hour moves in hours: what a person was called for speaks for the patient's next conditions."""

import pytest

from alerts.pipeline import GROUP_MS, HOUR_MS, SHIFT_MS
from tests.unit.alerts.stories import T0, command, desk, finding
from vitals.finding import Finding, Priority

HOURLY, MONITORED = {"every_s": 3600.0}, {"every_s": 1.0}
FIRST = finding(evidence=HOURLY)


def after(second: Finding, now: int, answered: bool = True) -> list[str]:
    """Who is called for once `FIRST` was, and was answered a minute later."""
    at = desk(FIRST, now=T0)
    if answered:
        desk(command(FIRST.id, "acknowledge"), now=T0 + 60_000, start=at)
    at.pages = []
    desk(second, now=now, start=at)
    return [page.alert for page in at.pages]


def another(priority: Priority, evidence: dict[str, float]) -> Finding:
    return finding(subject="spo2", priority=priority, start=T0 + HOUR_MS, evidence=evidence)


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("priority", ["high", "medium", "low"])
def test_within_a_shift_a_spot_check_joins_what_somebody_was_called_for(priority: Priority, answered: bool) -> None:
    assert after(another(priority, HOURLY), T0 + HOUR_MS, answered) == []


def test_a_high_calls_again_after_a_shift() -> None:
    second = another("high", HOURLY)
    assert after(second, T0 + SHIFT_MS) == [second.id]


def test_what_is_milder_joins_for_as_long_as_the_answered_alert_is_open() -> None:
    assert after(another("medium", HOURLY), T0 + 3 * SHIFT_MS) == []


def test_a_monitored_high_calls_whatever_else_was_answered() -> None:
    second = another("high", MONITORED)
    assert after(second, T0 + 2 * 60_000) == [second.id]


@pytest.mark.parametrize(("now", "calls"), [(T0 + 2 * 60_000, 0), (T0 + GROUP_MS, 1)])
def test_a_monitored_milder_condition_joins_whoever_answered_just_now(now: int, calls: int) -> None:
    assert len(after(another("medium", MONITORED), now)) == calls


def test_what_joined_is_looked_at_again_after_a_shift() -> None:
    at = desk(FIRST, another("medium", HOURLY), now=T0)
    assert sorted(case.memory.due_at - T0 for case in at.cases.values() if case.memory.due_at and case.memory.joined) == [SHIFT_MS]


def test_grown_worse_than_what_was_paged_calls_at_once() -> None:
    medium = finding(priority="medium", evidence=HOURLY)
    at = desk(medium, now=T0)
    desk(command(medium.id, "acknowledge"), now=T0 + 60_000, start=at)
    at.pages = []
    worse = finding(subject="spo2", start=T0 + HOUR_MS, evidence=HOURLY)
    assert [page.alert for page in desk(worse, now=T0 + HOUR_MS, start=at).pages] == [worse.id]


def test_a_score_covers_a_milder_combination_of_its_inputs() -> None:
    at = desk(finding("news2", subject="", priority="medium"), finding("combination", subject="shock index", priority="low"), now=T0)
    assert sorted(case.alert.state for case in at.cases.values()) == ["active", "suppressed"]
