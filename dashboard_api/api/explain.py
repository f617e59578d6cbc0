"""What was known of a patient at a moment, which rules ran in which version, what paged or why nothing did.

From history, not from memory: readings that had come in by then (`received_at`), the rule set of that time, each alert as its events up
to then make it. A patient's own limits are those that are stored now and were set by then. Age and pregnancy are those of now.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from dashboard_api import explaining
from dashboard_api.api import alerts, history, scores
from dashboard_api.decoding import Time
from dashboard_api.problems import Problem
from dashboard_api.route import Call, Reply
from dashboard_api.rule_sets import newest
from dashboard_api.timescale import Row
from vitals import news2
from vitals.context import Limit
from vitals.registry import VITALS
from vitals.rules import RuleSet

_LOOK_BACK = timedelta(hours=1)


class ExplainQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`at`: now when left out."""

    at: Time | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """`known`: the newest reading of each vital by then. `alerts`: open then or closed within the hour before, with their events and
    pages. `score`: null where NEWS2 is not made of such a patient, or nothing is known."""

    patient: str
    at: datetime
    verdict: str
    known: list[dict[str, Any]]
    score: scores.Score | None
    rules: dict[str, Any]
    limits: dict[str, Any]
    conditions: list[explaining.Condition]
    alerts: list[dict[str, Any]]
    pages: list[dict[str, Any]]


_KNOWN = """SELECT v.vital, r.observed_at, r.received_at, r.value FROM unnest(%(vitals)s::smallint[]) v(vital) CROSS JOIN LATERAL (
  SELECT observed_at, received_at, value FROM telemetry.reading
  WHERE patient_no = %(no)s AND vital = v.vital AND observed_at <= %(at)s AND observed_at > %(since)s AND received_at <= %(at)s
  ORDER BY observed_at DESC LIMIT 3600) r ORDER BY r.observed_at DESC"""
_LIMITS = """SELECT vital, low, high, reason, author, set_at, expires_at FROM clinical.limit_override
             WHERE patient = %s AND set_at <= %s AND (expires_at IS NULL OR expires_at > %s) ORDER BY set_at, vital"""
_EVENTS = """SELECT e.alert, e.version, e.at, e.kind, e.actor, e.body FROM alerting.event e JOIN alerting.alert a ON a.id = e.alert
             WHERE a.patient = %s AND e.at <= %s AND (a.closed_at IS NULL OR a.closed_at > %s) ORDER BY e.alert, e.version LIMIT 2000"""
_PAGES = """SELECT alert, kind, channel, state, created_at, sent_at, delivered_at, seen_at, error FROM alerting.page
            WHERE alert = ANY(%s) AND created_at <= %s ORDER BY created_at LIMIT 500"""


async def read(call: Call) -> Reply:
    """422 for a time in the future."""
    query: ExplainQuery = call.query
    at, row = query.at or call.now, call.subject
    if at > call.now + timedelta(seconds=5):
        raise Problem(422, "at: expected a time that is not in the future")
    readings = await _readings(call, row["no"], at)
    limits = await call.site.database.rows(_LIMITS, [row["id"], at, at])
    in_force = await newest(call.site.database, at)
    own = {each["vital"]: Limit(each["low"], each["high"]) for each in limits}
    groups = [row["age_band"], *(["spo2_scale_2"] if row["spo2_scale"] == 2 else [])]
    numbers = {name: [(r["observed_at"], r["value"]) for r in rows if r["value"] is not None] for name, rows in readings.items()}
    found = explaining.conditions(msgspec.convert(in_force.rules, RuleSet), groups, own, numbers)
    known_alerts, pages = await _alerts(call, row["id"], at)
    answer = Explanation(
        patient=row["id"], at=at, verdict=explaining.verdict(known_alerts, found, len(pages)), known=_newest(readings, at),
        score=_score(row, numbers, at), rules={"version": in_force.version, "author": in_force.author, "at": in_force.at},
        limits={each.pop("vital"): each for each in limits}, conditions=found, alerts=known_alerts, pages=pages,
    )  # fmt: skip
    return Reply(answer, detail={"at": at})


async def _readings(call: Call, patient_no: int, at: datetime) -> dict[str, list[Row]]:
    facts = {"vitals": [v.index for v in VITALS], "no": patient_no, "at": at, "since": at - _LOOK_BACK}
    found: dict[str, list[Row]] = {}
    for row in await call.site.database.rows(_KNOWN, facts):
        found.setdefault(VITALS[row["vital"]].name, []).append(row)
    return found


async def _alerts(call: Call, patient: str, at: datetime) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    by_alert: dict[str, list[Row]] = {}
    for event in await call.site.database.rows(_EVENTS, [patient, at, at - _LOOK_BACK]):
        by_alert.setdefault(event["alert"], []).append(event)
    then = [
        alerts.shown(explaining.alert_at(e["body"] for e in events)) | {"timeline": [alerts.event(e) for e in events]}
        for events in by_alert.values()
    ]
    pages = await call.site.database.rows(_PAGES, [list(by_alert), scores.milliseconds(at)])
    return then, [alerts.with_times(page) for page in pages]


def _newest(readings: dict[str, list[Row]], at: datetime) -> list[dict[str, Any]]:
    return [
        {
            "vital": name, "value": history.word(VITALS[rows[0]["vital"]], rows[0]["value"]), "unit": VITALS[rows[0]["vital"]].unit,
            "observed_at": rows[0]["observed_at"], "received_at": rows[0]["received_at"],
            "age_s": (at - rows[0]["observed_at"]).total_seconds(),
        }
        for name, rows in readings.items()
    ]  # fmt: skip


def _score(row: Any, numbers: dict[str, list[explaining.Known]], at: datetime) -> scores.Score | None:
    latest = {name: (known[0][1], scores.milliseconds(known[0][0])) for name, known in numbers.items() if known}
    if not latest or not news2.applies(row["age_band"], row["pregnant"]):
        return None
    return scores.shown(news2.score_one(row["id"], latest, scores.milliseconds(at), row["spo2_scale"]), at, applicable=True)
