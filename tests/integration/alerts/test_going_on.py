"""On a real database: what began before the same was known to be over goes on in its alert, whatever was forgotten since."""

import uuid
from typing import Any

import psycopg
import pytest

from alerts import timescale
from alerts.backlog import Record
from alerts.pipeline import FLAPS
from alerts.timescale import Connection, Work
from tests.unit.alerts.stories import SITE, T0, finding

S = 1_000


def told(connection: Connection, patient: str, start: int, known: int | None = None) -> None:
    """That a condition began, or that it is known to be over, alone in a transaction."""
    more: dict[str, Any] = {} if known is None else {"phase": "end", "at": known, "ended_at": known - 60 * S}
    one = finding(priority="medium", patient=patient, ward=patient, start=start, **more)
    timescale.write(connection, Work([Record("findings", 0, 0, one, None, 0)]), SITE, known or start + 200 * S)


def rows(connection: Connection, query: str, patient: str) -> list[tuple[Any, ...]]:
    return connection.execute(query, [patient]).fetchall()


@pytest.mark.parametrize(("start", "states"), [(100, ["active"]), (261, ["active", "closed"])])
def test_what_is_told_after_the_same_was_over_goes_on_in_its_alert(module_database: str, start: int, states: list[str]) -> None:
    patient = uuid.uuid4().hex[:8]
    with psycopg.connect(module_database, autocommit=True) as connection:
        told(connection, patient, T0)
        told(connection, patient, T0, T0 + 260 * S)
        told(connection, patient, T0 + start * S)
        assert rows(connection, "SELECT state FROM alerting.alert WHERE patient = %s ORDER BY 1", patient) == [(one,) for one in states]


def test_what_goes_on_and_on_like_that_is_held_as_flapping(module_database: str) -> None:
    patient = uuid.uuid4().hex[:8]
    with psycopg.connect(module_database, autocommit=True) as connection:
        for start in range(T0, T0 + 6 * 150 * S, 150 * S):
            told(connection, patient, start)
            told(connection, patient, start, start + 210 * S)
        assert rows(connection, "SELECT count(*) FROM alerting.page WHERE ward = %s", patient) == [(FLAPS - 1,)]
