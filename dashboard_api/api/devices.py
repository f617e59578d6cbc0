"""Devices: enrolling, listing, revoking, giving a new secret. The broker's account and the row come and go together."""

import secrets
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from dashboard_api import cursor, dynsec, revocation
from dashboard_api.api.patients import within
from dashboard_api.decoding import Id
from dashboard_api.problems import Problem, unknown
from dashboard_api.route import Call, Reply
from dashboard_api.timescale import Dangling, Row
from vitals.errors import PartAway

Kind = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_ -]{0,39}\Z")]
"""`monitor`, `wearable`, `gateway` (speaks for others), `cgm`, `ecg`, or what else a site has; kept as `folded` has it."""


class NewDevice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`gateway`: the hub that may speak for it."""

    kind: Kind
    ward: Id | None = None
    gateway: Id | None = None

    def __post_init__(self) -> None:
        """One kind has one name."""
        msgspec.structs.force_setattr(self, "kind", folded(self.kind))


class Enrolled(msgspec.Struct, frozen=True):
    """The password is shown this once."""

    id: str
    username: str
    password: str
    topics: dict[str, str]
    mqtt: str


class Device(msgspec.Struct, frozen=True):
    """A device, on whom it is now, its link as the gateway last heard it, and its clock: `skew_ms` ahead of ours, `clock_ms` added to its
    times (0: noted only)."""

    id: str
    kind: str
    ward: str | None
    gateway: str | None
    enrolled_at: datetime
    revoked_at: datetime | None
    patient: str | None
    assignment: int | None
    link: dict[str, Any] | None
    clock: dict[str, Any] | None


class Devices(msgspec.Struct, frozen=True):
    """A page of devices."""

    items: list[Device]
    next: str | None


class DeviceQuery(cursor.Page, frozen=True, kw_only=True):
    """`revoked` true includes those that may not speak any more."""

    ward: str | None = None
    patient: str | None = None
    kind: str | None = None
    revoked: bool = False


SELECT = """SELECT d.id, d.kind, d.ward, d.gateway, d.enrolled_at, d.revoked_at, a.patient, a.n AS assignment,
  CASE WHEN l.device IS NULL THEN NULL
       ELSE jsonb_build_object('state', l.state, 'battery', l.battery, 'buffered', l.buffered, 'at', to_char(l.at,
       'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) END AS link,
  (SELECT jsonb_build_object('skew_ms', c.skew_ms, 'clock_ms', c.clock_ms, 'at', to_char(c.at AT TIME ZONE 'UTC',
   'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) FROM clinical.clock c WHERE c.device = d.id ORDER BY c.at DESC LIMIT 1) AS clock
FROM clinical.device d
LEFT JOIN clinical.assignment a ON a.device = d.id AND a.during @> %(now)s::timestamptz
LEFT JOIN clinical.patient p ON p.id = a.patient
LEFT JOIN telemetry.link l ON l.device = d.id """
REACH = "(%(everyone)s OR p.ward = ANY(%(wards)s) OR p.id = ANY(%(patients)s) OR (p.id IS NULL AND d.ward = ANY(%(wards)s))) "


def folded(kind: str) -> str:
    """`Bedside monitor` -> `bedside-monitor`."""
    return "-".join(kind.lower().split())


async def enrol(call: Call) -> Reply:
    """503 with no half-made device when the broker is away: the account is made first, and unmade when the row cannot be."""
    new: NewDevice = call.body
    await _check_places(call, new)
    device, password = f"dev-{secrets.token_hex(6)}", secrets.token_urlsafe(24)
    try:
        await _command(call, dynsec.enrol(device, new.kind, password))
        sql = "INSERT INTO clinical.device (id, kind, ward, gateway, enrolled_at) VALUES (%s, %s, %s, %s, %s)"
        await call.site.database.do(sql, [device, new.kind, new.ward, new.gateway, call.now])
    except (PartAway, Dangling):
        await _unmake(call, device)
        raise
    answer = Enrolled(device, device, password, dynsec.topics(device, new.kind), call.site.facts.mqtt_public)
    return Reply(answer, 201, {"Location": f"/api/v1/devices/{device}", "Cache-Control": "no-store"}, detail={"device": device})


async def listed(call: Call) -> Reply:
    """Devices on patients within the caller's reach, and those of the caller's wards that are on nobody."""
    query: DeviceQuery = call.query
    after = cursor.decode(query.cursor, tuple[str])[0] if query.cursor else ""
    sql = (
        SELECT
        + "WHERE d.id > %(after)s AND "
        + REACH
        + """AND (%(revoked)s OR d.revoked_at IS NULL)
        AND (%(ward)s::text IS NULL OR COALESCE(p.ward, d.ward) = %(ward)s) AND (%(patient)s::text IS NULL OR a.patient = %(patient)s)
        AND (%(kind)s::text IS NULL OR d.kind = %(kind)s)
        AND (COALESCE(p.ward, '') <> %(canary)s OR %(ward)s = %(canary)s) ORDER BY d.id LIMIT %(n)s"""
    )
    filters = {"after": after, "now": call.now, "n": query.limit + 1} | {f: getattr(query, f) for f in ("ward", "patient", "revoked")}
    filters["kind"] = None if query.kind is None else folded(query.kind)
    page, following = cursor.page(await call.site.database.rows(sql, within(call) | filters), query.limit, "id")
    return Reply({"items": page, "next": following}, patients=tuple({row["patient"] for row in page if row["patient"]}))


async def read(call: Call) -> Reply:
    """One device."""
    row = await found(call, call.path["id"])
    return Reply(row, patients=(row["patient"],) if row["patient"] else ())


async def revoke(call: Call) -> Reply:
    """At once: the broker cuts its connection, and its certificates go on the list; what it was told is retained no longer. The row stays,
    for history needs it."""
    device = call.path["id"]
    await found(call, device)
    await _command(call, dynsec.revoke(device))
    async with call.site.database.transaction() as transaction:
        await transaction.do("UPDATE clinical.device SET revoked_at = %s WHERE id = %s AND revoked_at IS NULL", [call.now, device])
    await revocation.revoke_all(call.site, device, call.now)
    if await call.site.database.row("SELECT 1 FROM clinical.device_config WHERE device = %s", [device]) is not None:
        await call.site.devices.publish(dynsec.topics(device, "")["config"], b"", retain=True)
    return Reply(status=204)


async def new_secret(call: Call) -> Reply:
    """Another password; the old one is no longer good for a new connection, and the broker closes the one that stands."""
    row = await found(call, call.path["id"])
    if row["revoked_at"] is not None:
        raise Problem(409, "the device is revoked")
    password = secrets.token_urlsafe(24)
    await _command(call, dynsec.new_secret(row["id"], password))
    answer = Enrolled(row["id"], row["id"], password, dynsec.topics(row["id"], row["kind"]), call.site.facts.mqtt_public)
    return Reply(answer, 200, {"Cache-Control": "no-store"})


async def found(call: Call, device: str) -> Row:
    """The device within the caller's reach, else 404."""
    row = await call.site.database.row(SELECT + "WHERE d.id = %(id)s AND " + REACH, within(call) | {"id": device, "now": call.now})
    if row is None:
        raise unknown()
    return row


async def _check_places(call: Call, new: NewDevice) -> None:
    if new.ward is not None and await call.site.database.row("SELECT 1 FROM clinical.ward WHERE id = %s", [new.ward]) is None:
        raise Problem(422, f"ward: there is no ward {new.ward}")
    if new.gateway is None:
        return
    row = await call.site.database.row("SELECT kind FROM clinical.device WHERE id = %s AND revoked_at IS NULL", [new.gateway])
    if row is None or row["kind"] != "gateway":
        raise Problem(422, "gateway: expected the id of a device of kind gateway")


async def _command(call: Call, commands: list[dynsec.Command]) -> None:
    for answer in await call.site.devices.do(commands):
        if (why := dynsec.refused(answer)) is not None:
            raise PartAway(f"the broker did not do {answer.get('command')}: {why}")


async def _unmake(call: Call, device: str) -> None:
    """Best effort: an account whose password nobody has is harmless."""
    try:
        await call.site.devices.do(dynsec.revoke(device))
    except PartAway:
        call.site.metrics.denied.labels("account_left_behind").inc()
