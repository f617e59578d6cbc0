"""The escalation book out of the database: people, schedules with their overrides, ladders, accepted handovers; and the gaps into it.

What cannot be read (a contact, layer or rung that is not of its form) leaves that person, schedule or ladder out and is counted; the
site's own contacts answer then.
"""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

import msgspec
import psycopg
from psycopg.rows import TupleRow

from alerts.escalation import Book, Contact
from alerts.metrics import REFUSED
from vitals.ladder import Ladder, Rung
from vitals.rota import DAY_MS, Override, Rotation, Schedule, gaps

Connection = psycopg.Connection[TupleRow]
WARN_MS = 14 * DAY_MS


def book(connection: Connection, site: tuple[Contact, ...], now: int) -> Book:
    """What is written down now."""
    people = connection.execute("SELECT name, contacts FROM oncall.person").fetchall()
    moved = connection.execute(
        "SELECT schedule, accepted_by FROM oncall.handover WHERE until > %s AND schedule IS NOT NULL ORDER BY accepted_at", [now]
    ).fetchall()
    contacts = {name: known for name, pairs in people if (known := _contacts(pairs)) is not None}
    return Book(site, _ladders(connection), _schedules(connection, now), contacts, dict(moved))


def warn(connection: Connection, schedules: Iterable[Schedule], now: int) -> int:
    """Writes down when nobody is on call in the coming days. Returns how many gaps there are."""
    found = [(s.id, gap.start, gap.end, now) for s in schedules for gap in gaps(s, now, now + WARN_MS)]
    with connection.transaction():
        connection.execute("DELETE FROM oncall.gap")
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO oncall.gap VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING", found)
    return len(found)


def _contacts(pairs: object) -> tuple[Contact, ...] | None:
    try:
        return tuple(Contact(*pair) for pair in msgspec.convert(pairs, tuple[tuple[str, ...], ...]))
    except (msgspec.ValidationError, TypeError):
        REFUSED.labels("bad_contacts").inc()
        return None


def _schedules(connection: Connection, now: int) -> dict[str, Schedule]:
    overrides: dict[str, list[Override]] = {}
    for schedule, *rest in connection.execute(
        "SELECT schedule, start_at, end_at, people FROM oncall.override WHERE end_at > %s ORDER BY n", [now - DAY_MS]
    ).fetchall():
        overrides.setdefault(schedule, []).append(Override(rest[0], rest[1], tuple(rest[2])))
    rows = connection.execute("SELECT id, ward, zone, layers FROM oncall.schedule").fetchall()
    made = [_schedule(row, tuple(overrides.get(row[0], ()))) for row in rows]
    return {schedule.id: schedule for schedule in made if schedule is not None}


def _schedule(row: TupleRow, overrides: tuple[Override, ...]) -> Schedule | None:
    try:
        ZoneInfo(row[2])
        return Schedule(row[0], row[1], row[2], msgspec.convert(row[3], tuple[Rotation, ...]), overrides)
    except (msgspec.ValidationError, KeyError, ValueError):
        REFUSED.labels("bad_schedule").inc()
        return None


def _ladders(connection: Connection) -> tuple[Ladder, ...]:
    rows = connection.execute("SELECT id, ward, priorities, rungs FROM oncall.ladder ORDER BY id").fetchall()
    return tuple(ladder for row in rows if (ladder := _ladder(row)) is not None)


def _ladder(row: TupleRow) -> Ladder | None:
    try:
        return Ladder(row[0], row[1], frozenset(row[2]), msgspec.convert(row[3], tuple[Rung, ...]))
    except msgspec.ValidationError:
        REFUSED.labels("bad_ladder").inc()
        return None
