"""Alerts: the list, one with its evidence and timeline, and what people do about them."""

import uuid
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from dashboard_api import cursor
from dashboard_api.api.patients import within
from dashboard_api.api.scores import milliseconds, moment
from dashboard_api.decoding import Comment, Time
from dashboard_api.problems import Problem, unknown
from dashboard_api.route import Call, Reply
from dashboard_api.timescale import Row
from vitals.alert import Action, Command

_STATES = ("active", "acknowledged", "returned", "shelved", "suppressed", "closed")
_GROUPS = {"open": _STATES[:-1], "all": _STATES}
_TIMES = ("at", "until", "since")


class AlertQuery(cursor.Page, frozen=True, kw_only=True, rename={"since": "from", "alert_class": "class"}):
    """`state`: one or more, comma-separated, or `open`; all when left out."""

    state: str | None = None
    ward: str | None = None
    patient: str | None = None
    alert_class: str | None = None
    priority: str | None = None
    since: Time | None = None
    to: Time | None = None


class AlertAction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`until`: the end of a shelving. `useful`: whether it was worth being called for; the rules' precision is made of it."""

    action: Action
    until: Time | None = None
    outcome: Annotated[str, Meta(max_length=100)] | None = None
    comment: Comment | None = None
    useful: bool | None = None


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """CONTRACT.md section 4, and more. `delays`: when each step happened, and how long each took (ms)."""

    id: str
    patient: str
    ward: str
    alert_class: str = msgspec.field(name="class")
    priority: str
    state: str
    rule: str
    title: str
    started_at: datetime
    ended_at: datetime | None
    retrospective: bool
    evidence: dict[str, Any]
    delays: dict[str, Any]
    timeline: list[dict[str, Any]] = []


class Alerts(msgspec.Struct, frozen=True):
    """A page of alerts, newest first."""

    items: list[Alert]
    next: str | None


_LIST = """SELECT a.id, a.raised_at, a.body, a.patient FROM alerting.alert a LEFT JOIN clinical.patient p ON p.id = a.patient
WHERE (%(everyone)s OR coalesce(p.ward, a.ward) = ANY(%(wards)s) OR p.id = ANY(%(patients)s))
  AND a.state = ANY(%(states)s) AND (%(ward)s::text IS NULL OR a.ward = %(ward)s) AND (%(patient)s::text IS NULL OR a.patient = %(patient)s)
  AND (a.ward <> %(canary)s OR %(ward)s = %(canary)s OR %(patient)s::text IS NOT NULL)
  AND (%(class)s::text IS NULL OR a.class = %(class)s) AND (%(priority)s::text IS NULL OR a.priority = %(priority)s)
  AND (%(since)s::timestamptz IS NULL OR a.raised_at >= %(since)s) AND (%(to)s::timestamptz IS NULL OR a.raised_at < %(to)s)
  AND (%(before)s::timestamptz IS NULL OR (a.raised_at, a.id) < (%(before)s, %(before_id)s))
ORDER BY a.raised_at DESC, a.id DESC LIMIT %(n)s"""
_JUDGED = """INSERT INTO alerting.feedback (alert, actor, rule, useful) SELECT id, %s, rule, %s FROM alerting.alert WHERE id = %s
ON CONFLICT (alert, actor) DO UPDATE SET useful = excluded.useful, at = now()"""
_TIMELINE = "SELECT version, at, kind, actor, body FROM alerting.event WHERE alert = %s ORDER BY version LIMIT 1000"


async def listed(call: Call) -> Reply:
    """Alerts of patients within reach."""
    query: AlertQuery = call.query
    before: tuple[datetime | None, str] = cursor.decode(query.cursor, tuple[datetime, str]) if query.cursor else (None, "")
    filters = {
        "states": states(query.state), "ward": query.ward, "patient": query.patient, "class": query.alert_class, "priority": query.priority,
        "since": query.since, "to": query.to, "before": before[0], "before_id": before[1], "n": query.limit + 1,
    }  # fmt: skip
    rows, following = cursor.page(await call.site.database.rows(_LIST, within(call) | filters), query.limit, "raised_at", "id")
    patients = tuple(dict.fromkeys(row["patient"] for row in rows))
    return Reply({"items": [shown(row["body"]) for row in rows], "next": following}, patients=patients)


async def read(call: Call) -> Reply:
    """One alert with its timeline."""
    return Reply(await whole(call, call.path["id"]))


async def act(call: Call) -> Reply:
    """200 when it is done, 409 when the lifecycle forbids it, 202 when nothing was heard in time."""
    wish: AlertAction = call.body
    if wish.action == "shelve" and (wish.until is None or wish.until <= call.now):
        raise Problem(422, "until: a shelving needs an end in the future")
    if wish.action == "comment" and wish.comment is None:
        raise Problem(422, "comment: expected what to say")
    command = command_of(call, wish)
    answer = await call.site.commands.give(command)
    if wish.useful is not None and (answer is None or answer.accepted):
        await call.site.database.do(_JUDGED, [call.caller.username, wish.useful, command.alert])
    detail = {"action": wish.action, "command": command.id, "outcome": wish.outcome}
    if answer is None:
        return Reply({"command": command.id, "status": "accepted for processing"}, 202, detail=detail)
    if not answer.accepted:
        raise Problem(409, answer.reason or "the alert's state does not allow this", command=command.id)
    return Reply(await whole(call, command.alert), detail=detail)


def command_of(call: Call, wish: AlertAction) -> Command:
    """The event that says what the caller wants. A repeat with the same Idempotency-Key is the same command."""
    key = call.request.headers.get("idempotency-key")
    name = f"{call.caller.username} {call.path['id']} {key}"
    return Command(
        id=str(uuid.uuid5(uuid.NAMESPACE_URL, name) if key else uuid.uuid4()), alert=call.path["id"], patient=call.subject["patient"],
        action=wish.action,
        actor=call.caller.username, role=call.caller.role, at=milliseconds(call.now),
        until=milliseconds(wish.until) if wish.until else None,
        outcome=wish.outcome, comment=wish.comment,
    )  # fmt: skip


def states(text: str | None) -> list[str]:
    """The states that a filter means. Raises Problem 422 for one that there is not."""
    names = [name.strip() for name in (text or "all").split(",") if name.strip()]
    if wrong := [name for name in names if name not in _STATES and name not in _GROUPS]:
        raise Problem(422, f"state: {wrong[0]!r} is not one of {', '.join((*_STATES, *_GROUPS))}")
    return sorted({state for name in names for state in _GROUPS.get(name, (name,))})


async def whole(call: Call, alert: str) -> Row:
    """The alert as it now is, with its events."""
    row = await call.site.database.row("SELECT body FROM alerting.alert WHERE id = %s", [alert])
    if row is None:
        raise unknown()
    events = await call.site.database.rows(_TIMELINE, [alert])
    return shown(row["body"]) | {"timeline": [event(e) for e in events]}


def shown(body: dict[str, Any]) -> dict[str, Any]:
    """A stored alert as the API says it: times as RFC 3339, and how long each step took."""
    alert: dict[str, Any] = with_times(body)
    alert["delays"] = with_times(body.get("delays", {}), every=True) | durations(body)
    return alert


def event(row: Row) -> dict[str, Any]:
    """One line of the timeline: who, what, why, and what it changed."""
    body = row["body"]
    changed = body.get("set", {}).get("alert", {})
    said = {k: v for k, v in body.items() if k != "set"}
    line = {"version": row["version"], "at": row["at"], "kind": row["kind"], "actor": row["actor"], "changed": with_times(changed)}
    return {**line, **with_times(said)}


def durations(body: dict[str, Any]) -> dict[str, int]:
    """Condition, processing and delivery delay (IEC 60601-1-8's words), ms, as far as they are known."""
    d = body.get("delays", {})
    steps = {
        "condition_ms": (body.get("started_at"), d.get("sensor")),
        "processing_ms": (d.get("sensor"), d.get("raised", d.get("detected"))),
        "delivery_ms": (d.get("raised"), d.get("delivered", d.get("sent"))),
    }
    return {name: end - start for name, (start, end) in steps.items() if start is not None and end is not None}


def with_times(value: Any, *, every: bool = False) -> Any:
    """Milliseconds under names of times (`at`, `..._at`, `until`, `..._until`), or under `every` name, as times."""
    if isinstance(value, list):
        return [with_times(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {k: _time(v) if every or k in _TIMES or k.endswith(("_at", "_until")) else with_times(v) for k, v in value.items()}


def _time(value: Any) -> Any:
    return moment(value) if isinstance(value, int) and not isinstance(value, bool) and value > 10**10 else value
