"""What is read once an hour moves in hours: what a person was called for speaks for the patient's next conditions."""

import msgspec
import pytest

from alerts.pipeline import GROUP_MS, HOUR_MS, SHIFT_MS
from tests.unit.alerts.stories import T0, command, desk, finding
from vitals.finding import AlertClass, Finding, Priority

HOURLY: dict[str, float | None] = {"every_s": 3600.0}
MONITORED: dict[str, float | None] = {"every_s": 1.0}
FIRST = finding(evidence=HOURLY)


def after(second: Finding, now: int, answered: bool = True) -> list[str]:
    """Who is called for once `FIRST` was, and was answered a minute later."""
    at = desk(FIRST, now=T0)
    if answered:
        desk(command(FIRST.id, "acknowledge"), now=T0 + 60_000, start=at)
    at.pages = []
    desk(second, now=now, start=at)
    return [page.alert for page in at.pages]


def another(priority: Priority, evidence: dict[str, float | None]) -> Finding:
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


def test_what_is_read_for_the_first_time_is_no_monitors() -> None:
    assert after(another("high", {"every_s": None}), T0 + HOUR_MS) == []


@pytest.mark.parametrize(("every_s", "calls"), [(119.9, 1), (120.0, 0)])
def test_what_comes_more_often_than_every_two_minutes_is_a_monitors(every_s: float, calls: int) -> None:
    assert len(after(another("high", {"every_s": every_s}), T0 + HOUR_MS)) == calls


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


def test_what_was_answered_speaks_for_what_covers_it() -> None:
    single = finding("news2-single", subject="", evidence=HOURLY)
    at = desk(single, command(single.id, "acknowledge"), now=T0)
    at.pages = []
    assert desk(finding("news2", subject="", start=T0 + HOUR_MS, evidence=HOURLY), now=T0 + HOUR_MS, start=at).pages == []


def when_the_cover_is_over(answered: bool, alert_class: AlertClass = "physiological") -> tuple[int, str]:
    """How many calls, and the state of what a medium alert covered, when that is over."""
    cover = finding("news2", subject="", priority="medium", alert_class=alert_class)
    under = finding("news2-single", subject="", priority="low")
    at = desk(cover, under, *([command(cover.id, "acknowledge")] if answered else []), now=T0)
    at.pages = []
    desk(msgspec.structs.replace(cover, phase="end", at=T0 + HOUR_MS, ended_at=T0 + HOUR_MS), now=T0 + HOUR_MS, start=at)
    return len(at.pages), at.cases[under.id].alert.state


def test_what_an_answered_alert_covered_was_answered_with_it() -> None:
    assert when_the_cover_is_over(answered=True) == (0, "acknowledged")


def test_what_nobody_answered_for_calls_when_its_cover_is_over() -> None:
    assert when_the_cover_is_over(answered=False) == (1, "active")


def test_what_a_technical_alert_covered_calls_whoever_answered_that() -> None:
    assert when_the_cover_is_over(answered=True, alert_class="technical") == (1, "active")
