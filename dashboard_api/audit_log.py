"""Writes the audit: entries of many requests in one transaction, before any of their answers is sent.

In: entries. Out: rows of access.audit, chained under the lock of the one head row, so several processes may write. Promise: `write`
returns only when the entry is stored. With the database away it raises PartAway (the answer is then not sent), the entry stays queued
and is written later; when `MOST_WAITING` are queued, `write` refuses at once. A detail that the database refuses is stored as
text and holds up no other entry. Drops nothing but what a crash finds in the queue.
"""

import asyncio
import contextlib
import logging

import msgspec

from dashboard_api import audit
from dashboard_api.timescale import Clash, Database, Invalid, Row, json_value
from vitals.errors import PartAway

MOST_WAITING = 10_000
PATIENCE_S = 5.0
_AT_ONCE = 500
_log = logging.getLogger(__name__)

_INSERT = """INSERT INTO access.audit (n, at, actor, role, action, patient, resource, outcome, detail, digest)
             VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
_Waiting = tuple[audit.Entry, asyncio.Future[None]]


class AuditLog:
    """The one writer of a process; `run` is its task."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(MOST_WAITING)

    async def write(self, entry: audit.Entry) -> None:
        """Returns when the entry is stored; raises PartAway when that takes longer than PATIENCE_S."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait((entry, stored))
            await asyncio.wait_for(asyncio.shield(stored), PATIENCE_S)
        except (asyncio.QueueFull, TimeoutError) as error:
            raise PartAway("the audit cannot be written") from error

    async def run(self) -> None:
        """Writes what is queued until cancelled."""
        while True:
            batch = [await self._queue.get()]
            while not self._queue.empty() and len(batch) < _AT_ONCE:
                batch.append(self._queue.get_nowait())
            await self._store([entry for entry, _ in batch])
            for _, stored in batch:
                if not stored.done():
                    stored.set_result(None)
                self._queue.task_done()

    async def drain(self) -> None:
        """Waits, for a few seconds at most, until nothing is queued."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._queue.join(), PATIENCE_S)

    async def _store(self, entries: list[audit.Entry]) -> None:
        """Appends them, however long it takes; those among which one is refused, one by one."""
        try:
            await self._appended(entries)
        except Invalid:
            for entry in entries:
                try:
                    await self._appended([entry])
                except Invalid as error:
                    _log.warning("event=audit_detail_as_text action=%s cause=%s", entry.action, error)
                    await self._appended([audit.with_detail_as_text(entry)])

    async def _appended(self, entries: list[audit.Entry]) -> None:
        pause = 0.1
        while True:
            try:
                return await self._append(entries)
            except (PartAway, Clash) as error:
                _log.warning("event=audit_delayed entries=%d cause=%s", len(entries), type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)

    async def _append(self, entries: list[audit.Entry]) -> None:
        async with self._database.transaction() as transaction:
            head = await transaction.row("SELECT n, digest FROM access.audit_head FOR UPDATE")
            if head is None:
                raise PartAway("the audit has no head row")
            links = audit.chained(head["n"], head["digest"], entries)
            await transaction.many(_INSERT, [_columns(link) for link in links])
            await transaction.do("UPDATE access.audit_head SET n = %s, digest = %s", [links[-1].n, links[-1].digest])


def _columns(link: audit.Link) -> tuple[object, ...]:
    entry = link.entry
    detail = json_value(entry.detail)
    return (link.n, entry.at, entry.actor, entry.role, entry.action, entry.patient, entry.resource, entry.outcome, detail, link.digest)


def link_from(row: Row) -> audit.Link:
    """The link that a row of access.audit holds."""
    names = ("at", "actor", "role", "action", "resource", "outcome", "patient", "detail")
    return audit.Link(row["n"], msgspec.convert({name: row[name] for name in names}, audit.Entry), bytes(row["digest"]))
