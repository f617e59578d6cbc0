"""Rules that change while conditions run: whose rule stays goes on, whose rule is gone ends, and nothing takes over another's."""

import msgspec
import numpy as np
import pytest

from streams.detect import checkpoint
from streams.detect.channels import CHANNELS, COMBINATION
from streams.detect.memory import Backlog, empty
from streams.detect.ruled import sources_of, take_up
from streams.detect.rules import columns
from streams.detect.step import step
from tests.unit.streams.detect.readings import T0, batch
from vitals.combination import Expression
from vitals.registry import index
from vitals.rule_forms import CombinationRule
from vitals.rules import default

HR, RR = index("hr"), index("rr")


def combination(of, high):
    return CombinationRule(title="t", source="s", of=of, high=high, wait_s=(60, 60), clear_s=60, priority=("high", "high"))


A = combination(Expression(ratio=("hr", "sbp")), (1.0, 1.3))
B = combination(Expression(ratio=("rr", "spo2")), (0.4, 0.5))


def rules(version=1, without=(), **combinations):
    limits = {name: limit for name, limit in default().limits.items() if name not in without}
    return msgspec.structs.replace(default(), version=version, limits=limits, combinations=combinations)


BOTH, NONE = rules(A=A, B=B), rules(version=2)
FAST = {"hr": 150.0, "sbp": 100.0, "rr": 16.0, "spo2": 97.0}
FASTER, WELL = FAST | {"rr": 60.0}, {"hr": 80.0, "sbp": 120.0, "rr": 16.0, "spo2": 97.0}


def said(m, first, n, values, *names):
    found = step(m, batch([("p", "d", i, T0 + i * 1000, values) for i in range(first, first + n)]), T0)
    return told(found, *names)


def told(found, *names):
    return [(f.subject, f.phase, f.id) for f in found if f.rule in names or f.subject in names]


def test_a_combination_that_is_gone_ends_and_the_next_one_does_not_take_it_over():
    m = empty(BOTH)
    before = said(m, 0, 300, FAST, "combination")
    ended = told(take_up(m, rules(version=2, B=B), T0 + 300_000), "combination")
    after = said(m, 300, 900, FAST, "combination")
    assert ([x[:2] for x in before], ended, after) == ([("A", "start")], [("A", "end", before[0][2])], [])


@pytest.mark.slow
def test_a_combination_that_has_another_number_goes_on_under_its_id():
    m = empty(BOTH)
    before = said(m, 0, 300, FASTER, "B")
    ended = told(take_up(m, rules(version=2, B=B), T0 + 300_000), "B")
    after = said(m, 300, 900, FASTER, "B") + said(m, 1200, 900, WELL, "B")
    assert ([x[:2] for x in before], ended, after) == ([("B", "start")], [], [("B", "end", before[0][2])])


def restored(before, under):
    m = empty(under)
    checkpoint.restore(m, checkpoint.save(before, [0], 0))
    return m


def test_a_combination_goes_on_under_its_id_though_it_has_another_number_when_its_page_is_taken_up():
    m = empty(BOTH)
    before = said(m, 0, 300, FASTER, "B")
    m = restored(m, rules(version=2, B=B))
    assert [x[1:] for x in said(m, 300, 900, WELL, "B")] == [("end", before[0][2])]


def test_a_combination_that_went_while_its_page_lay_ends_and_is_taken_over_by_none():
    m = empty(BOTH)
    before = said(m, 0, 300, FAST, "combination")
    m = restored(m, rules(version=2, B=B))
    assert (told(m.orphans, "combination"), said(m, 300, 900, WELL, "combination")) == ([("A", "end", before[0][2])], [])


def test_an_orphan_ended_with_the_newest_reading():
    m = empty(BOTH)
    said(m, 0, 300, FAST)
    (ended,) = restored(m, rules(version=2, B=B)).orphans
    assert (ended.ended_at, ended.at) == (T0 + 299_000, T0 + 299_000)


def test_a_combination_that_stays_leaves_no_orphan():
    m = empty(BOTH)
    said(m, 0, 300, FAST, "combination")
    assert restored(m, rules(version=2, A=A)).orphans == []


def test_a_limit_that_is_gone_ends_what_it_raised_and_no_other():
    m = empty(BOTH)
    before = said(m, 0, 100, FASTER, "limits")
    ended = told(take_up(m, rules(version=2, without=("rr",), A=A, B=B), T0 + 100_000), "limits")
    assert ([x[:2] for x in sorted(before)], ended) == (
        [("hr", "start"), ("rr", "start")],
        [("rr", "end", next(x[2] for x in before if x[0] == "rr"))],
    )


def test_an_end_says_the_rule_and_the_moment_of_the_newest_reading():
    m = empty(BOTH)
    said(m, 0, 100, FAST)
    (ended,) = [f for f in take_up(m, rules(version=2, without=("hr",), A=A, B=B), T0 + 200_000) if f.rule == "limits"]
    assert (ended.at, ended.received_at, ended.ended_at, ended.detected_at, ended.rule_version, m.rules.version) == (
        T0 + 99_000, T0 + 99_050, T0 + 99_000, T0 + 200_000, 1, 2,
    )  # fmt: skip


@pytest.mark.parametrize(("fired", "held", "ends"), [(1, 0, 1), (0, 0, 0), (1, 1, 0)], ids=["told", "not yet", "held back"])
def test_only_what_was_told_ends(fired, held, ends):
    m = empty(BOTH)
    m.row("o"), m.row("p")
    cell = CHANNELS + RR
    m.timers.side[cell], m.timers.fired[cell], m.timers.held[cell], m.timers.since[cell] = 1, fired, held, T0
    found = take_up(m, rules(version=2, without=("rr",), A=A, B=B), T0)
    assert ([f.patient for f in found], m.timers.side.any(), m.timers.fired.any()) == (["p"] * ends, False, False)


def test_the_same_rules_again_change_nothing():
    m = empty(BOTH)
    said(m, 0, 300, FASTER)
    before, m.settings.dirty[:] = m.timers.taken(np.arange(CHANNELS)), 0
    found = take_up(m, msgspec.structs.replace(BOTH, version=2), T0)
    same = [np.array_equal(getattr(m.timers, name)[:CHANNELS], getattr(before, name)) for name in m.timers.names()]
    assert (found, all(same), m.settings.dirty.any()) == ([], True, False)


def test_only_the_patients_of_whom_something_moved_are_written_anew():
    m = empty(BOTH)
    for row, cell in enumerate((RR, CHANNELS + HR)):
        m.row(f"p{row}")
        m.timers.side[cell] = 1
    m.settings.dirty[:] = 0
    take_up(m, rules(version=2, without=("rr",), A=A, B=B), T0)
    assert m.settings.dirty[:2].tolist() == [1, 0]


def test_the_past_and_what_was_summed_up_follow_their_rules():
    m = empty(BOTH)
    m.row("o"), m.row("p")
    m.late().side[[CHANNELS + RR, CHANNELS + HR]] = 1
    one = Backlog(T0, T0, 1, 1.0, 1)
    m.backlog = {CHANNELS + channel: one for channel in (RR, HR, COMBINATION, COMBINATION + 1)}
    take_up(m, rules(version=2, without=("rr",), B=B), T0)
    assert (m.past.side[[CHANNELS + RR, CHANNELS + HR]].tolist(), sorted(m.backlog)) == ([0, 1], [CHANNELS + HR, CHANNELS + COMBINATION])


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (BOTH, BOTH, [0, 1, -1]),
        (BOTH, rules(B=B), [1, -1, -1]),
        (BOTH, rules(C=A, B=B, A=A), [-1, 1, 0]),
        (NONE, BOTH, [-1, -1, -1]),
    ],
)
def test_a_combinations_timers_are_where_its_name_was(before, after, expected):
    found = sources_of(columns(before), columns(after))[COMBINATION : COMBINATION + 3]
    assert [x if x < 0 else x - COMBINATION for x in found.tolist()] == expected


def test_what_has_no_rule_any_more_has_no_timers():
    found = sources_of(columns(BOTH), columns(rules(without=("rr",))))
    assert found[[HR, RR]].tolist() == [HR, -1]
