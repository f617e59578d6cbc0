"""What a device's quality says of readings that have none of their own: from the bytes on the wire to the finding and its words."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.directory import Assignment, Device, directory
from ingest.gather import Message
from ingest.seen import Seen
from ingest.translate import translate
from streams.detect.channels import signal
from streams.detect.conditions import SIGNAL_HOLD_MS
from streams.detect.memory import empty
from streams.detect.motion import doubted
from streams.detect.rules import default
from streams.detect.step import step
from streams.detect.timers import Timers, Values, advance
from tests.unit.alerts.stories import desk
from tests.unit.streams.detect.readings import T0, batch
from vitals.batch import decode, encode
from vitals.registry import VITALS, V, index

LEAST = 0.5


def judged(vitals, quality):
    """The names of the readings that are not believed, and whether the patient moves."""
    q, there = np.full((1, V), np.nan, dtype=np.float32), np.zeros((1, V), dtype=np.bool_)
    for name in vitals:
        there[0, index(name)] = True
    for name, how in quality.items():
        q[0, index(name)] = how
    poor, moves = doubted(q, there, LEAST)
    return [v.name for v, bad in zip(VITALS, poor[0], strict=True) if bad], bool(moves[0])


@pytest.mark.parametrize(
    ("vitals", "quality", "poor", "moves"),
    [
        (["hr", "spo2", "pulse"], {}, [], False),
        (["hr", "spo2", "pulse"], {"spo2": 0.5}, [], False),
        (["hr", "spo2", "pulse"], {"spo2": 0.4}, ["pulse", "spo2"], False),
        (["hr", "spo2", "pulse"], {"spo2": 0.4, "pulse": 0.9}, ["spo2"], False),
        (["sbp", "dbp", "map"], {"sbp": 0.1}, ["dbp", "map", "sbp"], False),
        (["hr", "spo2", "rr", "temp", "sbp"], {"spo2": 0.4, "hr": 0.1}, ["hr", "rr", "spo2"], True),
        (["hr", "spo2", "rr"], {"spo2": 0.4, "hr": 0.1, "rr": 0.8}, ["hr", "spo2"], True),
        (["hr", "spo2", "pulse"], {"spo2": 0.4, "pulse": 0.1}, ["pulse", "spo2"], False),
        (["hr"], {"spo2": 0.1, "rr": 0.1}, [], False),
    ],
)
def test_what_is_not_believed(vitals, quality, poor, moves):
    found, moving = judged(vitals, quality)
    assert (sorted(found), moving) == (poor, moves)


NAMES = st.sampled_from([v.name for v in VITALS])


@given(st.sets(NAMES), st.dictionaries(NAMES, st.floats(0, 1, width=32)))
def test_a_quality_that_was_given_is_never_overruled(vitals, quality):
    poor, _ = judged(vitals, quality)
    assert [name for name in quality if name in vitals and (name in poor) != (quality[name] < LEAST)] == []


def found(vitals, quality, n=400):
    """The findings of a sample a second, from the bytes that a device sends, fifty at a time."""
    who = directory([Device("dev-1")], [Assignment("dev-1", "ann", T0 - 1000)], {"ann": "north"}, 4, T0)
    memory, seen, findings = empty(default()), Seen(), []
    for first in range(0, n, 50):
        samples = [{"seq": i, "observed_at": T0 + i * 1000, "vitals": vitals, "quality": quality} for i in range(first, first + 50)]
        now = T0 + (first + 50) * 1000
        message = Message(b"vigil/v1/dev-1/vitals", json.dumps({"batch": samples}).encode(), now, 1, False)
        for _, told in translate([message], who, seen).batches:
            findings += step(memory, decode(encode(told)), now + 30)
    return findings


ILL = {"hr": 72, "pulse": 150, "spo2": 80, "rr": 40}


def test_without_a_word_on_quality_the_body_is_told():
    assert {f.subject for f in found(ILL, {}) if f.rule == "limits"} == {"pulse", "spo2", "rr"}


def test_a_moving_patient_makes_technical_findings_and_none_of_the_body():
    told = found(ILL, {"spo2": 0.3, "hr": 0.2})
    assert {(f.alert_class, f.rule, f.subject) for f in told} == {("technical", "signal", s) for s in ("hr", "spo2", "rr")}


def test_the_nurse_reads_that_it_is_probably_movement_and_what_was_not_believed():
    alerts = {case.alert.subject: case.alert for case in desk(*found(ILL, {"spo2": 0.3, "hr": 0.2})).cases.values()}
    spo2, said = alerts["spo2"], ("movement", "not_believed", "would_be")
    assert (spo2.title, *(spo2.evidence[name] for name in said)) == (
        "Pulse oximeter: poor signal, probably movement", True, 80.0, "SpO2 below 88 %",
    )  # fmt: skip


def test_a_poor_probe_alone_is_told_once_for_what_it_measures_and_not_as_movement():
    told = [f for f in found(ILL, {"spo2": 0.3}) if f.alert_class == "technical"]
    assert [(f.subject, f.title, "movement" in f.evidence) for f in told] == [("spo2", "Pulse oximeter: poor signal", False)]


def test_a_poor_probe_does_not_hide_the_breath():
    assert {f.subject for f in found(ILL, {"spo2": 0.3}) if f.rule == "limits"} == {"rr"}


@pytest.mark.slow
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([1, 5, 30, 200, 901])), min_size=1, max_size=60))
def test_a_signal_that_only_stays_fine_is_what_its_timer_would_make_of_every_reading(course):
    memory, found, wanted = empty(default()), [], []
    timers, channel, t = Timers.of(1), signal(index("spo2")), T0
    for i, (poor, pause_s) in enumerate(course):
        t += pause_s * 1000
        sample = ("p", "d", i, t, {"spo2": 97.0}, t + 20, {"spo2": 0.3 if poor else 0.9})
        found += [(f.phase, f.started_at, f.at) for f in step(memory, batch([sample]), t) if f.rule == "signal"]
        if poor or timers.side[0]:
            wanted += [
                ({-1: "end", 1: "start", 2: "update"}[int(phase)], int(change.before.since[0]), t)
                for change in advance(timers, values(memory, channel, poor, t))
                for phase in change.phase
            ]
    assert found == wanted


def values(memory, channel, poor, t):
    """One reading for the timer of a signal alone."""
    layout, one = memory.layout, np.ones(1)
    ms = [np.array([x], dtype=np.int64) for x in (layout.wait1[channel], layout.wait2[channel], layout.clear[channel], SIGNAL_HOLD_MS, 0)]
    bounds = [-np.inf * one, -np.inf * one, 0.5 * one, np.inf * one, 0.0 * one]
    return Values(np.zeros(1, dtype=np.int64), one * poor, np.array([t]), *bounds, *ms)
