"""What devices said and Vigil could not use: an admin looks, puts it back on its way, or discards it."""

import base64
from datetime import datetime

import msgspec

from dashboard_api import cursor, dynsec
from dashboard_api.problems import Problem, unknown
from dashboard_api.route import Call, Reply
from dashboard_api.timescale import Row


class RefusalQuery(cursor.Page, frozen=True, kw_only=True):
    """`state`: open when left out; `all` for every one."""

    state: str = "open"
    reason: str | None = None
    device: str | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """`payload`: the original bytes, base64; `text`: the same where it is UTF-8. `times`: how often the very same came."""

    id: str
    reason: str
    detail: str
    door: str
    source: str
    device: str | None
    seq: int | None
    vital: str | None
    observed_at: datetime | None
    first_at: datetime
    last_at: datetime
    times: int
    state: str
    decided_by: str | None
    decided_at: datetime | None
    payload: str | None = None
    text: str | None = None


class Refusals(msgspec.Struct, frozen=True):
    """A page of refusals, newest first."""

    items: list[Refusal]
    next: str | None


_HUBS = ["vigil", "v1", "gateways"]
_COLUMNS = "id, reason, detail, door, source, device, seq, vital, observed_at, first_at, last_at, times, state, decided_by, decided_at"
_LIST = f"""SELECT {_COLUMNS} FROM telemetry.refusal
WHERE (%(state)s = 'all' OR state = %(state)s) AND (%(reason)s::text IS NULL OR reason = %(reason)s)
  AND (%(device)s::text IS NULL OR device = %(device)s)
  AND (%(before)s::timestamptz IS NULL OR (first_at, id) < (%(before)s, %(before_id)s))
ORDER BY first_at DESC, id DESC LIMIT %(n)s"""  # noqa: S608  # constants of this module


async def listed(call: Call) -> Reply:
    """Without the payloads."""
    query: RefusalQuery = call.query
    before: tuple[datetime | None, str] = cursor.decode(query.cursor, tuple[datetime, str]) if query.cursor else (None, "")
    filters = {"state": query.state, "reason": query.reason, "device": query.device, "before": before[0], "before_id": before[1]}
    rows = await call.site.database.rows(_LIST, filters | {"n": query.limit + 1})
    page, following = cursor.page(rows, query.limit, "first_at", "id")
    return Reply({"items": page, "next": following})


async def read(call: Call) -> Reply:
    """With the original bytes."""
    return Reply(_shown(await _found(call)))


async def requeue(call: Call) -> Reply:
    """Back on its topic, the way it came: (device, seq) makes it land once, however often this is done. 409 when it was decided."""
    row = await _found(call)
    if row["state"] == "discarded" or row["door"] != "mqtt":
        raise Problem(409, "only what came over MQTT and was not discarded can go back")
    for answer in await call.site.devices.do(dynsec.requeue_right()):
        if (why := dynsec.refused(answer)) is not None:
            raise Problem(503, f"the broker: {why}", {"Retry-After": "2"})
    await call.site.devices.publish(row["source"], as_it_came(row))
    return Reply(_shown(await _decided(call, "requeued")), detail={"refusal": row["id"]})


def as_it_came(row: Row) -> bytes:
    """The message to publish again. Of a hub's message a refusal keeps one device's samples, or one of them: the hub's form goes round."""
    payload, device = bytes(row["payload"]), row["device"]
    parts = row["source"].split("/")
    if parts[:3] != _HUBS or len(parts) < 4 or device is None or device == parts[3][:64]:  # a refusal's device is cut there
        return payload
    samples = payload if payload.startswith(b"[") else b"[%s]" % payload
    return msgspec.json.encode({"devices": {device: msgspec.Raw(samples)}})


async def discard(call: Call) -> Reply:
    """It stays readable, and is no longer open. 409 when it was put back."""
    row = await _found(call)
    if row["state"] == "requeued":
        raise Problem(409, "it was put back on its way already")
    return Reply(_shown(await _decided(call, "discarded")), detail={"refusal": row["id"]})


async def _found(call: Call) -> Row:
    row = await call.site.database.row("SELECT * FROM telemetry.refusal WHERE id = %s", [call.path["id"]])
    if row is None:
        raise unknown()
    return row


async def _decided(call: Call, state: str) -> Row:
    sql = "UPDATE telemetry.refusal SET state = %s, decided_by = %s, decided_at = %s WHERE id = %s RETURNING *"
    row = await call.site.database.row(sql, [state, call.caller.username, call.now, call.path["id"]])
    if row is None:
        raise unknown()
    return row


def _shown(row: Row) -> Row:
    payload = bytes(row["payload"])
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        text = None
    return {c: row[c] for c in _COLUMNS.split(", ")} | {"payload": base64.b64encode(payload).decode(), "text": text}
