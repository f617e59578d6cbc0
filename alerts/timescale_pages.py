"""The pages' outbox in the database: leasing, settling, following on to the next contact.

Promise: a page is leased by one sender at a time; a dead sender's lease runs out and another sends it with the same key; a settled
page is never sent again. Times ms.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import msgspec
import psycopg
from psycopg.rows import TupleRow

from alerts.escalation import Contact
from alerts.notice import Notice

LEASE_MS = 30_000
TRIES_BEFORE_FALLBACK = 3


@dataclass(frozen=True, slots=True)
class Leased:
    """A page to be sent now. `attempt` 1 first."""

    id: str
    alert: str
    kind: str
    priority: str
    ward: str
    bed: str
    channel: str
    address: str
    fallback: tuple[Contact, ...]
    attempt: int
    expires_at: int
    count: int
    about: str = ""

    @property
    def key(self) -> str:
        """The idempotency key: a pager that is told what became of a page knows it by that page's."""
        return self.about or self.id

    def notice(self, link: str, now: int) -> Notice:
        """What the channel is given."""
        return Notice(
            key=self.key,
            kind=self.kind,
            priority=self.priority,
            ward=self.ward,
            bed=self.bed if self.count == 1 else "",
            link=link,
            sent_at=now,
            count=self.count,
        )


# Chosen in a WITH, not in a subquery of the UPDATE: a nested loop runs that once for every page, and each run would choose and lock more.
_LEASE = """
WITH due AS MATERIALIZED (
    SELECT id FROM alerting.page WHERE state = 'waiting' AND next_at <= %(now)s AND coalesce(leased_until, 0) < %(now)s
    ORDER BY about <> '', CASE priority WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END, next_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
UPDATE alerting.page SET leased_by = %(by)s, leased_until = %(until)s, attempts = attempts + 1, sent_at = coalesce(sent_at, %(now)s)
FROM due WHERE page.id = due.id
RETURNING page.id, alert, kind, priority, ward, bed, channel, address, fallback::text, attempts, expires_at, count, about
"""
_COLUMNS = tuple(field.name for field in fields(Leased))


def lease(connection: psycopg.Connection[TupleRow], by: str, now: int, most: int) -> list[Leased]:
    """The most urgent pages that are due, what became of others last, now this sender's for `LEASE_MS`."""
    asked = {"by": by, "until": now + LEASE_MS, "now": now, "most": most}
    return [_leased(row) for row in connection.execute(_LEASE, asked).fetchall()]


def _leased(row: Sequence[object]) -> Leased:
    contacts = tuple(Contact(*pair) for pair in msgspec.json.decode(str(row[8])))
    known = dict(zip(_COLUMNS, row, strict=True))
    return msgspec.convert(known | {"fallback": contacts}, Leased)


def delivered(connection: psycopg.Connection[TupleRow], page: Leased, now: int) -> None:
    """The channel took it; also where it was cancelled meanwhile: that it went out is the truth."""
    _settle(connection, page, "delivered", "", now)


def failed(connection: psycopg.Connection[TupleRow], page: Leased, error: str) -> None:
    """It will not be delivered; the ladder goes on at once."""
    _settle(connection, page, "failed", error, None)


def _settle(connection: psycopg.Connection[TupleRow], page: Leased, state: str, error: str, at: int | None) -> None:
    connection.execute(
        "UPDATE alerting.page SET state = %s, delivered_at = %s, error = %s, leased_until = NULL, told = about <> ''"
        " WHERE id = %s AND state IN ('waiting', 'cancelled')",
        [state, at, error[:200], page.id],
    )


def later(connection: psycopg.Connection[TupleRow], page: Leased, next_at: int, error: str, *, onward: bool) -> None:
    """Again at `next_at`; by the next contact where this one refused (`onward`: it is not asked again) or was tried enough."""
    channel, address, fallback = page.channel, page.address, page.fallback
    if (onward or page.attempt % TRIES_BEFORE_FALLBACK == 0) and fallback:
        tried = () if onward else (Contact(channel, address),)
        channel, address, fallback = fallback[0].channel, fallback[0].address, (*fallback[1:], *tried)
    connection.execute(
        "UPDATE alerting.page SET next_at = %s, leased_until = NULL, error = %s, channel = %s, address = %s, fallback = %s"
        " WHERE id = %s AND state = 'waiting'",
        [next_at, error[:200], channel, address, msgspec.json.encode([[c.channel, c.address] for c in fallback]).decode(), page.id],
    )
