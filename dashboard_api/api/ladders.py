"""Escalation policies: who is called for which alerts, in which order, and how long each has (`vitals.ladder`)."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from dashboard_api.api.oncall import checked_id
from dashboard_api.decoding import Id
from dashboard_api.problems import Problem, unknown
from dashboard_api.route import Call, Reply
from dashboard_api.timescale import json_value
from vitals.finding import Priority
from vitals.ladder import Rung


class LadderBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`ward` null: for every ward that has none of its own."""

    ward: Id | None = None
    priorities: Annotated[list[Priority], Meta(min_length=1, max_length=3)]
    rungs: Annotated[tuple[Rung, ...], Meta(min_length=1, max_length=20)]


class LadderShown(msgspec.Struct, frozen=True, kw_only=True):
    """A policy."""

    id: str
    ward: str | None
    priorities: list[str]
    rungs: list[dict[str, Any]]


class Ladders(msgspec.Struct, frozen=True):
    """All policies."""

    items: list[LadderShown]
    next: None = None


async def listed(call: Call) -> Reply:
    """By id."""
    rows = await call.site.database.rows("SELECT id, ward, priorities, rungs FROM oncall.ladder ORDER BY id")
    return Reply({"items": rows, "next": None})


async def put(call: Call) -> Reply:
    """Made or replaced."""
    wish: LadderBody = call.body
    if wish.ward is not None and await call.site.database.row("SELECT 1 FROM clinical.ward WHERE id = %s", [wish.ward]) is None:
        raise Problem(422, f"ward: there is no ward {wish.ward}")
    sql = """INSERT INTO oncall.ladder (id, ward, priorities, rungs, author, updated_at) VALUES (%s, %s, %s, %s, %s, %s)
             ON CONFLICT (id) DO UPDATE SET ward = excluded.ward, priorities = excluded.priorities, rungs = excluded.rungs,
             author = excluded.author, updated_at = excluded.updated_at RETURNING id, ward, priorities, rungs"""
    rungs = json_value(msgspec.to_builtins(wish.rungs))
    facts = [checked_id(call.path["id"]), wish.ward, sorted(set(wish.priorities)), rungs, call.caller.username, call.now]
    return Reply(await call.site.database.row(sql, facts), detail={"policy": call.path["id"]})


async def delete(call: Call) -> Reply:
    """The site's own contacts are called in its place."""
    if not await call.site.database.do("DELETE FROM oncall.ladder WHERE id = %s", [call.path["id"]]):
        raise unknown()
    return Reply(status=204)
