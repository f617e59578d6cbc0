"""Forgetting on a real database: closed alerts go whole when their time is up; open ones, younger ones and the log's rule stay."""

import threading
import uuid

import psycopg
import pytest

from alerts import timescale
from alerts.backlog import Record
from alerts.keeper import Keeper
from alerts.timescale import Work
from alerts.timescale_retention import DAY_MS, keep_days
from tests.unit.alerts.stories import SITE, T0, command, finding
from vitals.alert import Command
from vitals.finding import Finding

TABLES = ("alert", "event", "page", "finding", "command")


def taken(database: str, *items: Finding | Command) -> None:
    """As the worker writes them, in partition 0."""
    with psycopg.connect(database, autocommit=True) as connection:
        for n, item in enumerate(items):
            timescale.write(connection, Work([Record("t", 0, n, item, None, 0)]), SITE, T0)


def left(database: str, alert: str) -> dict[str, int]:
    """How many rows each table has of this alert."""
    with psycopg.connect(database) as connection:
        column = {"alert": "id"}
        counts = {t: connection.execute(f"SELECT count(*) FROM alerting.{t} WHERE {column.get(t, 'alert')} = %s", [alert]) for t in TABLES}  # noqa: S608  the table's own names
        return {table: int(cursor.fetchone()[0]) for table, cursor in counts.items()}  # type: ignore[index]  # a count is a row


def aged(database: str, alert: str, days: int) -> None:
    """Closed so long ago."""
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE alerting.alert SET closed_at = to_timestamp(%s / 1000.0) WHERE id = %s", [T0 - days * DAY_MS, alert])


def lived(database: str) -> str:
    """An alert that was raised, paged and resolved."""
    patient = uuid.uuid4().hex[:8]
    one = finding(patient=patient)
    taken(database, one, command(one.id, "resolve", uuid.uuid4().int, patient=patient))
    return one.id


def keeper(database: str, days: int) -> Keeper:
    return Keeper(database, days, lambda: T0, lambda: [0], threading.Event())


def test_what_was_closed_long_ago_goes_whole_and_what_was_closed_lately_stays(module_database: str) -> None:
    old, young = lived(module_database), lived(module_database)
    aged(module_database, old, 41)
    aged(module_database, young, 39)
    gone = keeper(module_database, 40).round()
    assert (gone, left(module_database, old), left(module_database, young)) == (
        1, dict.fromkeys(TABLES, 0), dict.fromkeys(TABLES, 1) | {"event": 2},
    )  # fmt: skip


def test_an_open_alert_is_never_forgotten(module_database: str) -> None:
    one = finding(patient=uuid.uuid4().hex[:8], start=T0 - 400 * DAY_MS)
    taken(module_database, one)
    keeper(module_database, 40).round()
    assert left(module_database, one.id)["event"] == 1


def test_the_log_of_events_stays_append_only(module_database: str) -> None:
    alert = lived(module_database)
    with psycopg.connect(module_database) as connection, pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        connection.execute("DELETE FROM alerting.event WHERE alert = %s", [alert])


@pytest.mark.parametrize(("text", "days"), [("0", 0), ("31", 31), ("3650", 3650)])
def test_days_are_for_ever_or_longer_than_kafka_keeps_findings(text: str, days: int) -> None:
    assert keep_days(text) == days


@pytest.mark.parametrize("text", ["30", "-1", "", "x"])
def test_fewer_days_are_refused_by_their_reason(text: str) -> None:
    with pytest.raises(ValueError, match="at least 31"):
        keep_days(text)
