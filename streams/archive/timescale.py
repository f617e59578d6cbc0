"""A session with TimescaleDB: one connection, made when it is first needed and again after it broke.

Promise: whatever goes wrong with the server comes out as `PartAway` (retry), as `Conflict` (a unique index said no) or as `Indigestible`
(the data is at fault); after either nothing of the transaction is stored. A session belongs to one thread.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import errors

from vitals.errors import PartAway, Theirs, World

_PATIENCE: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""A server that vanished without a word is noticed within half a minute."""
Parameters = Sequence[Any] | Mapping[str, Any]


class Conflict(World):
    """A unique index refused a row."""


class Indigestible(Theirs):
    """The server says that the data itself cannot be stored; trying again would not help."""


class Session:
    """`name` shows in pg_stat_activity."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    @contextmanager
    def transaction(self, isolation: str = "READ COMMITTED") -> Iterator["Session"]:
        """Commits at the end, rolls back on any exception. Raises PartAway or Conflict for what the server says."""
        try:
            connection = self._connected()
            with connection.transaction():
                if isolation != "READ COMMITTED":
                    connection.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}".encode())
                yield self
        except errors.UniqueViolation as error:
            raise Conflict(_told(error)) from error
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise Indigestible(_told(error)) from error
        except psycopg.Error as error:
            self.close()
            raise PartAway(_told(error)) from error

    def rows(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """All rows that `sql` returns."""
        return self._connected().execute(sql.encode(), parameters or None).fetchall()

    def run(self, sql: str, parameters: Parameters = ()) -> int:
        """Rows that `sql` changed."""
        return self._connected().execute(sql.encode(), parameters or None).rowcount

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """`sql` once for each of `rows`, pipelined."""
        with self._connected().cursor() as cursor:
            cursor.executemany(sql.encode(), rows)

    def copy(self, sql: str, data: bytes) -> None:
        """Sends `data`, a whole COPY stream."""
        with self._connected().cursor() as cursor, cursor.copy(sql.encode()) as copy:
            copy.write(data)

    def close(self) -> None:
        """Drops the connection; the next use makes a new one."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
        self._connection = None

    def _connected(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, autocommit=True, application_name=self._name, **_PATIENCE)
        return self._connection


def _told(error: psycopg.Error) -> str:
    """The server's code and message, never the row: it may hold a patient's values."""
    return f"{type(error).__name__} {error.sqlstate or ''} {error.diag.message_primary or ''}".strip()
