"""Which of a patient's conditions was told first changes nothing in the alerts that are made of them, in the end."""

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts import findings
from alerts.desk import Desk
from tests.unit.alerts.stories import SITE, T0, finding
from vitals.finding import Finding

S = 1_000
CLEAR_S = 60
Told = tuple[int, Finding]

DEVICE = st.lists(st.tuples(st.integers(1, 240), st.integers(60, 300)), min_size=1, max_size=4)
"""Of one device: (how long after the last was known to be over it began, how long it was on), s."""
PRIORITY = st.sampled_from(("high", "medium", "low"))


def of_device(name: str, course: list[tuple[int, int]], wait_s: int, priority: Any) -> list[Told]:
    """(when it can be told, what): each condition once it stood for so long, and once it was gone for so long."""
    told, known = [], 0
    for calm, on in course:
        start, ended = known + calm, known + calm + on
        known = ended + CLEAR_S
        said = {"start": T0 + start * S, "priority": priority, "id": f"{name}-{start}", "evidence": {"device": name}}
        told.append((start + wait_s, finding(**said, at=T0 + (start + wait_s) * S)))
        told.append((known, finding(**said, phase="end", at=T0 + known * S, ended_at=T0 + ended * S)))
    return told


def alerts(told: list[Told]) -> Counter[tuple[int, int | None, str, str]]:
    """How often there is an alert of this (start, end, priority, state) in the end, but for what goes on in another."""
    desk = Desk(SITE)
    for at, one in sorted(told, key=lambda pair: pair[0]):
        findings.take(desk, one, T0 + at * S)
    made = [case.alert for case in desk.cases.values() if case.memory.goes_on_in is None]
    return Counter((a.started_at, a.ended_at, a.priority, a.state) for a in made)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(wait_s=st.sampled_from((0, 30, 60)), devices=st.lists(st.tuples(DEVICE, PRIORITY), min_size=2, max_size=3), late=st.data())
def test_which_of_several_devices_is_heard_first_changes_no_alert(wait_s: int, devices: Any, late: Any) -> None:
    courses = [of_device(f"d{n}", course, wait_s, priority) for n, (course, priority) in enumerate(devices)]
    delayed = []
    for course in courses:  # of one device in order, each up to a minute late, and shown by another sample
        now = 0
        for at, one in course:
            now = max(now, at + late.draw(st.integers(0, 60)))
            shown = one.at + late.draw(st.integers(-25, 25)) * S
            delayed.append((now, msgspec.structs.replace(one, at=shown)))
    assert alerts(delayed) == alerts([one for course in courses for one in course])
