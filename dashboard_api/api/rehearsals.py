"""Rehearsals: what a changed rule set would have raised, before it is put in force. Counts only, no patient."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import msgspec

from dashboard_api import cursor
from dashboard_api.decoding import Time
from dashboard_api.problems import Problem, too_fast, unknown
from dashboard_api.rehearsing import Task
from dashboard_api.route import Call, Reply
from vitals import rules

_LONGEST = timedelta(days=92)
_COLUMNS = 'id, author, at, since AS "from", until AS "to", state, result, problem, ended_at'


class NewRehearsal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """`rules`: a whole rule set; the one in force runs beside it."""

    rules: msgspec.Raw
    since: Time
    to: Time


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """`result`: both rule sets' alerts a patient-day by rule and hour, what was found and what was lost; null until it is done."""

    id: str
    author: str
    at: datetime
    since: datetime
    to: datetime
    state: str
    result: Any
    problem: str
    ended_at: datetime | None


class RehearsalList(msgspec.Struct, frozen=True):
    """Newest first."""

    items: list[Rehearsal]
    next: str | None


async def create(call: Call) -> Reply:
    """202: it runs by itself; ask for it by its id. 422 that names the line of a wrong rule."""
    wish: NewRehearsal = call.body
    try:
        rules.parsed(bytes(wish.rules))
    except rules.RuleError as error:
        raise Problem(422, f"rules: {error}") from error
    if not wish.since < wish.to or wish.to - wish.since > _LONGEST:
        raise Problem(422, "from, to: expected a span that is not empty and at most 92 days")
    name = str(uuid.uuid4())
    sql = f"""INSERT INTO clinical.rehearsal (id, author, at, since, until, rules, state) VALUES (%s, %s, %s, %s, %s, %s, 'running')
              RETURNING {_COLUMNS}"""  # noqa: S608  # a constant
    row = await call.site.database.row(sql, [name, call.caller.username, call.now, wish.since, wish.to, bytes(wish.rules)])
    if not call.site.rehearsals.give(Task(name, bytes(wish.rules), wish.since, wish.to)):
        await call.site.database.do("DELETE FROM clinical.rehearsal WHERE id = %s", [name])
        raise too_fast(30)
    return Reply(row, 202, {"Location": f"/api/v1/rehearsals/{name}"}, detail={"rehearsal": name})


async def listed(call: Call) -> Reply:
    """Newest first."""
    query: cursor.Page = call.query
    before: tuple[datetime | None, str] = cursor.decode(query.cursor, tuple[datetime, str]) if query.cursor else (None, "")
    sql = f"""SELECT {_COLUMNS} FROM clinical.rehearsal WHERE %(at)s::timestamptz IS NULL OR (at, id) < (%(at)s, %(id)s)
              ORDER BY at DESC, id DESC LIMIT %(n)s"""  # noqa: S608  # a constant
    rows = await call.site.database.rows(sql, {"at": before[0], "id": before[1], "n": query.limit + 1})
    page, following = cursor.page(rows, query.limit, "at", "id")
    return Reply({"items": page, "next": following})


async def read(call: Call) -> Reply:
    """One."""
    row = await call.site.database.row(f"SELECT {_COLUMNS} FROM clinical.rehearsal WHERE id = %s", [call.path["id"]])  # noqa: S608  # a constant
    if row is None:
        raise unknown()
    return Reply(row)
