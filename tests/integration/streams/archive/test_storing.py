"""The archive's sinks on a real TimescaleDB."""

import dataclasses
import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import msgspec
import pytest

from streams.archive.guard import Guarded
from streams.archive.notes import Links, Refused, refuse
from streams.archive.readings import Readings
from streams.archive.record import Record
from streams.archive.sift import Noted
from streams.archive.timescale import Session
from streams.archive.timescale_readings import fold
from tests.unit.streams.archive.made import record
from vitals.link import Link
from vitals.refusal import Reason, Refusal

Ask = Callable[..., list[tuple[object, ...]]]
COUNTS = "SELECT count(*), count(value), count(DISTINCT (device_no, seq)) FROM telemetry.reading"
NOTHING = float("nan")


def minute(n: int, device: str = "d1", patient: str = "p1") -> tuple[str, str, int, int, dict[int, float]]:
    """The sample number `n`, at second n, with a heart rate and no temperature."""
    return patient, device, n, 1_700_000_000_000 + n * 1000, {0: 60.0 + n, 4: NOTHING}


def test_a_row_says_exactly_what_the_sample_said(readings: Readings, ask: Ask) -> None:
    readings.store([record([minute(3)])])
    assert ask(
        """SELECT p.id, d.id, vital, seq, value, quality, clock_ms,
            extract(epoch FROM observed_at)::float, extract(epoch FROM received_at)::float
        FROM telemetry.reading JOIN clinical.patient p ON p.no = patient_no JOIN clinical.device d ON d.no = device_no ORDER BY vital"""
    ) == [("p1", "d1", 0, 3, 63.0, None, 0, 1_700_000_003.0, 1.0), ("p1", "d1", 4, 3, None, None, 0, 1_700_000_003.0, 1.0)]


def test_kafka_handing_out_a_record_again_is_no_duplicate(readings: Readings, ask: Ask) -> None:
    first = readings.store([record([minute(1)], 0), record([minute(2)], 1)])
    second = readings.store([record([minute(2)], 1), record([minute(3)], 2)])
    assert ([first.rows, second.rows, second.skipped, dict(second.refused)], ask(COUNTS)) == ([4, 2, 1, {}], [(6, 3, 3)])


def test_a_device_s_duplicates_are_refused_and_told_once_whatever_their_time(readings: Readings, ask: Ask, told: list[Noted]) -> None:
    again = ("p1", "d1", 1, 1_700_000_999_000, {0: 99.0})
    readings.store([record([minute(1), minute(1)], 0), record([again], 1)])
    found = ask("SELECT reason, door, device, seq, sum(times)::int FROM telemetry.refusal GROUP BY 1, 2, 3, 4")
    assert (found, len(told), ask(COUNTS)) == ([("duplicate", "archive", "d1", 1, 2)], 2, [(2, 1, 1)])


@pytest.mark.parametrize("by", ["ledger", "table"])
def test_what_was_given_again_on_the_way_here_is_stored_once_and_refused_never(
    readings: Readings, ask: Ask, told: list[Noted], by: str
) -> None:
    readings.store([record([minute(1)], 0)])
    if by == "table":
        readings.forget()
        ask("WITH gone AS (DELETE FROM telemetry.seen_recent) SELECT 1")
    done = readings.store([dataclasses.replace(record([minute(1), minute(2)], 1), again=True)])
    assert (done.rows, done.again, told, ask(COUNTS)) == (2, 1, [], [(4, 2, 2)])


def test_the_ledger_outlives_the_process_folded_or_not(session: Session, readings: Readings, ask: Ask, known: str) -> None:
    readings.store([record([minute(1), minute(2)], 0)])
    fold(session)
    readings.store([record([minute(4)], 1)])
    another = Readings(Session(known, "another"), "vitals.readings", lambda _noted: None)
    done = another.store([record([minute(n) for n in (1, 2, 3, 4)], 2)])
    assert (done.rows, dict(done.refused), ask(COUNTS)) == (2, {"duplicate": 3}, [(8, 4, 4)])


def test_folding_leaves_the_whole_ledger_in_ranges(session: Session, readings: Readings, ask: Ask) -> None:
    for offset, numbers in enumerate(((1, 2), (3,), (7, 9), (8,))):
        readings.store([record([minute(n) for n in numbers], offset)])
    fold(session)
    fold(session)
    found = ask("SELECT seqs::text, (SELECT count(*) FROM telemetry.seen_recent) FROM telemetry.seen")
    assert found == [("{[1,4),[7,10)}", 0)]


def test_rows_that_the_ledger_does_not_know_go_by_the_staging_table(readings: Readings, ask: Ask, known: str) -> None:
    readings.store([record([minute(1)], 0)])
    ask("WITH gone AS (DELETE FROM telemetry.seen_recent) SELECT 1")
    another = Readings(Session(known, "another"), "vitals.readings", lambda _noted: None)
    done = another.store([record([minute(1), minute(2)], 1)])
    assert (done.staged, done.rows, dict(done.refused), ask(COUNTS)) == (True, 2, {"duplicate": 1}, [(4, 2, 2)])


def test_who_the_database_does_not_know_is_refused_and_stored_once_known(readings: Readings, ask: Ask) -> None:
    strangers = [minute(1, device="d77"), minute(2, patient="p77")]
    first = readings.store([record(strangers, 0)])
    ask("INSERT INTO clinical.device (id, kind) VALUES ('d77', 'monitor') RETURNING 1")
    second = readings.store([record(strangers, 1)])
    assert [(done.rows, dict(done.refused)) for done in (first, second)] == [
        (0, {"unknown_device": 1, "unassigned_device": 1}),
        (2, {"unassigned_device": 1}),
    ]


def test_nothing_is_stored_when_kafka_does_not_take_the_refusals(session: Session, ask: Ask) -> None:
    def away(_noted: object) -> None:
        raise ConnectionError("away")

    broken = Readings(session, "vitals.readings", away)
    with suppress(ConnectionError):
        broken.store([record([minute(1), minute(1)], 0)])
    assert (ask(COUNTS), ask("SELECT * FROM telemetry.refusal")) == ([(0, 0, 0)], [])


def test_a_fifth_of_duplicates_and_another_order_change_nothing(readings: Readings, ask: Ask) -> None:
    chance = random.Random(7)
    samples = [minute(n, f"d{d}", f"p{d}") for n in range(200) for d in (1, 2, 3)]
    sent = samples + chance.sample(samples, len(samples) // 5)
    chance.shuffle(sent)
    done = [readings.store([record(sent[at : at + 90], offset)]) for offset, at in enumerate(range(0, len(sent), 90))]
    refused = sum(d.refused.get("duplicate", 0) for d in done)
    assert (ask(COUNTS), refused) == ([(1200, 600, 600)], 120)


def refusal(door: str = "mqtt", payload: bytes = b"x", **more: object) -> bytes:
    made = Refusal(reason=Reason.MALFORMED, detail="d\0", door=door, source="s", received_at=5000, payload=payload, **more)  # type: ignore[arg-type] # any field
    return msgspec.json.encode(made)


def test_a_refusal_counts_once_a_record_and_the_archive_s_own_are_passed_over(session: Session, ask: Ask) -> None:
    sink = Refused(session, "vitals.refused")
    bodies = [refusal(), refusal(), refusal(payload=b"y"), refusal(door="archive"), b"rubbish"]
    records = [Record("vitals.refused", 0, n, body, timestamp=7000, end=9) for n, body in enumerate(bodies)]
    sink.store(records[:3])
    sink.store(records)
    found = ask("SELECT payload, door, detail, times FROM telemetry.refusal ORDER BY payload")
    assert [(bytes(row[0]), *row[1:3], row[3]) for row in found][1:] == [(b"x", "mqtt", "d\ufffd", 2), (b"y", "mqtt", "d\ufffd", 1)]
    assert found[0][1] == "archive"


def test_a_link_is_the_newest_ever_told(session: Session, ask: Ask) -> None:
    sink = Links(session, "vitals.links", lambda _noted: None)
    states = [("d1", "online", 5000), ("d2", "online", 5000), ("d1", "offline", 4000), ("d2", "offline", 6000)]
    for offset, (device, state, at) in enumerate(states):
        body = msgspec.json.encode(Link(device=device, state=state, at=at))  # type: ignore[arg-type] # the two words
        sink.store([Record("vitals.links", 0, offset * 3, body, end=99)])
    assert ask("SELECT device, state FROM telemetry.link ORDER BY 1") == [("d1", "online"), ("d2", "offline")]


@pytest.mark.parametrize("at_once", [True, False])
def test_what_was_said_last_of_a_battery_stays_where_a_link_says_nothing_of_it(session: Session, ask: Ask, at_once: bool) -> None:
    sink, said = Links(session, "vitals.links", lambda _noted: None), [("online", 0.9), ("online", 0.1), ("offline", None)]
    links = [Link(device="d1", state=state, at=n, battery=level) for n, (state, level) in enumerate(said)]  # type: ignore[arg-type] # two words
    records = [Record("vitals.links", 0, n, msgspec.json.encode(link), end=9) for n, link in enumerate(links)]
    for some in [records] if at_once else [[one] for one in records]:
        sink.store(some)
    assert ask("SELECT state, round(battery::numeric, 2)::text FROM telemetry.link") == [("offline", "0.10")]


def test_a_link_with_numbers_beyond_the_table_loses_only_those(session: Session, ask: Ask) -> None:
    body = msgspec.json.encode(Link(device="d1", state="online", at=5000, battery=1e300, buffered=10**15))
    Links(session, "vitals.links", lambda _noted: None).store([Record("vitals.links", 0, 0, body, end=9)])
    assert ask("SELECT device, state, battery, buffered FROM telemetry.link") == [("d1", "online", None, None)]


def test_a_record_that_the_server_will_not_take_is_refused_and_passed(session: Session, readings: Readings, ask: Ask) -> None:
    session.run("ALTER TABLE telemetry.reading ADD CHECK (value < 62)")
    guarded = Guarded(readings, partial(refuse, session, True))
    done = guarded.store([record([minute(1)], 0), record([minute(5)], 1), record([minute(0)], 2)])
    again = guarded.store([record([minute(5)], 1)])
    assert (done.rows, dict(done.refused), again.skipped, ask(COUNTS)) == (4, {"malformed": 1}, 1, [(4, 2, 2)])
