"""Random lives: whatever comes in whatever order, restarts included, the promises hold. VIGIL_TEST_LIVES asks for more of them."""

import os
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from alerts import clockwork, commands, findings
from alerts.case import Case, rebuild
from alerts.desk import Desk
from alerts.lifecycle import STATES
from tests.unit.alerts.stories import SITE, T0, command, finding
from vitals.alert import Action

LIVES = int(os.environ.get("VIGIL_TEST_LIVES", "60"))
RULES = ("limits", "baseline", "sepsis", "news2", "silence")
AGO = st.sampled_from((0, 0, 200_000))
PRIORITIES = ("high", "medium", "low")
ACTIONS: tuple[Action, ...] = ("acknowledge", "on_my_way", "at_bedside", "resolve", "shelve", "unshelve", "comment", "escalate")


class Lives(RuleBasedStateMachine):
    """One patient's alerts; the log is what the database would hold."""

    @initialize()
    def begin(self) -> None:
        self.now, self.number, self.log, self.keys = T0, 0, [], set[str]()
        self.desk = Desk(SITE)
        self.started: list[Any] = []
        self.taken: list[Any] = []

    def _flush(self) -> None:
        self.log += self.desk.changes
        ids = [page.id for page in self.desk.pages]
        assert len(ids) == len(set(ids))
        assert not self.keys & set(ids)
        self.keys |= set(ids)
        self.desk.changes, self.desk.pages = [], []

    @rule(name=st.sampled_from(RULES), priority=st.sampled_from(PRIORITIES), late=st.booleans(), step=st.integers(1, 400_000), ago=AGO)
    def starts(self, name: str, priority: Any, late: bool, step: int, ago: int) -> None:
        self.now += step
        one = finding(name, priority=priority, start=self.now - ago, at=self.now, retrospective=late, subject="")
        self.started.append(one)
        self._take(one)

    @rule(which=st.integers(0, 50), phase=st.sampled_from(("update", "end")), priority=st.sampled_from(PRIORITIES))
    def goes_on(self, which: int, phase: Any, priority: Any) -> None:
        if self.started:
            self.now += 1_000
            one = self.started[which % len(self.started)]
            self._take(msgspec.structs.replace(one, phase=phase, priority=priority, at=self.now))

    @rule(which=st.integers(0, 50))
    def is_said_again(self, which: int) -> None:
        if self.taken:
            before = len(self.desk.changes) + len(self.log)
            self._take(self.taken[which % len(self.taken)])
            assert len(self.desk.changes) + len(self.log) == before

    @rule(which=st.integers(0, 50), action=st.sampled_from(ACTIONS), until=st.integers(-1000, 3_600_000))
    def somebody_acts(self, which: int, action: Action, until: int) -> None:
        ids = [*self.desk.cases, "nothing"]
        self.number += 1
        commands.take(self.desk, command(ids[which % len(ids)], action, self.number, until=self.now + until), self.now)
        assert self.desk.answers[-1].command == f"c{self.number}"

    @rule(step=st.integers(1, 4_000_000))
    def time_passes(self, step: int) -> None:
        self.now += step
        due = [c for c in self.desk.cases.values() if c.memory.due_at is not None and c.memory.due_at <= self.now]
        for case in sorted(due, key=lambda one: one.memory.due_at or 0):
            clockwork.tick(self.desk, clockwork.Tick(case.alert.id), self.now)

    @rule()
    def the_worker_restarts(self) -> None:
        self._flush()
        fresh = Desk(SITE, owner=dict(self.desk.owner), answered=set(self.desk.answered))
        for case in self._rebuilt().values():
            fresh.keep(case)
        fresh.seen = {c.cause for c in self.log if c.cause is not None}
        self.desk = fresh

    def _take(self, one: Any) -> None:
        self.taken.append(one)
        findings.take(self.desk, one, self.now)

    def _rebuilt(self) -> dict[str, Case]:
        bodies: dict[str, list[Any]] = {}
        for made in (*self.log, *self.desk.changes):
            bodies.setdefault(made.case.alert.id, []).append(msgspec.json.decode(msgspec.json.encode(made.body)))
        return {alert: case for alert, told in bodies.items() if (case := rebuild(told)) is not None}

    @invariant()
    def states_are_legal(self) -> None:
        assert all(case.alert.state in STATES for case in getattr(self, "desk", Desk(SITE)).cases.values())

    @invariant()
    def rebuilding_gives_the_projection(self) -> None:
        if hasattr(self, "desk"):
            assert self._rebuilt() == self.desk.cases

    @invariant()
    def no_active_alert_is_unseen(self) -> None:
        for case in getattr(self, "desk", Desk(SITE)).cases.values():
            told = case.memory.pages > 0 or case.memory.due_at is not None
            calls_on = case.memory.due_at is not None or case.alert.priority == "low"
            assert case.alert.state != "active" or (told and calls_on), case

    @invariant()
    def nothing_stays_suppressed_by_what_covers_nothing(self) -> None:
        cases = getattr(self, "desk", Desk(SITE)).cases
        for case in cases.values():
            cover = cases.get(case.memory.covered_by or "")
            if case.alert.state == "suppressed" and cover is not None:
                assert cover.alert.state in ("active", "acknowledged", "suppressed"), (cover, case)

    @invariant()
    def versions_rise_by_one(self) -> None:
        if hasattr(self, "desk"):
            newest: dict[str, int] = {}
            for made in (*self.log, *self.desk.changes):
                assert made.case.alert.version == newest.get(made.case.alert.id, 0) + 1
                newest[made.case.alert.id] = made.case.alert.version


TestLives = pytest.mark.slow(Lives.TestCase)
TestLives.settings = settings(max_examples=LIVES, stateful_step_count=30, deadline=None)
