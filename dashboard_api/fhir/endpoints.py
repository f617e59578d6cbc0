"""FHIR R4 over HTTP: what the API has, as resources; and the intake, which goes the same way as MQTT."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from dashboard_api import policy
from dashboard_api.api import alerts, devices, patients
from dashboard_api.api.scores import milliseconds, moment
from dashboard_api.fhir import issues, resources
from dashboard_api.fhir.capability import capability, smart
from dashboard_api.fhir.readings import found_by_id, last_of, newest_of, page_of
from dashboard_api.fhir.resources import Resource
from dashboard_api.fhir.search import Search, after, parsed
from dashboard_api.problems import Problem, unknown
from dashboard_api.route import Call, Reply
from vitals import news2

BASE = "/fhir/R4"
_MOST_LAST = 100
_SCORE_ID = re.compile(r"news2\.(\d{1,9})\.(\d{1,13})\Z")


async def metadata(call: Call) -> Reply:
    """The capability statement."""
    return Reply(capability(call.now, str(call.request.base_url).rstrip("/")))


async def configuration(call: Call) -> Reply:
    """What an app must know to get a token (SMART App Launch 2.2)."""
    return Reply(smart(str(call.request.base_url).rstrip("/")))


async def read_patient(call: Call) -> Reply:
    """One patient."""
    return Reply(resources.patient(await patients.shown(call, call.subject["id"])))


async def search_patients(call: Call) -> Reply:
    """By identifier (record number) or _id, within reach."""
    search = parsed(call.request.query_params.multi_items(), "Patient")
    mrn = search.identifier.rpartition("|")[2] if search.identifier else None
    if search.count == 0:
        return Reply(bundle(call, [], None))
    query = patients.PatientQuery(limit=search.count, cursor=search.cursor, mrn=mrn, discharged=True)
    inner = await patients.among(asking(call, query), sorted(i for i in search.ids if "\0" not in i) if search.ids else None)
    return Reply(bundle(call, [resources.patient(row) for row in inner.body["items"]], inner.body["next"]), patients=inner.patients)


async def read_device(call: Call) -> Reply:
    """One device."""
    row = await devices.found(call, call.path["id"])
    return Reply(resources.device(row), patients=(row["patient"],) if row["patient"] else ())


async def search_devices(call: Call) -> Reply:
    """By patient, within reach."""
    search = parsed(call.request.query_params.multi_items(), "Device")
    if search.count == 0:
        return Reply(bundle(call, [], None))
    query = devices.DeviceQuery(limit=search.count, cursor=search.cursor, patient=search.patient, revoked=True)
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
    """Newest first; a patient must be named, but by one who is a patient. One out of reach has, like one that does not exist, none."""
    search = parsed(call.request.query_params.multi_items())
    patient = _asked_about(call, search)
    if patient is None:
        raise Problem(400, "patient: an Observation search must name a patient")
    row = await _patient(call, patient)
    if row is None:
        return Reply(bundle(call, [], None))
    scored = await _news2(call, row, search) if search.news2 and search.count and search.cursor is None else []
    rows, following = await page_of(call.site.database, row["no"], search, after(search), search.count - len(scored))
    found = [*scored, *(resources.observation(r, row["id"]) for r in rows)]
    return Reply(bundle(call, found, following), patients=(row["id"],))


async def last_observations(call: Call) -> Reply:
    """`$lastn` (R4, "Lastn Observations Query"): the newest `max` of each kind, newest first; NEWS2's newest among them."""
    search = parsed(call.request.query_params.multi_items(), more=frozenset({"max"}))
    asked, patient = call.request.query_params, _asked_about(call, search)
    if patient is None or not {"code", "category"} & asked.keys():
        raise Problem(400, "$lastn: needs a patient, and a code or a category")
    most, row = _most(asked.get("max", "1")), await _patient(call, patient)
    if row is None:
        return Reply(bundle(call, [], None))
    found = [resources.observation(r, row["id"]) for r in await last_of(call.site.database, row["no"], search, most)]
    return Reply(bundle(call, found + (await _news2(call, row, search) if search.news2 else []), None), patients=(row["id"],))


def _most(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= _MOST_LAST:
        raise Problem(400, f"max: expected 1 to {_MOST_LAST}")
    return int(text)


async def search_issues(call: Call) -> Reply:
    """Alerts, what began last first."""
    search = parsed(call.request.query_params.multi_items(), "DetectedIssue")
    rows, following = await issues.page_of(call, search)
    patients = tuple(dict.fromkeys(row["patient"] for row in rows))
    return Reply(bundle(call, [resources.detected_issue(row) for row in rows], following), patients=patients)


async def read_issue(call: Call) -> Reply:
    """One alert."""
    row = await alerts.whole(call, call.path["id"])
    return Reply(resources.detected_issue(row | {"changed_at": await issues.changed_at(call, call.path["id"])}))


def asking(call: Call, query: Any) -> Call:
    """The same call, asking something else."""
    return Call(call.site, call.request, call.caller, call.session, call.now, call.path, query, call.body, call.subject)


def bundle(call: Call, found: list[Resource], following: str | None) -> Resource:
    """A searchset; `total` only where this page is all there is: never of none asked for (`_count=0`)."""
    url, asked = call.request.url, call.request.query_params
    links = [{"relation": "self", "url": str(url)}]
    if following is not None:
        pairs = [(k, v) for k, v in asked.multi_items() if k != "_cursor"] + [("_cursor", following)]
        links.append({"relation": "next", "url": f"{url.scheme}://{url.netloc}{url.path}?{urlencode(pairs)}"})
    base = f"{url.scheme}://{url.netloc}{BASE}"
    entries = [{"fullUrl": f"{base}/{r['resourceType']}/{r['id']}", "resource": r, "search": {"mode": "match"}} for r in found]
    whole = following is None and "_cursor" not in asked and asked.get("_count", "1").strip("0") != ""
    total = {"total": len(found)} if whole else {}
    return {"resourceType": "Bundle", "type": "searchset", "link": links} | total | ({"entry": entries} if entries else {})


def _asked_about(call: Call, search: Search) -> str | None:
    """The patient named; for one who is a patient, else themself."""
    return search.patient or (call.caller.patient if call.caller.role is policy.Role.PATIENT else None)


async def _patient(call: Call, patient: str) -> dict[str, Any] | None:
    sql = "SELECT id, no, ward, spo2_scale, age_band, pregnant FROM clinical.patient WHERE id = %s"
    row = await call.site.database.row(sql, [patient]) if "\0" not in patient else None
    return row if row is not None and policy.sees(call.caller, row["id"], row["ward"]) else None


async def _news2(call: Call, row: dict[str, Any], search: Search) -> list[Resource]:
    """The score at the end of the span asked for, where it applies and there is anything to score."""
    at = min(search.to - timedelta(milliseconds=1), call.now)
    if at < search.since or not news2.applies(row["age_band"], row["pregnant"]):
        return []
    newest = await newest_of(call.site.database, row["no"], at)
    if not newest:
        return []
    readings = {name: (reading.value, reading.at) for name, reading in newest.items()}
    update = news2.score_one(row["id"], readings, milliseconds(at), row["spo2_scale"])
    return [resources.news2(update, at, [newest[name].id for name in news2.used(readings, milliseconds(at))], row["no"])]


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
