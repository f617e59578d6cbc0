"""The directory on a real database: fresh within moments, there through outages; the clocks' ledger."""

import time
from collections.abc import Iterator

import psycopg
import pytest

from alerts import timescale
from alerts.backlog import Record
from alerts.escalation import Book, Contact
from ingest import conditions
from ingest.mqtt import Clocks
from ingest.skew import Entry
from ingest.timescale import POLL_S, Timescale
from tests.integration.ingest.gateways import enrol
from tests.waiting import wait_for
from vitals.finding import Finding

CLOCKS = Clocks(lambda: time.time_ns() // 1_000_000, time.monotonic)
MOMENTS_S = POLL_S * 2 / 3
"""For a slow machine's sake; what takes no longer was not left to the look that the keeper takes by itself."""


@pytest.fixture
def keeper(database: str) -> Iterator[Timescale]:
    """A keeper that has read once."""
    enrol(database, "dev-a")
    one = Timescale(database, 4, CLOCKS, print)
    one.start()
    wait_for(lambda: one.current, MOMENTS_S)
    yield one
    one.close()


def test_a_new_device_and_its_assignment_are_known_at_once(keeper: Timescale, database: str) -> None:
    enrol(database, "dev-b")
    wait_for(lambda: keeper.current and keeper.current.patient_of("dev-b", CLOCKS.now()) == "patient-of-dev-b", MOMENTS_S)


def test_a_clocks_correction_is_in_the_ledger_and_in_force_and_can_be_taken_back(keeper: Timescale, database: str) -> None:
    keeper.note([Entry("dev-a", 120_000, -120_000, 20)])
    keeper.note([Entry("dev-a", 120_500, -120_500, 20)])  # another gateway saw the same
    wait_for(lambda: keeper.current and keeper.current.clock_ms.tolist() != [0], MOMENTS_S)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO clinical.clock VALUES ('dev-a', clock_timestamp(), 120000, 0, 0, 'a person')")
        wait_for(lambda: keeper.current and keeper.current.clock_ms.tolist() == [0], MOMENTS_S)
        rows = connection.execute("SELECT clock_ms, author FROM clinical.clock ORDER BY at").fetchall()
    assert [author for _, author in rows] == ["ingest", "a person"]


def told(keeper: Timescale, clocks: conditions.Clocks) -> list[Finding]:
    """What these clocks say of the picture that there is now."""
    assert keeper.current is not None
    return clocks.told(keeper.current, CLOCKS.now())


def alerted(database: str, found: list[Finding], first: int) -> list[str]:
    """The states of all alerts once the alert worker has taken these findings, of which the first has this offset."""
    records = [Record("t", 0, first + n, one, None, 0) for n, one in enumerate(found)]
    with timescale.connected(database) as connection:
        timescale.write(connection, timescale.Work(records), Book((Contact("webhook"),)), CLOCKS.now())
        return [state for (state,) in connection.execute("SELECT state FROM alerting.alert").fetchall()]


def test_an_alert_of_a_clock_that_a_gateway_told_is_closed_by_one_that_starts_after_the_ledger_changed(
    keeper: Timescale, database: str
) -> None:
    keeper.note([Entry("dev-a", 120_000, -120_000, 20)])
    wait_for(lambda: keeper.current and keeper.current.clock_ms.tolist() != [0], MOMENTS_S)
    before = alerted(database, told(keeper, conditions.Clocks()), 0)
    keeper.note([Entry("dev-a", 0, 0, 20)])
    wait_for(lambda: keeper.current and keeper.current.clock_ms.tolist() == [0] and keeper.current.standing, MOMENTS_S)
    assert (before, alerted(database, told(keeper, conditions.Clocks()), 1)) == (["active"], ["closed"])


@pytest.mark.timeout(20)
def test_notes_and_questions_cost_no_waiting_while_the_database_is_away() -> None:
    away = Timescale("postgresql://nobody@127.0.0.1:9/none", 4, CLOCKS, print)
    for n in range(20_000):
        away.note([Entry("dev-a", n, -n, 20)])
    assert away.current is None


@pytest.mark.slow
def test_the_picture_stays_while_the_database_is_away_and_is_read_again_after(keeper: Timescale, database: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    with psycopg.connect(database, autocommit=True) as connection:
        before = keeper.current
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND application_name = 'vigil-ingest'", (name,)
        )
        wait_for(lambda: keeper.current is not before, MOMENTS_S, "the directory to be read again")
    assert before is not None
    assert keeper.current is not None
    assert keeper.current.number == before.number
