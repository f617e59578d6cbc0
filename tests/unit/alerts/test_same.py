"""What began while the same was known to be on is of its alert, also where it is told after that one was over."""

from typing import Any

import msgspec
import pytest

from alerts.desk import Desk
from alerts.pipeline import FLAPS
from tests.unit.alerts.stories import T0, command, desk, finding, only
from vitals.finding import Finding, Priority

S = 1_000
OVER, KNOWN = T0 + 200 * S, T0 + 260 * S


def one(**more: Any) -> list[Finding]:
    """A condition that was on for 200 s, which was known a minute later."""
    return [
        finding(**{"priority": "medium"} | more),
        finding(**{"priority": "medium"} | more | {"phase": "end", "at": KNOWN, "ended_at": OVER}),
    ]


def other(start: int = T0 + 100 * S, **more: Any) -> Finding:
    """The same of another device, told after the one is over."""
    return finding(**{"priority": "medium", "start": start, "at": start + 180 * S} | more)


def alerts(*steps: object) -> list[tuple[int, int | None, str]]:
    """(start, end, state) of each alert, times in s."""
    told = [case.alert for case in desk(*steps).cases.values()]
    return [((a.started_at - T0) // S, a.ended_at and (a.ended_at - T0) // S, a.state) for a in told]


def test_told_after_it_was_over_it_goes_on_in_its_alert() -> None:
    assert alerts(*one(), other()) == [(0, None, "active")]


def test_it_ends_with_the_last_of_them() -> None:
    end = other(phase="end", at=T0 + 500 * S, ended_at=T0 + 400 * S, start=T0 + 100 * S)
    assert alerts(*one(), other(), end) == [(0, 400, "closed")]


def test_it_makes_no_difference_which_of_them_is_told_first() -> None:
    end = other(phase="end", at=T0 + 500 * S, ended_at=T0 + 400 * S)
    assert alerts(other(), *one(), end) == alerts(*one(), other(), end)


def test_whoever_can_be_called_is_called_again() -> None:
    assert [page.kind for page in desk(*one(), other()).pages] == ["deduplicated"]


def test_what_happened_says_that_it_is_the_same() -> None:
    assert [change.kind for change in desk(*one(), other()).changes] == ["raised", "ended", "deduplicated"]


@pytest.mark.parametrize(("start", "number"), [(KNOWN - 1, 1), (KNOWN, 2)])
def test_what_begins_once_that_is_known_to_be_over_is_new(start: int, number: int) -> None:
    assert len(alerts(*one(), other(start))) == number


@pytest.mark.parametrize(("device", "number"), [("a", 2), ("b", 1)], ids=["the same device", "another"])
def test_what_another_device_shows_a_moment_later_may_be_told_while_that_is_on_its_way(device: str, number: int) -> None:
    assert len(alerts(*one(evidence={"device": "a"}), other(KNOWN + 90 * S - 1, evidence={"device": device}))) == number


def test_a_moment_is_as_late_as_anything_may_be() -> None:
    assert len(alerts(*one(evidence={"device": "a"}), other(KNOWN + 90 * S, evidence={"device": "b"}))) == 2


@pytest.mark.parametrize("by", [-29 * S, 29 * S])
def test_which_sample_showed_that_it_was_over_makes_no_difference(by: int) -> None:
    told, end = one()
    assert [len(alerts(told, msgspec.structs.replace(end, at=KNOWN + by), other(at))) for at in (KNOWN - 1, KNOWN)] == [1, 2]


@pytest.mark.parametrize("unlike", [{"patient": "p2"}, {"rule": "baseline"}, {"subject": "rr"}])
def test_of_another_patient_rule_or_vital_it_is_new(unlike: dict[str, Any]) -> None:
    assert len(alerts(*one(), other(**unlike))) == 2


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
def test_what_a_person_answered_is_not_opened_again(action: Any) -> None:
    first, end = one()
    assert [state for _, _, state in alerts(first, command(first.id, action), end, other())] == ["closed", "active"]


def test_what_was_over_before_it_could_be_known_stays_history() -> None:
    assert [state for _, _, state in alerts(finding(retrospective=True, ended_at=OVER), other())] == ["closed", "active"]


def test_what_is_technical_begins_anew() -> None:
    lost = {"alert_class": "technical", "rule": "silence"}
    assert len(alerts(*one(**lost), other(**lost))) == 2


@pytest.mark.parametrize("priority", ["medium", "high"])
def test_nothing_goes_on_in_what_was_withdrawn(priority: Priority) -> None:
    never = finding(phase="end", priority=priority, at=T0 + 5, ended_at=T0)
    assert alerts(finding(priority=priority), never, other())[1] == (100, None, "active")


def between(**more: Any) -> list[Finding]:
    """The same, begun once that was known to be over, and told before what links the two."""
    return one(start=KNOWN + S, **more)


def test_of_several_that_are_over_it_goes_on_in_the_last() -> None:
    later, end = between()
    ended = msgspec.structs.replace(end, at=KNOWN + 300 * S, ended_at=KNOWN + 240 * S)
    assert alerts(*one(), later, ended, other()) == [(0, 200, "closed"), (0, None, "active")]


def test_in_one_that_is_on_both_go_on() -> None:
    assert alerts(*one(), between()[0], other()) == [(0, 200, "closed"), (0, None, "active")]


def test_and_what_happened_says_so() -> None:
    on = between()[0]
    made = desk(*one(), on, other())
    assert (made.changes[-1].case.alert.id, made.changes[-1].body["reason"]) == (finding().id, f"goes on in {on.id}")


def test_it_is_as_grave_as_the_gravest_was() -> None:
    made = desk(*one(), between(priority="low")[0], other(priority="low"))
    assert [case.alert.priority for case in made.cases.values()] == ["medium", "medium"]


def test_who_was_called_for_it_is_not_called_again() -> None:
    assert desk(*one(), between()[0], other()).counts["page"] == 2


def test_it_began_with_that_though_what_took_it_up_was_not() -> None:
    on = between()[0]
    never = msgspec.structs.replace(on, phase="end", at=KNOWN + 9 * S, ended_at=on.started_at)
    assert alerts(*one(), on, other(), never)[1] == (0, None, "active")


def test_what_went_on_elsewhere_goes_on_nowhere_else() -> None:
    on, end = between()
    again = other(T0 + 50 * S, id="again")
    made = desk(*one(), on, other(), end, again)
    assert [case.memory.goes_on_in for case in made.cases.values()] == [on.id, None]


def test_it_ends_with_the_last_of_all_of_them() -> None:
    on, end = between()
    ended = [msgspec.structs.replace(end, at=T0 + 900 * S, ended_at=T0 + 800 * S), other(phase="end", ended_at=T0 + 700 * S)]
    assert alerts(*one(), on, other(), *ended)[1] == (0, 800, "closed")


def begun(times: int) -> Desk:
    """A condition of two devices that is on so often, now of one and now of the other, each time before the last was known to be over."""
    made = desk()
    for n in range(times):
        start = T0 + n * 150 * S
        told = finding(priority="medium", start=start, at=start + 200 * S)
        end = finding(priority="medium", start=start, phase="end", at=start + 210 * S, ended_at=start + 140 * S)
        desk(told, end, start=made, now=start + 220 * S)
    return made


def test_it_is_one_alert_however_often() -> None:
    assert only(begun(6)).alert.started_at == T0


def test_what_comes_and_goes_like_that_is_held_as_flapping() -> None:
    assert begun(6).counts["page"] == FLAPS - 1
