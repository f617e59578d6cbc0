"""What is kept how long, and the community edition's compression.

Promise: a chunk is dropped only when all of it is older than its term; the roll-ups of dropped readings stay as they are. Where the
server is the Apache edition nothing is compressed (it cannot). `merge_chunks` is never called: it crashes the Apache edition.
"""

from dataclasses import dataclass

from streams.archive.timescale import Session


@dataclass(frozen=True, slots=True)
class Terms:
    """Days; 0 keeps for ever."""

    raw_days: int = 0
    minute_days: int = 0
    hour_days: int = 0
    waveform_days: int = 2
    compress_after_days: int = 7


_CUT = "date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - make_interval(days => %s)"
_DROP = f"SELECT count(*) FROM drop_chunks(%s::regclass, older_than => ({_CUT}))"  # noqa: S608 - a constant
_HORIZON = {
    table: f"UPDATE telemetry.horizon SET {column} = greatest({column}, {_CUT})"  # noqa: S608 - constants
    for table, column in (("telemetry.reading", "dropped_before"), ("telemetry.rollup_1m", "minutes_dropped_before"))
}
_EXISTS = "SELECT to_regclass(%s) IS NOT NULL"


def drop(session: Session, terms: Terms) -> int:
    """Drops what is past its term; how many chunks."""
    tables = {
        "telemetry.reading": terms.raw_days,
        "telemetry.rollup_1m": terms.minute_days,
        "telemetry.rollup_1h": terms.hour_days,
        "telemetry.waveform": terms.waveform_days,
    }
    return sum(_dropped(session, table, days) for table, days in tables.items() if days)


def _dropped(session: Session, table: str, days: int) -> int:
    with session.transaction():
        if not session.rows(_EXISTS, (table,))[0][0]:
            return 0
        if table in _HORIZON:
            session.run(_HORIZON[table], (days,))
        return int(session.rows(_DROP, (table, days))[0][0])


def is_community(session: Session) -> bool:
    """Whether the server has compression."""
    with session.transaction():
        return bool(session.rows("SELECT current_setting('timescaledb.license', true) = 'timescale'")[0][0])


_COMPRESSED = """SELECT compression_enabled FROM timescaledb_information.hypertables
WHERE hypertable_schema = 'telemetry' AND hypertable_name = 'reading'"""
_COMPRESSION = """ALTER TABLE telemetry.reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'patient_no, vital',
timescaledb.compress_orderby = 'observed_at, device_no, seq')"""
_OLD = """SELECT format('%%I.%%I', chunk_schema, chunk_name) FROM timescaledb_information.chunks
WHERE hypertable_schema = 'telemetry' AND hypertable_name = 'reading'
    AND NOT is_compressed AND range_end < now() - make_interval(days => %s)"""


def compress(session: Session, terms: Terms) -> int:
    """Compresses old chunks of readings, each in a transaction of its own; how many. Nothing on the Apache edition."""
    if not terms.compress_after_days or not is_community(session):
        return 0
    with session.transaction():
        if session.rows(_COMPRESSED) == [(False,)]:
            session.run(_COMPRESSION)
        chunks = [row[0] for row in session.rows(_OLD, (terms.compress_after_days,))]
    for chunk in chunks:
        with session.transaction():
            session.run("SELECT compress_chunk(%s::regclass, if_not_compressed => true)", (chunk,))
    return len(chunks)
