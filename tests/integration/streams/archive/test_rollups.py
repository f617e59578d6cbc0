"""Roll-ups on a real TimescaleDB equal a plain aggregate over the readings, whatever came late, twice or was dropped."""

import random
from collections.abc import Callable

from streams.archive.readings import Readings
from streams.archive.timescale import Session
from streams.archive.timescale_retention import Terms, compress, drop, is_community
from streams.archive.timescale_rollup import HOURS, MINUTES, drain
from tests.unit.streams.archive.made import Sample, record

Ask = Callable[..., list[tuple[object, ...]]]
START = 1_700_000_000_000
ROLLED = """SELECT patient_no, vital, bucket, n, low, high, round(total::numeric, 6), last, last_at
    FROM telemetry.rollup_{step} ORDER BY 1, 2, 3"""
PLAIN = """SELECT patient_no, vital, time_bucket('{step}', observed_at), count(value)::int, min(value), max(value),
    round(sum(value)::numeric, 6),
    (array_agg(value ORDER BY observed_at DESC, device_no, seq) FILTER (WHERE value IS NOT NULL))[1], max(observed_at)
    FROM telemetry.reading GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""


def drained(session: Session) -> None:
    for step in (MINUTES, HOURS):
        while drain(session, step):
            pass


def both(ask: Ask) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """(roll-ups, plain aggregates), of both steps."""
    stored = [ask(ROLLED.format(step=step)) for step in ("1m", "1h")]
    plain = [ask(PLAIN.format(step=step)) for step in ("1 minute", "1 hour")]
    return stored[0] + stored[1], plain[0] + plain[1]


def made(chance: random.Random, count: int) -> list[Sample]:
    """Samples of three devices over two days, some without a value."""
    times = chance.sample(range(172_800), count)
    return [
        (f"p{n % 3 + 1}", f"d{n % 3 + 1}", n, START + at * 1000, {0: round(chance.gauss(80, 9), 2), 2: 97.0 if at % 5 else float("nan")})
        for n, at in enumerate(times)
    ]


def test_late_and_duplicate_data_end_in_the_plain_aggregate(session: Session, readings: Readings, ask: Ask) -> None:
    chance = random.Random(11)
    samples = made(chance, 900)
    for offset, at in enumerate(range(0, 900, 150)):
        readings.store([record(samples[at : at + 150] + chance.sample(samples, 30), offset)])
        drained(session)
    stored, plain = both(ask)
    assert (stored, len(plain) > 900) == (plain, True)


def test_doing_it_again_changes_nothing_and_buckets_that_emptied_go(session: Session, readings: Readings, ask: Ask) -> None:
    readings.store([record(made(random.Random(3), 200))])
    drained(session)
    ask("INSERT INTO telemetry.rollup_todo (step, patients, buckets, vitals) SELECT '1m', array_agg(patient_no),"
        " array_agg((extract(epoch FROM bucket) / 60)::bigint), array_agg(7) FROM telemetry.rollup_1m RETURNING 1")  # fmt: skip
    ask("WITH gone AS (DELETE FROM telemetry.reading WHERE patient_no = 1) SELECT 1")
    drained(session)
    stored, plain = both(ask)
    assert (stored, ask("SELECT count(*) FROM telemetry.rollup_todo")) == (plain, [(0,)])


def test_retention_drops_whole_old_days_and_keeps_their_roll_ups(session: Session, readings: Readings, ask: Ask) -> None:
    readings.store([record(made(random.Random(5), 100))])
    drained(session)
    before, _ = both(ask)
    dropped = drop(session, Terms(raw_days=30))
    readings.store([record([("p1", "d1", 5000, START + 1000, {0: 1.0})], 1)])
    drained(session)
    after, _ = both(ask)
    kept = [row for row in after if row in before]
    assert (dropped >= 2, kept, ask("SELECT count(*) FROM telemetry.reading")) == (True, before, [(1,)])


def test_of_one_week_the_hours_after_the_horizon_follow_late_data_and_those_before_it_do_not(
    session: Session, readings: Readings, ask: Ask
) -> None:
    midnight = 1_700_006_400  # the second of two days of one chunk begins
    readings.store([record([("p1", "d1", n, (midnight + at) * 1000, {0: 60.0}) for n, at in enumerate((-60, 60))])])
    drained(session)
    ask("UPDATE telemetry.horizon SET dropped_before = to_timestamp(%s) RETURNING 1", midnight)
    readings.store([record([("p1", "d1", n, (midnight + at) * 1000, {0: 80.0}) for n, at in ((7, -30), (8, 90))], 1)])
    drained(session)
    assert ask("SELECT n FROM telemetry.rollup_1h ORDER BY bucket") == [(1,), (2,)]


def test_an_hour_whose_minutes_were_dropped_is_computed_from_its_readings(session: Session, readings: Readings, ask: Ask) -> None:
    readings.store([record(made(random.Random(13), 300))])
    drained(session)
    dropped = drop(session, Terms(minute_days=30))
    readings.store([record([("p1", "d1", 5000, START + 1000, {0: 1.0})], 1)])
    drained(session)
    assert (dropped > 0, ask(ROLLED.format(step="1h"))) == (True, ask(PLAIN.format(step="1 hour")))


def test_compression_is_left_alone_where_the_server_has_none(session: Session) -> None:
    assert (is_community(session), compress(session, Terms())) == (False, 0)
