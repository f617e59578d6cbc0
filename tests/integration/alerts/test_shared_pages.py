"""Two workers at the same moment on a real database: a ward's digest is one page, a gateway's loss is one page."""

import threading
import uuid
from collections.abc import Callable, Sequence

import msgspec
import psycopg
import pytest

from alerts import timescale
from alerts.backlog import Record
from alerts.clockwork import Tick
from alerts.timescale import Connection, Work
from tests.unit.alerts.stories import SITE, T0, command, finding
from vitals.alert import Command
from vitals.finding import Finding

HOUR = 3_600_000
NIGHT = T0 - T0 % (24 * HOUR) + 23 * HOUR
MORNING = NIGHT + 8 * HOUR
WORKERS = 2


def at_once(database: str, what: Sequence[Callable[[Connection], object]]) -> None:
    """All of these, each on a connection of its own, begun together."""
    start = threading.Barrier(len(what))

    def run(step: Callable[[Connection], object]) -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            start.wait(60)
            step(connection)

    threads = [threading.Thread(target=run, args=(step,)) for step in what]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def record(one: Finding | Command, partition: int, offset: int) -> Record:
    return Record("findings", partition, offset, one, None, 0)


@pytest.mark.parametrize("turn", range(3))
def test_a_wards_digest_is_one_page_though_two_workers_have_its_patients(module_database: str, turn: int) -> None:
    ward = f"w{uuid.uuid4().hex[:6]}"
    held = [finding(patient=f"{ward}-{n}", ward=ward, priority="low", start=NIGHT + n) for n in range(8)]
    with psycopg.connect(module_database, autocommit=True) as connection:
        for n, one in enumerate(held):
            timescale.write(connection, Work([record(one, n % WORKERS, n)]), SITE, NIGHT)
        partitions = [frozenset({p}) for p in range(WORKERS)]
        ticks = [[Tick(one.id) for n, one in enumerate(held) if n % WORKERS == p] for p in range(WORKERS)]
        at_once(
            module_database,
            [lambda c, p=p: timescale.write(c, Work((), ticks[p], (), partitions[p]), SITE, MORNING + 100 * p) for p in range(WORKERS)],  # type: ignore[misc]  # p is bound
        )
        rows = connection.execute("SELECT count FROM alerting.page WHERE ward = %s", [ward]).fetchall()
        joined = connection.execute("SELECT count(*) FROM alerting.alert WHERE ward = %s AND due_at IS NOT NULL", [ward]).fetchone()
    assert (rows, joined) == ([(8,)], (7,))


def lost_with_a_gateway(connection: Connection, devices: int) -> list[Finding]:
    """The silence of the devices of a new gateway."""
    mark = uuid.uuid4().hex[:6]
    connection.execute("INSERT INTO clinical.ward (id, name) VALUES (%s, 'w')", [mark])
    connection.execute("INSERT INTO clinical.device (id, kind, ward) VALUES (%s, 'gateway', %s)", [f"g-{mark}", mark])
    for n in range(devices):
        connection.execute("INSERT INTO clinical.device (id, kind, gateway) VALUES (%s, 'monitor', %s)", [f"d{n}-{mark}", f"g-{mark}"])
    return [
        finding("silence", patient=f"{mark}-{n}", ward=mark, subject=f"d{n}-{mark}", priority="medium", alert_class="technical")
        for n in range(devices)
    ]


@pytest.mark.parametrize("turn", range(3))
def test_a_gateways_loss_is_one_page_though_two_workers_have_its_patients(module_database: str, turn: int) -> None:
    with psycopg.connect(module_database, autocommit=True) as connection:
        lost = lost_with_a_gateway(connection, 8)
        mine = [[record(one, p, n) for n, one in enumerate(lost) if n % WORKERS == p] for p in range(WORKERS)]
        at_once(module_database, [lambda c, p=p: timescale.write(c, Work(mine[p]), SITE, T0) for p in range(WORKERS)])  # type: ignore[misc]  # p is bound
        rows = connection.execute("SELECT count FROM alerting.page WHERE ward = %s", [lost[0].ward]).fetchall()
    assert rows == [(8,)]


def over(one: Finding) -> Finding:
    return msgspec.structs.replace(one, phase="end", at=T0 + 1, ended_at=T0 + 1)


def answer(one: Finding) -> Command:
    return msgspec.structs.replace(command(one.id, "acknowledge", patient=one.patient), id=f"c-{one.id}")


def pages(connection: Connection, batches: Sequence[Sequence[Finding | Command]]) -> list[tuple[str, int]]:
    """(state, count) of the pages after these batches, each written at once."""
    for batch in batches:
        timescale.write(connection, Work([record(one, 0, n) for n, one in enumerate(batch)]), SITE, T0)
    wards = [one.ward for batch in batches for one in batch if isinstance(one, Finding)]
    query = "SELECT state, count FROM alerting.page WHERE ward = %s ORDER BY created_at"
    return connection.execute(query, wards[:1]).fetchall()  # type: ignore[return-value]  # rows


def of_one_patient() -> list[Finding]:
    """Two conditions of a patient, the second of which joins the page of the first."""
    mark = uuid.uuid4().hex[:6]
    return [finding(subject=subject, patient=mark, ward=mark, priority="medium") for subject in ("hr", "spo2")]


def test_a_page_for_several_patients_stays_though_the_alert_that_carries_it_is_over(module_database: str) -> None:
    with psycopg.connect(module_database, autocommit=True) as connection:
        lost = lost_with_a_gateway(connection, 5)
        assert pages(connection, [lost, [over(lost[0])]]) == [("waiting", 5)]


def test_a_page_stays_for_who_joins_it_in_the_batch_in_which_its_alert_is_over(module_database: str) -> None:
    with psycopg.connect(module_database, autocommit=True) as connection:
        first, second = lost_with_a_gateway(connection, 2)
        assert pages(connection, [[first], [over(first), second]]) == [("waiting", 2)]


def test_a_page_that_failed_speaks_for_nobody_more(module_database: str) -> None:
    with psycopg.connect(module_database, autocommit=True) as connection:
        first, second = lost_with_a_gateway(connection, 2)
        pages(connection, [[first]])
        connection.execute("UPDATE alerting.page SET state = 'failed' WHERE ward = %s", [first.ward])
        assert sorted(pages(connection, [[second]])) == [("failed", 1), ("waiting", 1)]


Story = Callable[[Finding, Finding], list[list[Finding | Command]]]


@pytest.mark.parametrize(
    ("story", "became"),
    [
        (lambda a, b: [[a], [answer(a), b]], ("cancelled", 1)),  # whoever answered sees the second beside it
        (lambda a, b: [[a], [b, over(a)]], ("waiting", 2)),
        (lambda a, b: [[a, b], [over(a)]], ("waiting", 2)),
        (lambda a, b: [[a, b], [over(b)]], ("waiting", 2)),
        (lambda a, b: [[a, b], [over(a)], [over(b)]], ("cancelled", 2)),
        (lambda a, b: [[a, b], [over(b), answer(a)]], ("cancelled", 2)),
    ],
)
def test_a_patients_page_is_withdrawn_once_none_is_left_that_it_calls_for(
    module_database: str, story: Story, became: tuple[str, int]
) -> None:
    with psycopg.connect(module_database, autocommit=True) as connection:
        assert pages(connection, story(*of_one_patient())) == [became]
