"""The site's rules: versioned, checked by the very form that detection runs, taken up without a restart."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from dashboard_api import cursor
from dashboard_api.problems import Problem
from dashboard_api.route import Call, Reply
from dashboard_api.rule_sets import newest
from dashboard_api.timescale import Clash, json_value
from vitals import rules
from vitals.errors import PartAway


class NewRules(msgspec.Struct, frozen=True, kw_only=True):
    """`rules`: a whole rule set. `base_version`: the one that it was made from; 409 when another is in force by now."""

    rules: msgspec.Raw
    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    base_version: int | None = None


class RuleVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version."""

    version: int
    author: str | None
    reason: str
    at: datetime | None


class RulesAnswer(RuleVersion, frozen=True, kw_only=True):
    """One version with its rules."""

    rules: dict[str, Any]


class RuleVersions(msgspec.Struct, frozen=True):
    """Newest first."""

    items: list[RuleVersion]
    next: str | None


class RulesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`version`: the one in force when left out."""

    version: Annotated[int, Meta(ge=1, le=2**31)] | None = None


async def read(call: Call) -> Reply:
    """The rules in force, or an earlier version."""
    query: RulesQuery = call.query
    if query.version is None:
        return Reply(await newest(call.site.database))
    sql = "SELECT version, author, reason, at, body AS rules FROM clinical.rule_set WHERE version = %s"
    row = await call.site.database.row(sql, [query.version])
    if row is None and query.version != rules.default().version:
        raise Problem(404, "there is no such version")
    shipped = {"version": query.version, "author": None, "reason": "as shipped", "at": None, "rules": rules.default()}
    return Reply(row or shipped)


async def put(call: Call) -> Reply:
    """422 that names the line; the version is the next one, whatever the body says."""
    wish: NewRules = call.body
    try:
        checked = rules.parsed(bytes(wish.rules))
    except rules.RuleError as error:
        raise Problem(422, f"rules: {error}") from error
    before = await newest(call.site.database)
    if wish.base_version not in (None, before.version):
        raise Problem(409, f"version {before.version} is in force by now")
    body = msgspec.to_builtins(msgspec.structs.replace(checked, version=before.version + 1))
    sql = "INSERT INTO clinical.rule_set (version, body, author, reason, at) VALUES (%s, %s, %s, %s, %s)"
    try:
        facts = [before.version + 1, json_value(body), call.caller.username, wish.reason, call.now]
        await call.site.database.do(sql, facts)
    except Clash as error:
        raise Problem(409, "somebody else changed the rules at the same time") from error
    try:
        await call.site.rule_sets.publish()
    except PartAway:
        call.site.metrics.published.labels("rules", "later").inc()
    answer = RulesAnswer(version=before.version + 1, author=call.caller.username, reason=wish.reason, at=call.now, rules=body)
    return Reply(answer, detail={"version": before.version + 1, "reason": wish.reason})


async def versions(call: Call) -> Reply:
    """Who changed the rules when, and why."""
    query: cursor.Page = call.query
    before = cursor.decode(query.cursor, tuple[int])[0] if query.cursor else 2**62
    sql = "SELECT version, author, reason, at FROM clinical.rule_set WHERE version < %s ORDER BY version DESC LIMIT %s"
    page, following = cursor.page(await call.site.database.rows(sql, [before, query.limit + 1]), query.limit, "version")
    return Reply({"items": page, "next": following})
