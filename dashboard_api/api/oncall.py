"""Rotas: schedules, who is on now, swaps, and how people are reached. `vitals.rota` says who it is; alerts pages by the same rows."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta
from starlette.responses import Response

from dashboard_api import contacts, policy
from dashboard_api.api.scores import milliseconds, moment
from dashboard_api.decoding import Id, Text, Time
from dashboard_api.problems import Problem, unknown
from dashboard_api.rota_calendar import calendar
from dashboard_api.route import Call, Reply
from dashboard_api.timescale import Dangling, Row, json_value
from vitals.rota import Override, Rotation, Schedule, on_call, shifts

_AHEAD = timedelta(days=60)
_CHANNELS = ("webhook", "smtp", "apprise", "pagerduty", "opsgenie")


class ScheduleBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`layers`: the last that has somebody answers. `zone`: IANA; handovers are in its local time."""

    ward: Id | None = None
    zone: str
    layers: Annotated[tuple[Rotation, ...], Meta(min_length=1, max_length=20)]


class ScheduleShown(msgspec.Struct, frozen=True, kw_only=True):
    """A rota, who is on now, and until when."""

    id: str
    ward: str | None
    zone: str
    layers: list[dict[str, Any]]
    now: list[str]
    until: datetime | None


class Schedules(msgspec.Struct, frozen=True):
    """All rotas."""

    items: list[ScheduleShown]
    next: None = None


class NowQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`ward`: its own rotas and those of every ward. `at`: now when left out."""

    ward: str | None = None
    at: Time | None = None


class OnNow(msgspec.Struct, frozen=True, kw_only=True):
    """`pager`: who took it over by accepting a handover, in place of the rota's people."""

    schedule: str
    ward: str | None
    people: list[str]
    pager: str | None
    until: datetime | None


class Now(msgspec.Struct, frozen=True):
    """One entry a schedule."""

    items: list[OnNow]
    next: None = None


class NewOverride(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """These people and nobody else; none: deliberately nobody."""

    schedule: Id
    since: Time
    to: Time
    people: Annotated[list[Text], Meta(max_length=20)]
    reason: Annotated[str, Meta(max_length=300)] = ""


class OverrideShown(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """A swap or a holiday."""

    n: int
    schedule: str
    since: datetime
    to: datetime
    people: list[str]
    reason: str
    author: str


class Overrides(msgspec.Struct, frozen=True):
    """Those that are not over."""

    items: list[OverrideShown]
    next: None = None


class Gap(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """Nobody is on call then."""

    schedule: str
    since: datetime
    to: datetime


class Gaps(msgspec.Struct, frozen=True):
    """Of the coming days."""

    items: list[Gap]
    next: None = None


class Reach(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`contacts`: [[channel, address], ...], best first."""

    contacts: Annotated[list[tuple[str, Annotated[str, Meta(max_length=500)]]], Meta(max_length=10)]


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may be called."""

    name: str
    contacts: list[tuple[str, str]]


class People(msgspec.Struct, frozen=True):
    """All who may be called."""

    items: list[Person]
    next: None = None


async def schedules(call: Call) -> Reply:
    """All, for a rota is no secret within the house."""
    now = milliseconds(call.now)
    return Reply({"items": [_shown(s, now) for s in await _all(call)], "next": None})


async def put_schedule(call: Call) -> Reply:
    """Made or replaced. 422 for a zone or a layer that is not of its form."""
    wish: ScheduleBody = call.body
    _check_zone(wish.zone)
    name = checked_id(call.path["id"])
    if wish.ward is not None and await call.site.database.row("SELECT 1 FROM clinical.ward WHERE id = %s", [wish.ward]) is None:
        raise Problem(422, f"ward: there is no ward {wish.ward}")
    sql = """INSERT INTO oncall.schedule (id, ward, zone, layers, author, updated_at) VALUES (%s, %s, %s, %s, %s, %s)
             ON CONFLICT (id) DO UPDATE SET ward = excluded.ward, zone = excluded.zone, layers = excluded.layers, author = excluded.author,
             updated_at = excluded.updated_at"""
    layers = msgspec.to_builtins(wish.layers)
    await call.site.database.do(sql, [name, wish.ward, wish.zone, json_value(layers), call.caller.username, call.now])
    made = Schedule(name, wish.ward, wish.zone, wish.layers)
    return Reply(_shown(made, milliseconds(call.now)), detail={"schedule": name})


async def delete_schedule(call: Call) -> Reply:
    """With its overrides."""
    if not await call.site.database.do("DELETE FROM oncall.schedule WHERE id = %s", [call.path["id"]]):
        raise unknown()
    return Reply(status=204)


async def ics(call: Call) -> Reply:
    """The coming sixty days as iCalendar (RFC 5545)."""
    schedule = next((s for s in await _all(call) if s.id == call.path["id"]), None)
    if schedule is None:
        raise unknown()
    text = calendar(schedule, milliseconds(call.now), milliseconds(call.now + _AHEAD))
    return Reply(raw=Response(text, media_type="text/calendar; charset=utf-8"))


async def now(call: Call) -> Reply:
    """Who is on."""
    query: NowQuery = call.query
    at = milliseconds(query.at or call.now)
    sql = """SELECT schedule, accepted_by FROM oncall.handover
             WHERE until > %s AND accepted_at <= %s AND schedule IS NOT NULL ORDER BY accepted_at"""
    pagers = {row["schedule"]: row["accepted_by"] for row in await call.site.database.rows(sql, [at, at])}
    found = [s for s in await _all(call) if query.ward is None or s.ward in (query.ward, None)]
    items = []
    for schedule in found:
        shown = _shown(schedule, at)
        items.append(OnNow(schedule=schedule.id, ward=schedule.ward, people=shown.now, pager=pagers.get(schedule.id), until=shown.until))
    return Reply(Now(items))


async def overrides(call: Call) -> Reply:
    """Those that are not over, by start."""
    sql = "SELECT n, schedule, start_at, end_at, people, reason, author FROM oncall.override WHERE end_at > %s ORDER BY start_at, n"
    rows = await call.site.database.rows(sql, [milliseconds(call.now)])
    return Reply({"items": [_with_span(row) for row in rows], "next": None})


async def swap(call: Call) -> Reply:
    """A later one wins over an earlier one."""
    wish: NewOverride = call.body
    if wish.to <= wish.since:
        raise Problem(422, "to: expected a time after from")
    sql = """INSERT INTO oncall.override (schedule, start_at, end_at, people, reason, author, at) VALUES (%s, %s, %s, %s, %s, %s, %s)
             RETURNING n, schedule, start_at, end_at, people, reason, author"""
    facts = [wish.schedule, milliseconds(wish.since), milliseconds(wish.to), wish.people, wish.reason, call.caller.username, call.now]
    try:
        row = await call.site.database.row(sql, facts)
    except Dangling as error:
        raise Problem(422, f"schedule: there is no schedule {wish.schedule}") from error
    assert row is not None, "INSERT ... RETURNING gives a row"
    return Reply(_with_span(row), 201, detail={"schedule": wish.schedule})


async def gaps(call: Call) -> Reply:
    """As alerts keeps them up to date."""
    rows = await call.site.database.rows("SELECT schedule, start_at, end_at FROM oncall.gap ORDER BY start_at, schedule")
    return Reply({"items": [_with_span(row) for row in rows], "next": None})


async def people(call: Call) -> Reply:
    """An admin sees addresses, others only who there is."""
    rows = await call.site.database.rows("SELECT name, contacts FROM oncall.person ORDER BY name")
    if not policy.permits(call.caller, policy.Right.ONCALL_WRITE):
        rows = [{"name": row["name"], "contacts": []} for row in rows]
    return Reply({"items": rows, "next": None})


async def put_person(call: Call) -> Reply:
    """How somebody is reached."""
    wish: Reach = call.body
    if wrong := [channel for channel, _ in wish.contacts if channel not in _CHANNELS]:
        raise Problem(422, f"contacts: {wrong[0]!r} is not one of {', '.join(_CHANNELS)}")
    for channel, address in wish.contacts:
        contacts.check_address(channel, address)
    name = checked_id(call.path["name"])
    sql = "INSERT INTO oncall.person (name, contacts) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET contacts = excluded.contacts"
    await call.site.database.do(sql, [name, json_value(wish.contacts)])
    return Reply({"name": name, "contacts": wish.contacts}, detail={"person": name})


async def current_shift_end(call: Call, schedule: str) -> datetime:
    """When the people who are on now go off; twelve hours when the rota does not say."""
    found = next((s for s in await _all(call) if s.id == schedule), None)
    until = _shown(found, milliseconds(call.now)).until if found else None
    return until or call.now + timedelta(hours=12)


async def _all(call: Call) -> list[Schedule]:
    sql = "SELECT schedule, start_at, end_at, people FROM oncall.override WHERE end_at > %s ORDER BY n"
    swaps: dict[str, list[Override]] = {}
    for row in await call.site.database.rows(sql, [milliseconds(call.now - timedelta(days=1))]):
        swaps.setdefault(row["schedule"], []).append(Override(row["start_at"], row["end_at"], tuple(row["people"])))
    rows = await call.site.database.rows("SELECT id, ward, zone, layers FROM oncall.schedule ORDER BY id")
    return [
        Schedule(r["id"], r["ward"], r["zone"], msgspec.convert(r["layers"], tuple[Rotation, ...]), tuple(swaps.get(r["id"], ())))
        for r in rows
    ]


def _shown(schedule: Schedule, at: int) -> ScheduleShown:
    ahead = at + int(_AHEAD.total_seconds() * 1000)
    first = next(iter(shifts(schedule, at, ahead)), None)
    until = moment(first.end) if first is not None and first.end < ahead else None
    layers = msgspec.to_builtins(schedule.layers)
    return ScheduleShown(
        id=schedule.id, ward=schedule.ward, zone=schedule.zone, layers=layers, now=list(on_call(schedule, at)), until=until
    )  # fmt: skip


def _with_span(row: Row) -> Row:
    rest = {k: v for k, v in row.items() if k not in ("start_at", "end_at")}
    return {**rest, "from": moment(row["start_at"]), "to": moment(row["end_at"])}


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Problem(422, "zone: expected an IANA name such as Europe/Berlin") from error


def checked_id(text: str) -> str:
    try:
        return msgspec.convert(text, Id)
    except msgspec.ValidationError as error:
        raise Problem(422, "id: expected letters, digits, dot, dash or underscore, 64 at most") from error
