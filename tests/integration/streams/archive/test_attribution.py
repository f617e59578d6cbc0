"""A corrected assignment takes the readings with it."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from streams.archive.readings import Readings
from streams.archive.timescale import Session
from streams.archive.timescale_attribution import settle
from streams.archive.timescale_rollup import HOURS, MINUTES, drain
from streams.archive.waveforms import Waveforms
from tests.integration.streams.archive.test_waveforms import chunk
from tests.unit.streams.archive.made import batch, record
from vitals.batch import encode
from vitals.registry import VITALS

Ask = Callable[..., list[tuple[object, ...]]]
START = 1_700_000_000
WHOSE = """SELECT coalesce(p.id, 'nobody'), count(*)::int FROM telemetry.reading LEFT JOIN clinical.patient p ON p.no = patient_no
GROUP BY 1 ORDER BY 1"""
ROLLED = """SELECT p.id, sum(n)::int FROM telemetry.rollup_{step} JOIN clinical.patient p ON p.no = patient_no GROUP BY 1 ORDER BY 1"""
CHANGE = (
    "UPDATE clinical.assignment SET patient = %s, during = tstzrange(to_timestamp(%s), to_timestamp(%s)) WHERE device = 'd1' RETURNING 1"
)
MOVE = "SELECT readings, samples, unassigned FROM telemetry.reattribute('d1', to_timestamp(%s), NULL)"

LATER = "UPDATE telemetry.attribution_todo SET at = at - %s::interval, look_until = look_until - %s::interval RETURNING 1"
LOOKED_AT = "SELECT look_until > now() FROM telemetry.attribution_todo"


@pytest.fixture
def assigned(ask: Ask, readings: Readings) -> None:
    """d1 on p1 for ten minutes with a sample of two vitals a second; d2 on p2 beside it."""
    for n in (1, 2):
        ask(
            "INSERT INTO clinical.assignment (device, n, patient, during, author)"
            " VALUES (%s, 1, %s, tstzrange(to_timestamp(%s), NULL), 'a') RETURNING 1", f"d{n}", f"p{n}", START,
        )  # fmt: skip
        readings.store([record([(f"p{n}", f"d{n}", i, (START + i) * 1000, {0: 70.0, 2: 97.0}) for i in range(600)], n - 1)])


def rolled(session: Session, ask: Ask) -> list[list[tuple[object, ...]]]:
    for step in (MINUTES, HOURS):
        while drain(session, step):
            pass
    return [ask(ROLLED.format(step=step)) for step in ("1m", "1h")]


def test_readings_go_to_whom_the_device_was_on_and_roll_ups_follow(assigned: None, session: Session, ask: Ask) -> None:
    before = rolled(session, ask)
    ask(CHANGE, "p3", START, None)
    moved = ask(MOVE, START)
    after = rolled(session, ask)
    assert (before[0], moved, ask(WHOSE), after) == (
        [("p1", 1200), ("p2", 1200)],
        [(1200, 600, 0)],
        [("p2", 1200), ("p3", 1200)],
        [[("p2", 1200), ("p3", 1200)]] * 2,
    )


def test_readings_of_nobody_are_kept_unseen_and_found_again(assigned: None, session: Session, ask: Ask) -> None:
    ask(CHANGE, "p1", START, START + 300)
    shortened = (ask(MOVE, START), ask(WHOSE), rolled(session, ask)[0])
    ask(CHANGE, "p1", START, None)
    restored = (ask(MOVE, START), ask(WHOSE), rolled(session, ask)[0])
    whole = [("p1", 1200), ("p2", 1200)]
    assert (shortened, restored) == (
        ([(600, 300, 300)], [("nobody", 600), ("p1", 600), ("p2", 1200)], [("p1", 600), ("p2", 1200)]),
        ([(600, 300, 0)], whole, whole),
    )


CURVES = """INSERT INTO telemetry.waveform
(patient_no, channel, observed_at, device_no, seq, received_at, rate_hz, unit, gain, offset_number, samples)
SELECT p.no, 'ecg_ii', to_timestamp(%s), d.no, %s, now(), 250, 'mV', 1, 0, '' FROM clinical.patient p, clinical.device d
WHERE p.id = %s AND d.id = %s RETURNING 1"""
OF_WHOM = """SELECT p.id, w.seq::int FROM telemetry.waveform w JOIN clinical.patient p ON p.no = w.patient_no ORDER BY 1, 2"""


def test_curves_go_with_the_readings_and_none_is_there_twice(assigned: None, ask: Ask) -> None:
    for seq, patient, device in ((1, "p1", "d1"), (2, "p1", "d1"), (2, "p3", "d1"), (3, "p1", "d1"), (9, "p2", "d2")):
        ask(CURVES, START + seq, seq, patient, device)
    ask(CHANGE, "p3", START + 2, None)
    ask(MOVE, START)
    assert ask(OF_WHOM) == [("p2", 9), ("p3", 2), ("p3", 3)]


def test_what_a_gateway_attributed_before_it_heard_follows_later(assigned: None, session: Session, ask: Ask, readings: Readings) -> None:
    ask(CHANGE, "p3", START, None)
    ask(MOVE, START)
    readings.store([record([("p1", "d1", 700, (START + 700) * 1000, {0: 70.0})], 2)])
    moved = [settle(session), settle(session)]
    assert (moved, ask(WHOSE)) == ([1, 0], [("p2", 1200), ("p3", 1201)])


def test_what_is_stored_long_after_the_correction_follows_too(assigned: None, session: Session, ask: Ask, readings: Readings) -> None:
    ask(CHANGE, "p3", START, None)
    ask(MOVE, START)
    ask(LATER, "1 hour", "1 hour")
    first = settle(session)
    readings.store([record([("p1", "d1", 700, (START + 700) * 1000, {0: 70.0})], 2)])
    assert ([first, settle(session), settle(session)], ask(WHOSE)) == ([0, 1, 0], [("p2", 1200), ("p3", 1201)])


def test_an_archive_that_was_away_meanwhile_looks_once_more(assigned: None, session: Session, ask: Ask, readings: Readings) -> None:
    ask(CHANGE, "p3", START, None)
    ask(MOVE, START)
    readings.store([record([("p1", "d1", 700, (START + 700) * 1000, {0: 70.0})], 2)])
    ask(LATER, "1 hour", "1 hour")
    assert ([settle(session), settle(session)], ask(WHOSE)) == ([1, 0], [("p2", 1200), ("p3", 1201)])


def test_curves_that_are_stored_long_after_the_correction_follow_too(assigned: None, session: Session, ask: Ask) -> None:
    ask(CHANGE, "p3", START, None)
    ask(MOVE, START)
    ask(LATER, "1 hour", "1 hour")
    settle(session)
    Waveforms(session, "vitals.waveforms", lambda _: None).store([chunk(0)])
    settle(session)
    assert ask(OF_WHOM) == [("p3", 1)]


@pytest.mark.parametrize(("after_s", "looked_at"), [(-3600, True), (200, True), (400, False)])
def test_only_what_was_received_before_the_correction_was_heard_of_is_looked_at_again(
    assigned: None, session: Session, ask: Ask, readings: Readings, after_s: int, looked_at: bool
) -> None:
    ask(MOVE, START)
    ask(LATER, "1 hour", "1 hour")
    received = int(time.time() - 3600 + after_s) * 1000
    body = encode(batch([("p1", "d1", 700, (START + 700) * 1000, {0: 70.0})], received))
    readings.store([replace(record([], 2), value=body)])
    assert ask(LOOKED_AT) == [(looked_at,)]


def test_another_device_s_old_readings_are_no_reason_to_look_again(assigned: None, ask: Ask, readings: Readings) -> None:
    ask(MOVE, START)
    ask(LATER, "1 hour", "1 hour")
    readings.store([record([("p2", "d2", 700, (START + 700) * 1000, {0: 70.0})], 2)])
    assert ask(LOOKED_AT) == [(False,)]


@pytest.mark.parametrize(("age", "kept"), [("7 days", 1), ("8 days 1 minute", 0)])
def test_a_correction_is_kept_as_long_as_kafka_keeps_readings(assigned: None, session: Session, ask: Ask, age: str, kept: int) -> None:
    ask(MOVE, START)
    ask(LATER, age, age)
    settle(session)
    assert len(ask(LOOKED_AT)) == kept


def test_the_database_names_the_vitals_as_the_registry_does(ask: Ask) -> None:
    assert ask("SELECT no, name, unit, display FROM telemetry.vital ORDER BY no") == [(v.index, v.name, v.unit, v.display) for v in VITALS]
