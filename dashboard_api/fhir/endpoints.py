"""FHIR R4 over HTTP: what the API has, as resources; and the intake, which goes the same way as MQTT."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from dashboard_api import policy
from dashboard_api.api import alerts, devices, patients
from dashboard_api.api.scores import latest, milliseconds, moment
from dashboard_api.fhir import resources
from dashboard_api.fhir.readings import found_by_id, newest_ids, page_of
from dashboard_api.fhir.resources import Resource
from dashboard_api.fhir.search import Search, after, parsed
from dashboard_api.problems import Problem, unknown
from dashboard_api.route import Call, Reply
from vitals import news2

BASE = "/fhir/R4"
_SCORE_ID = re.compile(r"news2\.(\d{1,9})\.(\d{1,13})\Z")


async def metadata(call: Call) -> Reply:
    """The capability statement."""
    return Reply(capability(call.now))


async def read_patient(call: Call) -> Reply:
    """One patient."""
    return Reply(resources.patient(await patients.shown(call, call.subject["id"])))


async def search_patients(call: Call) -> Reply:
    """By identifier (record number) or _id, within reach."""
    search = parsed(call.request.query_params.multi_items())
    mrn = search.identifier.rpartition("|")[2] if search.identifier else None
    query = patients.PatientQuery(limit=min(search.count, 500) or 1, cursor=search.cursor, mrn=mrn, discharged=True)
    inner = await patients.listed(asking(call, query))
    rows = [row for row in inner.body["items"] if not search.ids or row["id"] in search.ids]
    return Reply(bundle(call, [resources.patient(row) for row in rows], inner.body["next"]), patients=tuple(row["id"] for row in rows))


async def read_device(call: Call) -> Reply:
    """One device."""
    row = await devices.found(call, call.path["id"])
    return Reply(resources.device(row), patients=(row["patient"],) if row["patient"] else ())


async def search_devices(call: Call) -> Reply:
    """By patient, within reach."""
    search = parsed(call.request.query_params.multi_items())
    query = devices.DeviceQuery(limit=search.count or 1, cursor=search.cursor, patient=search.patient, revoked=True)
    inner = await devices.listed(asking(call, query))
    return Reply(bundle(call, [resources.device(row) for row in inner.body["items"]], inner.body["next"]), patients=inner.patients)


async def read_observation(call: Call) -> Reply:
    """One reading, by the id that a search gave."""
    score = _SCORE_ID.match(call.path["id"])
    if score is not None:
        return await _read_news2(call, int(score[1]), int(score[2]))
    row = await found_by_id(call.site.database, call.path["id"])
    if row is None or not policy.sees(call.caller, row["patient"], row["ward"]):
        raise unknown()
    return Reply(resources.observation(row, row["patient"]), patients=(row["patient"],))


async def search_observations(call: Call) -> Reply:
    """Newest first; a patient must be named. A patient out of reach has, like one that does not exist, no observations."""
    search = parsed(call.request.query_params.multi_items())
    if search.patient is None:
        raise Problem(400, "patient: an Observation search must name a patient")
    row = await _patient(call, search.patient)
    if row is None:
        return Reply(bundle(call, [], None))
    rows, following = await page_of(call.site.database, row["no"], search, after(search))
    found = [resources.observation(r, row["id"]) for r in rows]
    if search.news2 and search.cursor is None:
        found = [*await _news2(call, row, search), *found]
    return Reply(bundle(call, found, following), patients=(row["id"],))


async def search_issues(call: Call) -> Reply:
    """Alerts, newest first."""
    search = parsed(call.request.query_params.multi_items())
    inner = await alerts.listed(asking(call, alerts.AlertQuery(limit=search.count or 1, cursor=search.cursor, patient=search.patient)))
    found = [resources.detected_issue(alert) for alert in inner.body["items"]]
    return Reply(bundle(call, found, inner.body["next"]), patients=inner.patients)


async def read_issue(call: Call) -> Reply:
    """One alert."""
    return Reply(resources.detected_issue(await alerts.whole(call, call.path["id"])))


def asking(call: Call, query: Any) -> Call:
    """The same call, asking something else."""
    return Call(call.site, call.request, call.caller, call.session, call.now, call.path, query, call.body, call.subject)


def bundle(call: Call, found: list[Resource], following: str | None) -> Resource:
    """A searchset; `total` only where this page is all there is."""
    url = call.request.url
    links = [{"relation": "self", "url": str(url)}]
    if following is not None:
        pairs = [(k, v) for k, v in call.request.query_params.multi_items() if k != "_cursor"] + [("_cursor", following)]
        links.append({"relation": "next", "url": f"{url.scheme}://{url.netloc}{url.path}?{urlencode(pairs)}"})
    base = f"{url.scheme}://{url.netloc}{BASE}"
    entries = [{"fullUrl": f"{base}/{r['resourceType']}/{r['id']}", "resource": r, "search": {"mode": "match"}} for r in found]
    total = {"total": len(found)} if following is None and "_cursor" not in call.request.query_params else {}
    return {"resourceType": "Bundle", "type": "searchset", "link": links} | total | ({"entry": entries} if entries else {})


async def _patient(call: Call, patient: str) -> dict[str, Any] | None:
    sql = "SELECT id, no, ward, spo2_scale, age_band, pregnant FROM clinical.patient WHERE id = %s"
    row = await call.site.database.row(sql, [patient]) if "\0" not in patient else None
    return row if row is not None and policy.sees(call.caller, row["id"], row["ward"]) else None


async def _news2(call: Call, row: dict[str, Any], search: Search) -> list[Resource]:
    """The score at the end of the span asked for, where it applies and there is anything to score."""
    at = min(search.to - timedelta(milliseconds=1), call.now)
    if at < search.since or row["age_band"] != "adult" or row["pregnant"]:
        return []
    readings = await latest(call.site.database, row["no"], at)
    if not readings:
        return []
    update = news2.score_one(row["id"], readings, milliseconds(at), row["spo2_scale"])
    return [resources.news2(update, at, await newest_ids(call.site.database, row["no"], at), row["no"])]


async def _read_news2(call: Call, patient_no: int, at_ms: int) -> Reply:
    sql = "SELECT id, no, ward, spo2_scale, age_band, pregnant FROM clinical.patient WHERE no = %s"
    row = await call.site.database.row(sql, [patient_no])
    at = moment(at_ms)
    if row is None or not policy.sees(call.caller, row["id"], row["ward"]) or at > call.now:
        raise unknown()
    found = await _news2(call, row, Search(to=at + timedelta(milliseconds=1)))
    if not found:
        raise unknown()
    return Reply(found[0], patients=(row["id"],))


def capability(now: datetime) -> Resource:
    """What this server does (R4 CapabilityStatement, kind instance)."""

    def parameters(*names: str) -> list[Resource]:
        kinds = {"patient": "reference", "code": "token", "category": "token", "date": "date", "identifier": "token", "_id": "token"}
        return [{"name": name, "type": kinds[name]} for name in names]

    def resource(kind: str, *names: str, create: bool = False) -> Resource:
        does = ["read", "search-type", *(["create"] if create else [])]
        return {"type": kind, "interaction": [{"code": code} for code in does], "searchParam": parameters(*names)}

    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": now.astimezone(UTC).date().isoformat(),
        "kind": "instance",
        "software": {"name": "Vigil"},
        "implementation": {"description": "Vigil remote patient monitoring"},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "security": {"description": "OAuth 2 bearer tokens of POST /api/v1/token"},
                "resource": [
                    resource("Patient", "identifier", "_id"),
                    resource("Device", "patient"),
                    resource("Observation", "patient", "code", "category", "date", create=True),
                    resource("DetectedIssue", "patient"),
                ],
                "interaction": [{"code": "transaction"}],
            }
        ],
    }
