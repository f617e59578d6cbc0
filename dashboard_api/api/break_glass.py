"""Breaking the glass: access outside the care team, for an hour, with a reason, loudly recorded, and reviewed afterwards.

Loudly: an audit entry on the patient, a counter that alarms can watch, a log line (pseudonyms only), and the list that the auditor
reviews.
"""

import logging
import uuid
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from dashboard_api import cursor, policy
from dashboard_api.decoding import Id
from dashboard_api.problems import Problem, unknown
from dashboard_api.route import Call, Reply

LASTS = timedelta(hours=1)
_log = logging.getLogger(__name__)


class BreakGlass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why care cannot wait: three characters that can be seen, at least."""

    patient_id: Id
    reason: Annotated[str, Meta(pattern=r"\S\s*\S\s*\S", max_length=1000)]


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Open until `expires_at`."""

    id: str
    username: str
    patient_id: str
    reason: str
    at: datetime
    expires_at: datetime
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None


class Grants(msgspec.Struct, frozen=True):
    """A page of grants, newest first."""

    items: list[Grant]
    next: str | None


_COLUMNS = "id, username, patient AS patient_id, reason, at, expires_at, reviewed_by, reviewed_at"


async def break_glass(call: Call) -> Reply:
    """201 with the end. A patient that does not exist is 404 here, as anywhere: who breaks glass names a patient they were told of."""
    wish: BreakGlass = call.body
    row = await call.site.database.row("SELECT ward FROM clinical.patient WHERE id = %s", [wish.patient_id])
    if row is None:
        raise unknown()
    if policy.sees(call.caller, wish.patient_id, row["ward"]) and wish.patient_id not in call.caller.broken_glass:
        raise Problem(409, "this patient is within your reach already")
    sql = f"""INSERT INTO access.break_glass (id, username, patient, reason, at, expires_at)
              VALUES (%s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}"""  # noqa: S608  # a constant
    facts = [str(uuid.uuid4()), call.caller.username, wish.patient_id, wish.reason, call.now, call.now + LASTS]
    grant = await call.site.database.row(sql, facts)
    call.site.metrics.broken_glass.inc()
    _log.warning("event=glass_broken role=%s", call.caller.role)
    return Reply(grant, 201, patients=(wish.patient_id,), detail={"reason": wish.reason})


async def listed(call: Call) -> Reply:
    """All of them, for the review."""
    query: cursor.Page = call.query
    before: tuple[datetime | None, str] = cursor.decode(query.cursor, tuple[datetime, str]) if query.cursor else (None, "")
    sql = f"""SELECT {_COLUMNS} FROM access.break_glass WHERE %(at)s::timestamptz IS NULL OR (at, id) < (%(at)s, %(id)s)
              ORDER BY at DESC, id DESC LIMIT %(n)s"""  # noqa: S608  # a constant
    rows = await call.site.database.rows(sql, {"at": before[0], "id": before[1], "n": query.limit + 1})
    page, following = cursor.page(rows, query.limit, "at", "id")
    return Reply({"items": page, "next": following})


async def review(call: Call) -> Reply:
    """Notes that somebody looked at it."""
    sql = f"""UPDATE access.break_glass SET reviewed_by = %s, reviewed_at = %s WHERE id = %s RETURNING {_COLUMNS}"""  # noqa: S608  # a constant
    row = await call.site.database.row(sql, [call.caller.username, call.now, call.path["id"]])
    if row is None:
        raise unknown()
    return Reply(row, patients=(row["patient_id"],))
