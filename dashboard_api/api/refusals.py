"""What devices said and Vigil could not use: an admin looks, puts it back on its way, or discards it."""

import base64
import codecs
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import msgspec

from dashboard_api import cursor, way_back
from dashboard_api.decoding import picked
from dashboard_api.problems import TOO_FAST, Problem, away, too_fast, unknown
from dashboard_api.route import Call, Reply
from dashboard_api.timescale import Row


class RefusalQuery(cursor.Page, frozen=True, kw_only=True):
    """`state`: open when left out; `all` for every one."""

    state: str = "open"
    reason: str | None = None
    device: str | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """`payload`: the original bytes, base64; `text`: the same where it is UTF-8. `times`: how often the very same came.
    `stuck`: why it cannot be requeued, null when it can. `size`: bytes that are kept. In a list only the first 2,048 are shown, and
    `shown_cut` says so."""

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
    stuck: str | None
    size: int
    payload: str
    text: str | None
    shown_cut: bool


class Refusals(msgspec.Struct, frozen=True):
    """A page of refusals, newest first."""

    items: list[Refusal]
    next: str | None


_LONGEST_WHY = 500
_HEAD_BYTES = 2048
_COLUMNS = "id, reason, detail, door, source, device, seq, vital, observed_at, first_at, last_at, times, state, decided_by, decided_at"
_LIST = f"""SELECT {_COLUMNS}, octet_length(payload) AS size, substr(payload, 1, {_HEAD_BYTES}) AS payload FROM telemetry.refusal
WHERE (%(state)s = 'all' OR state = %(state)s) AND (%(reason)s::text IS NULL OR reason = %(reason)s)
  AND (%(device)s::text IS NULL OR device = %(device)s)
  AND (%(before)s::timestamptz IS NULL OR (first_at, id) < (%(before)s, %(before_id)s))
ORDER BY first_at DESC, id DESC LIMIT %(n)s"""  # noqa: S608  # constants of this module


async def listed(call: Call) -> Reply:
    """With the beginnings of the original bytes."""
    query: RefusalQuery = call.query
    before: tuple[datetime | None, str] = cursor.decode(query.cursor, tuple[datetime, str]) if query.cursor else (None, "")
    filters = {"state": query.state, "reason": query.reason, "device": query.device, "before": before[0], "before_id": before[1]}
    rows = await call.site.database.rows(_LIST, filters | {"n": query.limit + 1})
    page, following = cursor.page(rows, query.limit, "first_at", "id")
    return Reply({"items": [_shown(row) for row in page], "next": following})


async def read(call: Call) -> Reply:
    """With all of the original bytes that are kept."""
    return Reply(_shown(await _found(call)))


async def requeue(call: Call) -> Reply:
    """Back at the door at which it came: its number makes it land once, however often this is done.

    409 when it was discarded, cannot land at all, or its door refuses it again; 503 when nobody takes it now. It is then as before.
    """
    row = await _found(call)
    if (why := way_back.stuck(row)) is not None:
        raise Problem(409, f"this cannot go back: {why}")
    await _WAYS[row["door"]](call, row)
    return Reply(_shown(await _decided(call, "requeued")), detail={"refusal": row["id"]})


async def _to_broker(call: Call, row: Row) -> None:
    await call.site.devices.publish(row["source"], way_back.as_it_came(row))


async def _to_fhir(call: Call, row: Row) -> None:
    said = await call.site.fhir_door.post(bytes(row["payload"]), call.request.headers.get("traceparent"))
    if said.status >= 500:
        raise away("the FHIR intake cannot promise anything now")
    if said.status == TOO_FAST:
        raise too_fast(said.retry_s)
    if said.status >= 400:
        raise Problem(409, f"the FHIR intake refuses it again: {said.body.decode(errors='replace')[:_LONGEST_WHY]}")


async def _to_mllp(call: Call, row: Row) -> None:
    code, why = await call.site.mllp_door.post(bytes(row["payload"]))
    if code != "AA":
        raise Problem(409, f"the HL7 door refuses it, or another part of its message, again: {why[:_LONGEST_WHY]}")


_WAYS: Mapping[str, Callable[[Call, Row], Awaitable[None]]] = {"mqtt": _to_broker, "fhir": _to_fhir, "mllp": _to_mllp}


async def discard(call: Call) -> Reply:
    """It stays readable, and is no longer open. 409 when it was put back."""
    row = await _found(call)
    if row["state"] == "requeued":
        raise Problem(409, "it was put back on its way already")
    return Reply(_shown(await _decided(call, "discarded")), detail={"refusal": row["id"]})


async def _found(call: Call) -> Row:
    row = await call.site.database.row("SELECT *, octet_length(payload) AS size FROM telemetry.refusal WHERE id = %s", [call.path["id"]])
    if row is None:
        raise unknown()
    return row


async def _decided(call: Call, state: str) -> Row:
    sql = (
        "UPDATE telemetry.refusal SET state = %s, decided_by = %s, decided_at = %s WHERE id = %s RETURNING *, octet_length(payload) AS size"
    )
    row = await call.site.database.row(sql, [state, call.caller.username, call.now, call.path["id"]])
    if row is None:
        raise unknown()
    return row


def _shown(row: Row) -> Row:
    payload = bytes(row["payload"])
    cut = len(payload) < row["size"]
    said = {"stuck": way_back.stuck(row), "size": row["size"], "payload": base64.b64encode(payload).decode()}
    return picked(row, *_COLUMNS.split(", ")) | said | {"text": _text(payload, cut), "shown_cut": cut}


def _text(payload: bytes, cut: bool) -> str | None:
    """None where it is not UTF-8. Of what is cut, the last character may be half there: it is left out."""
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(payload, final=not cut)
    except UnicodeDecodeError:
        return None
