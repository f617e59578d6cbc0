"""NEWS2 ends with the context that says that it does not apply, and nothing else does."""

import asyncio

import msgspec
import pytest

from streams.detect import checkpoint
from streams.detect.channels import CHANNELS, NEWS2, SINGLE
from streams.detect.memory import Backlog, empty
from streams.detect.rehearsal import rehearse
from streams.detect.step import step, tick
from streams.detect.unscored import unscored
from tests.unit.streams.detect.readings import T0, batch
from tests.unit.streams.detect.test_joint import both
from tests.unit.streams.detect.test_order import HOLD
from tests.unit.streams.detect.test_worker_parts import TOPICS, record, worker
from vitals.context import PatientContext
from vitals.rules import default

ILL = {"hr": 135.0, "spo2": 90.0, "rr": 26.0, "sbp": 95.0}
ONE = {"acvpu": 1.0, "hr": 80.0}
LATER = T0 + 400_000


def of(values, n=400, start=0):
    return [("p", "d", i, T0 + i * 1000, values) for i in range(start, start + n)]


def context(version=2, **fields):
    return PatientContext(patient="p", version=version, ward="north", **fields)


def ended(m, now_ms=LATER, **fields):
    m.know(context(**fields), now_ms)
    return [(f.rule, f.phase, f.evidence["applies"]) for f in unscored(m, 0, now_ms)]


def heard(samples, hold_ms=0):
    m = empty(default(), hold_ms=hold_ms)
    step(m, batch(samples), T0)
    return m


@pytest.mark.parametrize(("values", "rule"), [(ILL, "news2"), (ONE, "news2-single")])
@pytest.mark.parametrize("why", [{"pregnant": True}, {"age_band": "12-16y"}])
def test_what_the_score_told_ends_when_it_applies_no_longer(values, rule, why):
    m = heard(of(values))
    assert (ended(m, **why), m.timers.side[[NEWS2, SINGLE]].tolist()) == ([(rule, "end", False)], [0, 0])


def test_it_ends_under_its_id_and_once():
    m = empty(default())
    (begun,) = [f.id for f in step(m, batch(of(ILL)), T0) if f.rule == "news2"]
    m.know(context(pregnant=True), LATER)
    assert ([f.id for f in unscored(m, 0, LATER)], unscored(m, 0, LATER)) == ([begun], [])


def test_where_it_applies_nothing_ends():
    m = heard(of(ILL))
    assert (ended(m, bed="7"), m.timers.fired[NEWS2]) == ([], 2)


def test_what_it_had_not_told_is_forgotten_and_marked_for_the_checkpoint():
    m = heard(of(ILL, 10))
    m.settings.dirty[0] = 0
    m.backlog = {NEWS2: Backlog(T0, T0, 1, 9.0, 2), 0: Backlog(T0, T0, 1, 150.0, 1)}
    assert (ended(m, pregnant=True), m.timers.side[NEWS2], list(m.backlog), m.settings.dirty[0]) == ([], 0, [0], 1)


def test_history_that_nobody_was_told_of_ends_for_nobody():
    m = heard(of(ILL))
    m.timers.held[NEWS2] = 1
    assert ended(m, pregnant=True) == []


def test_the_limits_go_on():
    m = heard(of(ILL))
    on = m.timers.fired[:CHANNELS].copy()
    ended(m, pregnant=True)
    on[[NEWS2, SINGLE]] = 0
    assert (m.timers.fired[:CHANNELS].tolist(), on.any()) == (on.tolist(), True)


def test_another_patients_score_goes_on():
    m = heard([("o", "e", *s[2:]) for s in of(ILL)])
    step(m, batch(of(ILL)), T0)
    m.know(context(pregnant=True), LATER)
    assert ([f.patient for f in unscored(m, m.row_of["p"], LATER)], m.timers.fired[NEWS2]) == (["p"], 2)


def test_of_several_devices_the_score_of_all_of_them_ends():
    m = heard(both(80), HOLD)
    tick(m, T0 + 80_000 + HOLD + 1_001)
    assert ended(m, pregnant=True) == [("news2", "end", False)]


def test_beside_a_patient_of_several_devices_the_score_of_one_with_one_ends_alone():
    m = heard(both(80) + [("q", "d", i, T0 + i * 1000, ILL) for i in range(80)], HOLD)
    tick(m, T0 + 80_000 + HOLD + 1_001)
    # the last row there is nobody's: whoever takes it for that of a patient without one would tell of it
    m.joint.settings.scored[-1], m.joint.timers.fired[-CHANNELS:] = 0, 1
    m.know(PatientContext(patient="q", version=2, ward="north", pregnant=True), LATER)
    assert [(f.patient, f.rule) for f in unscored(m, m.row_of["q"], LATER)] == [("q", "news2")]


def test_readings_after_it_tell_nothing_of_a_score():
    m = heard(of(ILL))
    ended(m, pregnant=True)
    assert [f for f in step(m, batch(of(ILL, start=400)), LATER) if f.rule.startswith("news2")] == []


def test_the_worker_tells_the_end_with_the_context():
    w, out = worker()
    asyncio.run(w.take(0, [record(of(ILL))], LATER))
    out.said.clear()
    w.context(TOPICS.patients, msgspec.json.encode(context(pregnant=True)), LATER)
    assert [(f.rule, f.phase) for f in out.said] == [("news2", "end")]


def test_what_changed_while_nobody_had_the_partition_ends_when_it_is_taken_up():
    w, out = worker(checkpoint.save(heard(of(ILL)), [0], 0), LATER)
    w.context(TOPICS.patients, msgspec.json.encode(context(pregnant=True)), LATER)
    asyncio.run(w.open(0))
    assert [(f.rule, f.phase) for f in out.said if f.phase == "end"] == [("news2", "end")]


def test_in_a_rehearsal_a_score_begins_again_once_it_applies_again():
    history = [batch(of(ILL)), context(pregnant=True), context(3), batch(of(ILL, start=400))]
    assert [f.phase for f in rehearse(history, default()) if f.rule == "news2"][:3] == ["start", "end", "start"]
