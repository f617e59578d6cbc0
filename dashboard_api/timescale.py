"""PostgreSQL with TimescaleDB: a pool of connections and the few verbs that the API needs.

In: SQL and parameters. Out: rows as dicts. Promise: the server being away is `PartAway`, a unique or overlapping row is `Clash`, a row
that points at nothing is `Dangling`; none of psycopg's own errors for these passes this module.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
import psycopg
from psycopg import errors as pg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb, set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from vitals.errors import PartAway, Theirs

Row = dict[str, Any]
Parameters = Mapping[str, Any] | Sequence[Any]
_BELIEVED_S = 1.0
_Connection = psycopg.AsyncConnection[Row]


class Clash(Theirs):
    """The change collides with what is there; `constraint` names the rule."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


class Dangling(Theirs):
    """The change points at something that is not there; `constraint` names the rule."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


class Invalid(Theirs):
    """The database's own rules refuse the value."""


@asynccontextmanager
async def _named() -> AsyncIterator[None]:
    try:
        yield
    except (pg.UniqueViolation, pg.ExclusionViolation) as error:
        raise Clash(error.diag.constraint_name or "") from error
    except pg.ForeignKeyViolation as error:
        raise Dangling(error.diag.constraint_name or "") from error
    except (pg.CheckViolation, pg.DataError) as error:
        raise Invalid(error.diag.message_primary or "the value is out of range") from error
    except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
        raise PartAway("the database does not answer") from error


def json_value(value: Any) -> Jsonb:
    """A parameter for a jsonb column."""
    return Jsonb(value)


class Transaction:
    """One connection within one transaction: all of it happens, or none."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    async def rows(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of the answer."""
        cursor = await self._connection.execute(sql, parameters)
        return await cursor.fetchall() if cursor.description else []

    async def row(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """The first row of the answer."""
        found = await self.rows(sql, parameters)
        return found[0] if found else None

    async def do(self, sql: str, parameters: Parameters = ()) -> int:
        """How many rows were changed."""
        return (await self._connection.execute(sql, parameters)).rowcount

    async def many(self, sql: str, parameters: Sequence[Parameters]) -> None:
        """The same statement for each of `parameters`, in one round trip."""
        async with self._connection.cursor() as cursor:
            await cursor.executemany(sql, parameters)


class Database:
    """A pool. Opening it waits for nothing: an absent server is known by the first use."""

    def __init__(self, address: str, size: int = 8, wait_s: float = 5.0) -> None:
        set_json_loads(msgspec.json.decode)
        set_json_dumps(msgspec.json.encode)
        self._address = address
        # autocommit: a statement is one round trip, not three; `transaction` begins and ends its own. No statement here is so long that
        # compiling it (jit) would pay
        kwargs = {"row_factory": dict_row, "autocommit": True, "options": "-c timezone=UTC -c statement_timeout=30000 -c jit=off"}
        self._used: WeakKeyDictionary[_Connection, float] = WeakKeyDictionary()
        self._pool: AsyncConnectionPool[_Connection] = AsyncConnectionPool(
            address, min_size=1, max_size=size, timeout=wait_s, kwargs=kwargs, open=False, check=self._check
        )

    async def open(self) -> None:
        """Starts the pool."""
        await self._pool.open(wait=False)

    async def _check(self, connection: _Connection) -> None:
        """Asks a connection that has been idle whether it is still there; one that was good a moment ago is believed."""
        now = time.monotonic()
        if now - self._used.get(connection, 0.0) > _BELIEVED_S:
            await AsyncConnectionPool.check_connection(connection)
        self._used[connection] = now

    async def close(self) -> None:
        """Gives every connection back."""
        await self._pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Everything within happens together."""
        async with _named(), self._pool.connection() as connection, connection.transaction():
            yield Transaction(connection)

    async def rows(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of one statement."""
        async with _named(), self._pool.connection() as connection:
            return await Transaction(connection).rows(sql, parameters)

    async def row(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """The first row of one statement."""
        found = await self.rows(sql, parameters)
        return found[0] if found else None

    async def do(self, sql: str, parameters: Parameters = ()) -> int:
        """How many rows one statement changed."""
        async with _named(), self._pool.connection() as connection:
            return await Transaction(connection).do(sql, parameters)

    async def notifications(self, channel: str) -> AsyncIterator[str]:
        """Payloads of NOTIFY on `channel`, on a connection of its own; PartAway when that is lost. Yields "" once it listens."""
        async with _named():
            connection = await psycopg.AsyncConnection.connect(self._address, autocommit=True)
            try:
                await connection.execute(f"LISTEN {channel}")
                yield ""
                async for note in connection.notifies():
                    yield note.payload
            finally:
                await asyncio.shield(connection.close())
