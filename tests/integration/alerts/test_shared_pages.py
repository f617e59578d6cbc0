"""Two workers at the same moment on a real database: a ward's digest is one page, a gateway's loss is one page."""

import threading
import uuid
from collections.abc import Callable, Sequence

import psycopg
import pytest

from alerts import timescale
from alerts.backlog import Record
from alerts.clockwork import Tick
from alerts.timescale import Connection, Work
from tests.unit.alerts.stories import SITE, T0, finding
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
            start.wait(10)
            step(connection)

    threads = [threading.Thread(target=run, args=(step,)) for step in what]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


def record(one: Finding, partition: int, offset: int) -> Record:
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


@pytest.mark.parametrize("turn", range(3))
def test_a_gateways_loss_is_one_page_though_two_workers_have_its_patients(module_database: str, turn: int) -> None:
    mark = uuid.uuid4().hex[:6]
    with psycopg.connect(module_database, autocommit=True) as connection:
        connection.execute("INSERT INTO clinical.ward (id, name) VALUES (%s, 'w')", [mark])
        connection.execute("INSERT INTO clinical.device (id, kind, ward) VALUES (%s, 'gateway', %s)", [f"g-{mark}", mark])
        for n in range(8):
            connection.execute("INSERT INTO clinical.device (id, kind, gateway) VALUES (%s, 'monitor', %s)", [f"d{n}-{mark}", f"g-{mark}"])
        lost = [
            finding("silence", patient=f"{mark}-{n}", ward=mark, subject=f"d{n}-{mark}", priority="medium", alert_class="technical")
            for n in range(8)
        ]
        mine = [[record(one, p, n) for n, one in enumerate(lost) if n % WORKERS == p] for p in range(WORKERS)]
        at_once(module_database, [lambda c, p=p: timescale.write(c, Work(mine[p]), SITE, T0) for p in range(WORKERS)])  # type: ignore[misc]  # p is bound
        rows = connection.execute("SELECT count FROM alerting.page WHERE ward = %s", [mark]).fetchall()
    assert rows == [(8,)]
