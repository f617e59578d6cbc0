"""Wards."""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from dashboard_api import cursor, policy
from dashboard_api.decoding import Id, Text
from dashboard_api.problems import Problem
from dashboard_api.route import Call, Reply
from dashboard_api.timescale import Clash
from vitals.canary import WARD


class NewWard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`time_zone`: an IANA name; the ward's local time on the page."""

    id: Id
    name: Text
    time_zone: Annotated[str, Meta(max_length=64)] = "UTC"


class Ward(msgspec.Struct, frozen=True):
    """A ward and how many patients are in it."""

    id: str
    name: str
    time_zone: str
    patients: int


class Wards(msgspec.Struct, frozen=True):
    """A page of wards."""

    items: list[Ward]
    next: str | None


async def create(call: Call) -> Reply:
    """409 when the id is taken."""
    ward: NewWard = call.body
    try:
        ZoneInfo(ward.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Problem(422, "time_zone: expected an IANA name such as Europe/Berlin") from error
    try:
        await call.site.database.do(
            "INSERT INTO clinical.ward (id, name, time_zone) VALUES (%s, %s, %s)", [ward.id, ward.name, ward.time_zone]
        )
    except Clash as error:
        raise Problem(409, f"there is a ward {ward.id} already") from error
    return Reply(Ward(ward.id, ward.name, ward.time_zone, 0), 201)


async def listed(call: Call) -> Reply:
    """The wards that the caller may see as a whole."""
    query: cursor.Page = call.query
    after = cursor.decode(query.cursor, tuple[str])[0] if query.cursor else ""
    sql = """SELECT w.id, w.name, w.time_zone, (SELECT count(*) FROM clinical.patient p WHERE p.ward = w.id AND p.discharged_at IS NULL)
    AS patients
             FROM clinical.ward w
             WHERE w.id > %(after)s AND w.id <> %(canary)s AND (%(all)s OR w.id = ANY(%(wards)s)) ORDER BY w.id LIMIT %(n)s"""
    everywhere = call.caller.all_wards or call.caller.role is policy.Role.ADMIN
    facts = {"after": after, "all": everywhere, "wards": list(call.caller.wards), "canary": WARD, "n": query.limit + 1}
    rows = await call.site.database.rows(sql, facts)
    shown, following = cursor.page(rows, query.limit, "id")
    return Reply({"items": shown, "next": following})
