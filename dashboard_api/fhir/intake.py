"""POST of Observations and Bundles: who may say it of whom is decided here, what it says by the ingest's own door.

An integration that is not on every ward must name, as `subject` of each resource, a patient within its reach; anything else is a 404, as
for a patient that does not exist.
"""

from typing import Any

import msgspec
from starlette.responses import Response

from dashboard_api import policy
from dashboard_api.fhir import created
from dashboard_api.fhir.endpoints import BASE
from dashboard_api.fhir.outcome import MEDIA_TYPE
from dashboard_api.problems import TOO_FAST, Problem, away, too_fast, unknown
from dashboard_api.route import Call, Reply


async def post(call: Call) -> Reply:
    """The door's own answer, with the addresses of what it took."""
    subjects = subjects_of(_read(call.body))
    await _check_reach(call, subjects)
    said = await call.site.fhir_door.post(call.body, call.request.headers.get("traceparent"))
    if said.status >= 500:
        raise away("the FHIR intake cannot promise anything now")
    if said.status == TOO_FAST:
        raise too_fast(said.retry_s, "a device of it says more than its quota; nothing of it was taken")
    status, body = said.status, said.body
    headers = dict[str, str]()
    if status < 300:
        body, headers = await _addressed(call, msgspec.json.decode(body), said.place)
    patients = tuple(sorted({s for s in subjects if s is not None}))
    return Reply(raw=Response(body, status, headers, MEDIA_TYPE), patients=patients[:100], detail={"status": status})


async def _addressed(call: Call, answer: dict[str, Any], place: str) -> tuple[bytes, dict[str, str]]:
    ids = await created.ids_of(call.site.database, created.places_in(answer) if answer["resourceType"] == "Bundle" else [place])
    if answer["resourceType"] == "Bundle":
        return msgspec.json.encode(created.bundle(answer, ids)), {}
    found = ids.get(place)
    headers = {"Location": f"{str(call.request.base_url).rstrip('/')}{BASE}/Observation/{found}"} if found else {}
    return msgspec.json.encode(created.observation(answer, found)), headers


def subjects_of(body: Any) -> list[str | None]:
    """The patient's id of each resource that the door would take, None where one names none: of an Observation only its own counts."""
    entries = body.get("entry") if isinstance(body, dict) and body.get("resourceType") != "Observation" else None
    resources = [e.get("resource") for e in entries if isinstance(e, dict)] if isinstance(entries, list) else [body]
    return [_subject(resource) for resource in resources]


def _subject(resource: Any) -> str | None:
    subject = resource.get("subject") if isinstance(resource, dict) else None
    reference = subject.get("reference") if isinstance(subject, dict) else None
    return reference.rpartition("Patient/")[2][:64] if isinstance(reference, str) and "\0" not in reference else None


def _read(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "the body is not JSON") from error


async def _check_reach(call: Call, subjects: list[str | None]) -> None:
    reach = policy.reach(call.caller)
    if reach.everyone:
        return
    rows = await call.site.database.rows("SELECT id, ward FROM clinical.patient WHERE id = ANY(%s)", [[s for s in subjects if s]])
    wards = {row["id"]: row["ward"] for row in rows}
    if any(s is None or s not in wards or not reach.covers(s, wards[s]) for s in subjects):
        raise unknown()
