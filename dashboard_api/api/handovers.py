"""Shift handover: a sheet made from what is open now, whose acceptance moves the pager."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from dashboard_api import cursor, policy
from dashboard_api.api.alerts import shown as alert_shown
from dashboard_api.api.limits import shown as limits_shown
from dashboard_api.api.oncall import current_shift_end
from dashboard_api.api.scores import latest, milliseconds, moment
from dashboard_api.decoding import Id, Time
from dashboard_api.problems import Problem, unknown
from dashboard_api.route import Call, Reply
from dashboard_api.timescale import Dangling, Row, json_value
from vitals import news2
from vitals.registry import VITALS


class NewHandover(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`schedule`: the rota whose pager moves when it is accepted."""

    ward: Id
    schedule: Id | None = None


class Acceptance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`until`: the end of my shift; the rota's next change when left out."""

    until: Time | None = None


class HandoverQuery(cursor.Page, frozen=True, kw_only=True):
    """Of one ward, or of all within reach."""

    ward: str | None = None


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """`sheet`: patients with score, trends, open alerts (the shelved too) and limits off the default, worst first. `applicable` of a
    patient: whether NEWS2 is made of them; where it is not, there is no score."""

    id: str
    ward: str
    schedule: str | None
    given_by: str
    made_at: datetime
    sheet: dict[str, Any]
    accepted_by: str | None
    accepted_at: datetime | None
    until: datetime | None


class Handovers(msgspec.Struct, frozen=True):
    """Newest first."""

    items: list[Handover]
    next: str | None


_COLUMNS = "id, ward, schedule, given_by, made_at, sheet, accepted_by, accepted_at, until"
_PATIENTS = """SELECT id, no, bed, spo2_scale, age_band, pregnant FROM clinical.patient
               WHERE ward = %s AND discharged_at IS NULL ORDER BY bed, id LIMIT 500"""
_OPEN = "SELECT patient, body FROM alerting.alert WHERE patient = ANY(%s) AND state <> 'closed' ORDER BY raised_at"
_LIMITS = """SELECT patient, vital, low, high, reason, author, set_at, expires_at FROM clinical.limit_override
             WHERE patient = ANY(%s) AND (expires_at IS NULL OR expires_at > %s) ORDER BY set_at"""

_TRENDS = """SELECT p.id AS patient, r.vital,
             sum(total) FILTER (WHERE bucket >= %(turn)s) / nullif(sum(n) FILTER (WHERE bucket >= %(turn)s), 0) AS lately,
             sum(total) FILTER (WHERE bucket < %(turn)s) / nullif(sum(n) FILTER (WHERE bucket < %(turn)s), 0) AS before
             FROM clinical.patient p JOIN telemetry.rollup_1h r ON r.patient_no = p.no
             WHERE p.id = ANY(%(ids)s) AND r.bucket >= %(since)s GROUP BY 1, 2 ORDER BY 1, 2"""
_WEIGHT: Mapping[str, int] = {"high": 3, "medium": 2, "low": 1}
_LATELY, _SHIFT = timedelta(hours=2), timedelta(hours=10)


async def listed(call: Call) -> Reply:
    """Of the wards that the caller may see as a whole."""
    query: HandoverQuery = call.query
    before = cursor.decode(query.cursor, tuple[int, str]) if query.cursor else (2**62, "")
    sql = f"""SELECT {_COLUMNS} FROM oncall.handover WHERE (%(all)s OR ward = ANY(%(wards)s)) AND
              (%(ward)s::text IS NULL OR ward = %(ward)s)
              AND (made_at, id) < (%(at)s, %(id)s) ORDER BY made_at DESC, id DESC LIMIT %(n)s"""  # noqa: S608  # a constant
    facts = {"all": call.caller.all_wards, "wards": list(call.caller.wards), "ward": query.ward, "at": before[0], "id": before[1]}
    page, following = cursor.page(await call.site.database.rows(sql, facts | {"n": query.limit + 1}), query.limit, "made_at", "id")
    patients = {p["id"] for row in page for p in row["sheet"].get("patients", [])}
    return Reply({"items": [_shown(row) for row in page], "next": following}, patients=tuple(sorted(patients)))


async def create(call: Call) -> Reply:
    """404 for a ward out of reach, as for one that does not exist."""
    wish: NewHandover = call.body
    if (
        not policy.sees_ward(call.caller, wish.ward)
        or await call.site.database.row("SELECT 1 FROM clinical.ward WHERE id = %s", [wish.ward]) is None
    ):
        raise unknown()
    sheet = await _sheet(call, wish.ward)
    sql = f"""INSERT INTO oncall.handover (id, ward, schedule, given_by, made_at, sheet) VALUES (%s, %s, %s, %s, %s, %s)
              RETURNING {_COLUMNS}"""  # noqa: S608  # a constant
    facts = [str(uuid.uuid4()), wish.ward, wish.schedule, call.caller.username, milliseconds(call.now), json_value(sheet)]
    try:
        row = await call.site.database.row(sql, facts)
    except Dangling as error:
        raise Problem(422, f"schedule: there is no schedule {wish.schedule}") from error
    assert row is not None, "INSERT ... RETURNING gives a row"
    return Reply(_shown(row), 201, patients=tuple(p["id"] for p in sheet["patients"]))


async def accept(call: Call) -> Reply:
    """Whoever accepts has the pager until then. 409 when somebody did already, or when it is one's own."""
    wish: Acceptance = call.body
    row = await call.site.database.row(f"SELECT {_COLUMNS} FROM oncall.handover WHERE id = %s", [call.path["id"]])  # noqa: S608  # a constant
    if row is None or not policy.sees_ward(call.caller, row["ward"]):
        raise unknown()
    if row["given_by"] == call.caller.username:
        raise Problem(409, "a handover is accepted by somebody else than who gave it")
    until = wish.until or await current_shift_end(call, row["schedule"] or "")
    if until <= call.now:
        raise Problem(422, "until: expected a time in the future")
    sql = f"""UPDATE oncall.handover SET accepted_by = %s, accepted_at = %s, until = %s WHERE id = %s AND accepted_by IS NULL
              RETURNING {_COLUMNS}"""  # noqa: S608  # a constant
    taken = await call.site.database.row(sql, [call.caller.username, milliseconds(call.now), milliseconds(until), row["id"]])
    if taken is None:
        raise Problem(409, f"{row['accepted_by']} accepted it already")
    return Reply(_shown(taken), detail={"handover": row["id"]})


async def _sheet(call: Call, ward: str) -> dict[str, Any]:
    database = call.site.database
    rows = await database.rows(_PATIENTS, [ward])
    ids = [row["id"] for row in rows]
    alerts, limits = _grouped(await database.rows(_OPEN, [ids])), _grouped(await database.rows(_LIMITS, [ids, call.now]))
    spans = {"ids": ids, "turn": call.now - _LATELY, "since": call.now - _SHIFT}
    trends = _grouped(await database.rows(_TRENDS, spans))
    patients = [
        await _line(call, row, alerts.get(row["id"], []), limits.get(row["id"], [])) | {"trends": _trends(trends.get(row["id"], []))}
        for row in rows
    ]
    patients.sort(key=_need, reverse=True)
    return {"ward": ward, "patients": patients}


def _need(line: dict[str, Any]) -> tuple[int, int, int]:
    """Higher is worse: the gravest open alert, then the score, then how many are open. Who has no score stands by their alerts."""
    gravest = max((_WEIGHT[alert["priority"]] for alert in line["alerts"]), default=0)
    return gravest, line["score"]["lowest"] if line["score"] else 0, len(line["alerts"])


async def _line(call: Call, row: Row, alerts: list[Row], limits: list[Row]) -> dict[str, Any]:
    readings = await latest(call.site.database, row["no"], call.now)
    applicable = news2.applies(row["age_band"], row["pregnant"])
    score = news2.score_one(row["id"], readings, milliseconds(call.now), row["spo2_scale"]) if readings and applicable else None
    return {
        "id": row["id"], "bed": row["bed"], "applicable": applicable,
        "score": {"lowest": score.lowest, "highest": score.highest, "tier": score.tier} if score else None,
        "alerts": [_brief(alert_shown(alert["body"])) for alert in alerts],
        "limits": limits_shown(limits) if limits else {},
    }  # fmt: skip


def _trends(rows: list[Row]) -> dict[str, Any]:
    """Vital -> its mean of the last two hours and of the eight before them, where there are both."""
    known = [row for row in rows if row["lately"] is not None and row["before"] is not None]
    return {VITALS[row["vital"]].name: {"before": round(row["before"], 1), "lately": round(row["lately"], 1)} for row in known}


def _brief(alert: dict[str, Any]) -> dict[str, Any]:
    kept = ("id", "class", "priority", "state", "rule", "title", "started_at", "shelved_until", "acknowledged_by", "step")
    return {k: alert[k] for k in kept if k in alert}


def _grouped(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["patient"], []).append({k: v for k, v in row.items() if k != "patient"})
    return found


def _shown(row: Row) -> Row:
    times = {k: moment(row[k]) if row[k] is not None else None for k in ("made_at", "accepted_at", "until")}
    return {**row, **times}
