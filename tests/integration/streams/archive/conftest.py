"""A database with patients p1.. and devices d1.., and the archive's sink on it."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from streams.archive.readings import Readings
from streams.archive.sift import Noted
from streams.archive.timescale import Session

Ask = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def known(database: str) -> str:
    """The database's address, with patients p1 to p5 and devices d1 to d5."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO clinical.ward (id, name) VALUES ('north', 'North')")
        for n in range(1, 6):
            connection.execute("INSERT INTO clinical.patient (id, ward) VALUES (%s, 'north')", (f"p{n}",))
            connection.execute("INSERT INTO clinical.device (id, kind) VALUES (%s, 'monitor')", (f"d{n}",))
    return database


@pytest.fixture
def ask(known: str) -> Iterator[Ask]:
    """Runs a query and returns its rows."""
    with psycopg.connect(known, autocommit=True) as connection:
        yield lambda sql, *parameters: connection.execute(sql, parameters).fetchall()


@pytest.fixture
def session(known: str) -> Iterator[Session]:
    """A session of one's own."""
    mine = Session(known, "test")
    yield mine
    mine.close()


@pytest.fixture
def told() -> list[Noted]:
    """What the archive told Kafka."""
    return []


@pytest.fixture
def readings(session: Session, told: list[Noted]) -> Readings:
    """The sink of `vitals.readings`."""
    return Readings(session, "vitals.readings", told.extend)
