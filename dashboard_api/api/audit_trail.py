"""Reading the audit, and proving that nobody changed it."""

from datetime import datetime
from typing import Any

import msgspec

from dashboard_api import audit, cursor
from dashboard_api.audit_log import link_from
from dashboard_api.decoding import Time
from dashboard_api.route import Call, Reply

_AT_ONCE = 2000


class AuditQuery(cursor.Page, frozen=True, kw_only=True, rename={"since": "from"}):
    """`patient`: also the lists that showed this patient. `outcome`: done, denied or failed."""

    patient: str | None = None
    actor: str | None = None
    action: str | None = None
    outcome: str | None = None
    since: Time | None = None
    to: Time | None = None


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what to whose data, and what came of it; `digest` seals it and all before it."""

    n: int
    at: datetime
    actor: str
    role: str
    action: str
    patient: str | None
    resource: str
    outcome: str
    detail: dict[str, Any]
    digest: str


class AuditPage(msgspec.Struct, frozen=True):
    """A page of the audit, newest first."""

    items: list[AuditEntry]
    next: str | None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """`broken_at`: the first entry that is not what was sealed. `head`: the digest of the last one, to be kept elsewhere."""

    intact: bool
    entries: int
    head: str
    broken_at: int | None


_LIST = """SELECT n, at, actor, role, action, patient, resource, outcome, detail, encode(digest, 'hex') AS digest FROM access.audit
WHERE n < %(before)s AND (%(actor)s::text IS NULL OR actor = %(actor)s) AND (%(action)s::text IS NULL OR action = %(action)s)
  AND (%(patient)s::text IS NULL OR patient = %(patient)s OR detail -> 'patients' ? %(patient)s)
  AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
  AND (%(since)s::timestamptz IS NULL OR at >= %(since)s) AND (%(to)s::timestamptz IS NULL OR at < %(to)s)
ORDER BY n DESC LIMIT %(limit)s"""


async def listed(call: Call) -> Reply:
    """Newest first."""
    query: AuditQuery = call.query
    before = cursor.decode(query.cursor, tuple[int])[0] if query.cursor else 2**62
    filters = {f: getattr(query, f) for f in ("patient", "actor", "action", "outcome", "since", "to")}
    rows = await call.site.database.rows(_LIST, filters | {"before": before, "limit": query.limit + 1})
    page, following = cursor.page(rows, query.limit, "n")
    return Reply({"items": page, "next": following})


async def verify(call: Call) -> Reply:
    """Recomputes the whole chain."""
    n, digest = 0, audit.EMPTY
    sql = "SELECT * FROM access.audit WHERE n > %s AND n <= %s ORDER BY n LIMIT %s"
    head = await call.site.database.row("SELECT n, digest FROM access.audit_head")
    last = head["n"] if head else 0
    while rows := await call.site.database.rows(sql, [n, last, _AT_ONCE]):
        links = [link_from(row) for row in rows]
        broken = audit.broken_at(n, digest, links)
        if broken is not None:
            return Reply(Verdict(intact=False, entries=last, head="", broken_at=broken))
        n, digest = links[-1].n, links[-1].digest
    whole = head is not None and n == last and digest == bytes(head["digest"])
    return Reply(Verdict(intact=whole, entries=n, head=digest.hex(), broken_at=None if whole else n + 1))
