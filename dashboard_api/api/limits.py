"""A patient's own limits: with author and reason, until they expire and revert by themselves.

PUT sets the vitals that it names, removes those it gives as null and leaves the others; each change raises the patient's version and
goes to detection on the topic `patients`, expiry included, so that a limit reverts there even with everything else away. What GET shows may
be given back: a vital that is in it as it stands, under the same reason and end beside the vitals, keeps its author, reason and end.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from dashboard_api.problems import Problem
from dashboard_api.route import Call, Reply
from dashboard_api.rule_sets import newest
from dashboard_api.timescale import Row
from vitals.registry import BY_NAME

LimitsBody = dict[str, Any]


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Canonical unit; null on one side: the rules' own limit there."""

    low: float | None = None
    high: float | None = None


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Why, and until when."""

    reason: str
    expires_at: datetime | None = None


_SHOWN_ONLY = frozenset({"reason", "author", "set_at", "expires_at"})
"""What GET tells of a vital's limit besides its bounds; in a PUT it says nothing, for reason and end stand beside the vitals."""
_SELECT = """SELECT vital, low, high, reason, author, set_at, expires_at FROM clinical.limit_override
             WHERE patient = %s AND (expires_at IS NULL OR expires_at > %s) ORDER BY set_at, vital"""
_UPSERT = """INSERT INTO clinical.limit_override (patient, vital, low, high, reason, author, set_at, expires_at)
             VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (patient, vital) DO UPDATE SET low = excluded.low, high = excluded.high,
             reason = excluded.reason, author = excluded.author, set_at = excluded.set_at, expires_at = excluded.expires_at"""


async def read(call: Call) -> Reply:
    """Those in force now."""
    return Reply(shown(await _in_force(call)))


async def _in_force(call: Call) -> list[Row]:
    return await call.site.database.rows(_SELECT, [call.subject["id"], call.now])


async def put(call: Call) -> Reply:
    """422 for a vital that is not known or that no rule in force watches, bounds that cross, a missing reason or an end in the past."""
    if call.body == shown([]):
        return await read(call)
    named, terms = checked(call.body, call.now)
    bounds = changes(call.body, named, terms, await _in_force(call))
    if not bounds:
        return await read(call)
    watched = (await newest(call.site.database)).rules["limits"]
    if idle := sorted(vital for vital, bound in bounds.items() if bound is not None and vital not in watched):
        raise Problem(422, f"{idle[0]}: the rules in force watch no limits of it, so one of the patient's own would never be told")
    patient = call.subject["id"]
    async with call.site.database.transaction() as transaction:
        await transaction.do("UPDATE clinical.patient SET version = version + 1 WHERE id = %s", [patient])
        await transaction.do("DELETE FROM clinical.limit_override WHERE patient = %s AND expires_at <= %s", [patient, call.now])
        for vital, bound in bounds.items():
            if bound is None:
                await transaction.do("DELETE FROM clinical.limit_override WHERE patient = %s AND vital = %s", [patient, vital])
            else:
                facts = [patient, vital, bound.low, bound.high, terms.reason, call.caller.username, call.now, terms.expires_at]
                await transaction.do(_UPSERT, facts)
    await call.site.contexts.publish(patient)
    answer = await read(call)
    return Reply(answer.body, detail={"limits": msgspec.to_builtins(bounds), "reason": terms.reason})


def checked(body: LimitsBody, now: datetime) -> tuple[dict[str, Bounds | None], Terms]:
    """The vitals that the body names, and its terms. Raises Problem 422."""
    try:
        terms = msgspec.convert({k: body[k] for k in ("reason", "expires_at") if k in body}, Terms)
        bounds = {v: msgspec.convert(_settable(given), Bounds | None) for v, given in body.items() if v not in ("reason", "expires_at")}
    except msgspec.ValidationError as error:
        raise Problem(422, str(error)) from error
    if not terms.reason.strip() or len(terms.reason) > 500:
        raise Problem(422, "reason: expected a sentence of up to 500 characters")
    if terms.expires_at is not None and (terms.expires_at.tzinfo is None or terms.expires_at <= now):
        raise Problem(422, "expires_at: expected a time in the future, with its offset")
    if not bounds:
        raise Problem(422, f"expected limits of at least one of {', '.join(BY_NAME)}")
    for vital, bound in bounds.items():
        _check(vital, bound)
    return bounds, terms


def changes(body: LimitsBody, named: Mapping[str, Bounds | None], terms: Terms, before: Sequence[Row]) -> dict[str, Bounds | None]:
    """Of the vitals that a body names those that it does not merely give back as GET shows them; `before`: the rows in force."""
    now = shown(before)
    if (terms.reason, terms.expires_at) != (now["reason"], now["expires_at"]):
        return dict(named)
    stands = {row["vital"]: Bounds(row["low"], row["high"]) for row in before}
    return {v: bound for v, bound in named.items() if bound is None or "set_at" not in body[v] or bound != stands.get(v)}


def _settable(given: Any) -> Any:
    return {k: v for k, v in given.items() if k not in _SHOWN_ONLY} if isinstance(given, dict) else given


def _check(vital: str, bound: Bounds | None) -> None:
    if vital not in BY_NAME or BY_NAME[vital].words:
        raise Problem(422, f"{vital!r} is not a vital that has limits")
    if bound is None:
        return
    known, given = BY_NAME[vital], [side for side in (bound.low, bound.high) if side is not None]
    if not given or not all(math.isfinite(side) and known.low <= side <= known.high for side in given):
        raise Problem(422, f"{vital}: expected low and/or high between {known.low:g} and {known.high:g} {known.unit}")
    if len(given) == 2 and given[0] >= given[1]:
        raise Problem(422, f"{vital}: low must be below high")


def shown(rows: Sequence[Row]) -> dict[str, Any]:
    """Vital -> its limit; `reason` and `expires_at` of the newest at the top."""
    limits: dict[str, Any] = {row["vital"]: {k: v for k, v in row.items() if k != "vital"} for row in rows}
    newest = rows[-1] if rows else {}
    return limits | {"reason": newest.get("reason"), "expires_at": newest.get("expires_at")}
