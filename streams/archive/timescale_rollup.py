"""Roll-ups of 1 minute and 1 hour: the buckets that changed are computed again from what is below them.

In: `telemetry.rollup_todo`, written in the readings' own transactions. Out: `telemetry.rollup_1m` from the readings,
`telemetry.rollup_1h` from `rollup_1m` (weighted: sums of sums), from the readings where only the minutes are past their term. Promise:
once the to-do is empty, both equal a plain aggregate over the readings, whatever came late, twice or was moved to another patient; doing
it twice changes nothing. Buckets whose readings retention has dropped are final: late data adds a missing one but changes none. One
process drains at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Literal

import numpy as np

from streams.archive.rows import Touched, touched
from streams.archive.timescale import Session
from streams.archive.timescale_readings import note_touched
from vitals.registry import V

_FROM_READINGS = """SELECT count(value)::int AS n, min(value) AS low, max(value) AS high, sum(value) AS total,
        last(value, observed_at) FILTER (WHERE value IS NOT NULL) AS last, max(observed_at) AS last_at
    FROM telemetry.reading WHERE patient_no = t.patient_no AND vital = t.vital
        AND observed_at >= t.bucket AND observed_at < t.bucket + interval '1 {}'
        AND observed_at >= %(since)s AND observed_at <
        %(until)s"""
_FROM_MINUTES = """SELECT sum(n)::int AS n, min(low) AS low, max(high) AS high, sum(total) AS total,
        last(last, last_at) FILTER (WHERE last IS NOT NULL) AS last, max(last_at) AS last_at
    FROM telemetry.rollup_1m WHERE patient_no = t.patient_no AND vital = t.vital
        AND bucket >= t.bucket AND bucket < t.bucket + interval '1 hour' AND bucket >= %(since)s AND bucket < %(until)s"""


@dataclass(frozen=True, slots=True)
class Step:
    """`per_chunk` buckets lie in one chunk of the table below, so that a query plans for one chunk; `slice_buckets` to-do rows a
    transaction."""

    name: Literal["1m", "1h"]
    bucket_s: int
    per_chunk: int
    source: str
    slice_buckets: int


MINUTES = Step("1m", 60, 1440, _FROM_READINGS.format("minute"), 30_000)
HOURS = Step("1h", 3600, 7 * 24, _FROM_MINUTES, 30_000)
_BARE_HOURS = Step("1h", 3600, 24, _FROM_READINGS.format("hour"), HOURS.slice_buckets)


@dataclass(frozen=True, slots=True)
class Horizon:
    """Before when retention has dropped readings, and one-minute roll-ups; seconds since 1970."""

    readings: float
    minutes: float


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Touched buckets that are computed alike; `final`: one that is there stays."""

    step: Step
    final: bool
    touched: Touched


def _compute(step: Step, final: bool) -> str:
    """The statement that brings the touched buckets up to date; a `final` one that is there stays."""
    table = f"telemetry.rollup_{step.name}"
    columns = "n, low, high, total, last, last_at"
    update = ", ".join(f"{c} = EXCLUDED.{c}" for c in columns.split(", "))
    conflict = "NOTHING" if final else f"UPDATE SET {update}"
    return f"""WITH touched AS (
    SELECT u.patient_no, v.vital::smallint AS vital, to_timestamp(u.bucket * {step.bucket_s}) AS bucket
    FROM unnest(%(patients)s::int[], %(buckets)s::bigint[], %(vitals)s::int[]) AS u (patient_no, bucket, vitals)
    JOIN generate_series(0, {V - 1}) AS v (vital) ON (u.vitals >> v.vital) & 1 = 1
), fresh AS MATERIALIZED (
    SELECT t.*, r.* FROM touched AS t CROSS JOIN LATERAL ({step.source}) AS r
), kept AS (
    INSERT INTO {table} (patient_no, vital, bucket, {columns}) SELECT * FROM fresh WHERE last_at IS NOT NULL
    ON CONFLICT (patient_no, vital, bucket) DO {conflict}
)
DELETE FROM {table} AS old USING fresh WHERE NOT {final} AND fresh.last_at IS NULL
    AND old.patient_no = fresh.patient_no AND old.vital = fresh.vital AND old.bucket = fresh.bucket
    AND old.bucket >= %(since)s AND old.bucket < %(until)s"""  # noqa: S608 - built of this module's constants


_HORIZON = """SELECT extract(epoch FROM greatest(dropped_before, '0001-01-01Z'))::float8,
    extract(epoch FROM greatest(minutes_dropped_before, '0001-01-01Z'))::float8 FROM telemetry.horizon"""
_TAKE = """DELETE FROM telemetry.rollup_todo WHERE id IN (
    SELECT id FROM (
        SELECT id, sum(cardinality(patients)) OVER (ORDER BY id) - cardinality(patients) AS before
        FROM telemetry.rollup_todo WHERE step = %s
    ) AS queue WHERE before < %s
) RETURNING patients, buckets, vitals"""


def drain(session: Session, step: Step) -> int:
    """Does one slice of the to-do; how many (patient, bucket) it computed, 0 when nothing is left or another process is at it."""
    with session.transaction("REPEATABLE READ"):
        if not session.rows("SELECT pg_try_advisory_xact_lock(hashtext('telemetry.rollup'))")[0][0]:
            return 0
        todo = _taken(session, step)
        if not len(todo.patients):
            return 0
        for part in parts(todo, step, Horizon(*session.rows(_HORIZON)[0])):
            _computed(session, part)
        if step.name == "1m":
            note_touched(session, "1h", touched(todo.patients, todo.buckets // 60, todo.vitals))
    return len(todo.patients)


def _taken(session: Session, step: Step) -> Touched:
    columns: list[list[int]] = [[], [], []]
    for row in session.rows(_TAKE, (step.name, step.slice_buckets)):
        for column, values in zip(columns, row, strict=True):
            column.extend(values)
    return touched(*(np.array(column, dtype=np.int64) for column in columns))


def parts(todo: Touched, step: Step, horizon: Horizon) -> Iterator[Part]:
    """`todo` in parts, each on one side of the horizon and within one chunk of the table below."""
    begins = todo.buckets * step.bucket_s
    final = begins < horizon.readings
    bare = ~final & (begins < horizon.minutes) & (step is HOURS)
    for chosen, by, is_final in ((final, step, True), (bare, _BARE_HOURS, False), (~final & ~bare, step, False)):
        for part in _by_chunk(Touched(todo.patients[chosen], todo.buckets[chosen], todo.vitals[chosen]), by):
            yield Part(by, is_final, part)


def _by_chunk(todo: Touched, step: Step) -> Iterator[Touched]:
    order = np.argsort(todo.buckets, kind="stable")
    chunk = todo.buckets[order] // step.per_chunk
    edges = [0, *(np.flatnonzero(np.diff(chunk)) + 1).tolist(), len(order)]
    for start, end in pairwise(edges if len(order) else ()):
        part = order[start:end]
        yield Touched(todo.patients[part], todo.buckets[part], todo.vitals[part])


def _computed(session: Session, part: Part) -> None:
    step, todo = part.step, part.touched
    since, until = (int(todo.buckets.min()) * step.bucket_s, (int(todo.buckets.max()) + 1) * step.bucket_s)
    session.run(
        _compute(step, part.final),
        {
            "patients": todo.patients.tolist(),
            "buckets": todo.buckets.tolist(),
            "vitals": todo.vitals.tolist(),
            "since": datetime.fromtimestamp(since, UTC),
            "until": datetime.fromtimestamp(until, UTC),
        },
    )
