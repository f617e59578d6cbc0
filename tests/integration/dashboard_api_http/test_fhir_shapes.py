"""Every answer of every FHIR endpoint has HL7's official R4 shape: the good ones, the empty ones, and the refusals.

The table names what is asked of each endpoint; an endpoint that is in the routes and not in the table fails.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from dashboard_api import problems
from dashboard_api.fhir import outcome
from dashboard_api.problems import Problem
from dashboard_api.routes import FHIR
from deploy.parts import running
from tests.integration.dashboard_api_http.site import Site
from tests.official_fhir import Official, official
from tests.waiting import wait_for
from vitals.registry import VITALS

BASE = "/fhir/R4"
NO_RESOURCE = {"smartConfiguration"}
"""SMART's own form, not a FHIR resource: test_smart."""
ROUTES = [route for route in FHIR if route.action not in NO_RESOURCE]
LOINC = "http://loinc.org"


@dataclass(frozen=True)
class Asked:
    """One request: which endpoint it is meant for, who asks, what, and what comes back (status and type of resource)."""

    action: str
    path: str
    status: int = 200
    kind: str = "Bundle"
    role: str = "doctor"
    body: Any = None

    def __str__(self) -> str:
        return f"{self.action} {self.path}"[:60]


def said(**changes: Any) -> dict[str, Any]:
    """An Observation to take in; `changes` may spoil it."""
    return {
        "resourceType": "Observation", "status": "final", "code": {"coding": [{"system": LOINC, "code": "8867-4"}]},
        "device": {"reference": "Device/{device}"}, "subject": {"reference": "Patient/{patient}"}, "effectiveDateTime": "{now}",
        "valueQuantity": {"value": 71, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
    } | changes  # fmt: skip


def posted(kind: str, *resources: Any) -> dict[str, Any]:
    entries = [{"resource": r, "request": {"method": "POST", "url": "Observation"}} for r in resources]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


TABLE = [
    Asked("fhirMetadata", "metadata", kind="CapabilityStatement", role=""),
    Asked("fhirSearchPatients", "Patient", role="integration"),
    Asked("fhirSearchPatients", "Patient?_count=1"),
    Asked("fhirSearchPatients", "Patient?_id=nobody"),
    Asked("fhirSearchPatients", "Patient?nonsense=1", 400, "OperationOutcome"),
    Asked("fhirReadPatient", "Patient/{patient}", kind="Patient"),
    Asked("fhirReadPatient", "Patient/{erased}", kind="Patient"),
    Asked("fhirReadPatient", "Patient/nobody", 404, "OperationOutcome"),
    Asked("fhirSearchDevices", "Device", role="admin"),
    Asked("fhirSearchDevices", "Device?patient={patient}&_count=1"),
    Asked("fhirSearchDevices", "Device?_count=x", 400, "OperationOutcome"),
    Asked("fhirReadDevice", "Device/{device}", kind="Device"),
    Asked("fhirReadDevice", "Device/nothing", 404, "OperationOutcome"),
    Asked("fhirSearchObservations", "Observation?patient={patient}"),
    Asked("fhirSearchObservations", "Observation?patient={patient}&category=vital-signs&_count=3"),
    Asked("fhirSearchObservations", "Observation?patient={patient}&category=survey"),
    Asked("fhirSearchObservations", "Observation?patient={patient}&code=85354-9&date=ge2020&_sort=-date"),
    Asked("fhirSearchObservations", "Observation?patient={patient}&_lastUpdated=ge2020"),
    Asked("fhirSearchObservations", "Observation?patient={patient}&_count=0"),
    Asked("fhirSearchObservations", "Observation?patient=nobody"),
    Asked("fhirSearchObservations", "Observation", 400, "OperationOutcome"),
    Asked("fhirSearchObservations", "Observation?patient={patient}&date=x", 400, "OperationOutcome"),
    Asked("fhirSearchObservations", "Observation?patient={patient}&_cursor=x", 400, "OperationOutcome"),
    Asked("fhirLastObservations", "Observation/$lastn?patient={patient}&category=vital-signs,survey&max=3"),
    Asked("fhirLastObservations", "Observation/$lastn?patient=nobody&code=8867-4"),
    Asked("fhirLastObservations", "Observation/$lastn", 400, "OperationOutcome"),
    Asked("fhirReadObservation", "Observation/{reading}", kind="Observation"),
    Asked("fhirReadObservation", "Observation/{pressure}", kind="Observation"),
    Asked("fhirReadObservation", "Observation/{score}", kind="Observation"),
    Asked("fhirReadObservation", "Observation/hr.1.1.1.1", 404, "OperationOutcome"),
    Asked("fhirSearchIssues", "DetectedIssue?patient={patient}"),
    Asked("fhirSearchIssues", "DetectedIssue?patient={patient}&_count=1&_sort=-identified"),
    Asked("fhirSearchIssues", "DetectedIssue?identified=x", 400, "OperationOutcome"),
    Asked("fhirReadIssue", "DetectedIssue/{alert}", kind="DetectedIssue"),
    Asked("fhirReadIssue", "DetectedIssue/nothing", 404, "OperationOutcome"),
    Asked("fhirCreateObservation", "Observation", 201, "Observation", "integration", said()),
    Asked("fhirCreateObservation", "Observation", 400, "OperationOutcome", "integration", said(status="")),
    Asked("fhirCreateObservation", "Observation", 422, "OperationOutcome", "integration", said(valueQuantity={"value": 900})),
    Asked("fhirCreateObservation", "Observation", 400, "OperationOutcome", "integration", b"{"),
    Asked("fhirTransaction", "", 200, "Bundle", "integration", posted("transaction", said(), said(valueQuantity={"value": 72}))),
    Asked("fhirTransaction", "", 422, "OperationOutcome", "integration", posted("transaction", said(valueQuantity={"value": 900}))),
    Asked(
        "fhirTransaction", "", 200, "Bundle", "integration", posted("batch", said(), said(valueQuantity={"value": 900}), said(status=""))
    ),
    Asked("fhirTransaction", "", 400, "OperationOutcome", "integration", posted("history")),
]


@pytest.fixture(scope="module")
def shape() -> Iterator[Official]:
    """HL7's checks."""
    with official() as checks:
        yield checks


@pytest.fixture(scope="module")
def names(site: Site) -> Iterator[dict[str, str]]:
    """What the paths name: a patient with a reading of every vital, one without a value, alerts, a device; and the intake, running."""
    environ = {"VIGIL_KAFKA": site.kafka, "VIGIL_DATABASE": site.database, "VIGIL_TOPIC_PREFIX": site.topics.prefix}
    command = [sys.executable, "-m", "ingest.fhir_main"]
    door = subprocess.Popen(command, env={**os.environ, **environ, "VIGIL_FHIR_PORT": str(site.fhir_port)})
    try:
        wait_for(lambda: running.accepts("127.0.0.1", site.fhir_port), 120, "the intake to listen")
        yield stocked(site)
    finally:
        door.send_signal(signal.SIGTERM)
        assert door.wait(60) == 0


def stocked(site: Site) -> dict[str, str]:
    """The names."""
    patient, device, erased = site.patient()["id"], site.device()["id"], site.patient()["id"]
    now = datetime.now(UTC).replace(microsecond=0)
    since = {"patient_id": patient, "from": (now - timedelta(hours=1)).isoformat()}
    site.client("admin").post(f"/api/v1/devices/{device}/assignments", json=since).raise_for_status()
    erasure = {"confirm": erased, "reason": "asked for in writing"}
    site.client("admin").post(f"/api/v1/patients/{erased}/erasure", json=erasure).raise_for_status()
    number = site.sql("SELECT no FROM clinical.device WHERE id = %s", device)[0][0]
    for vital in VITALS:
        site.reading(patient, vital.name, now - timedelta(seconds=9), float(vital.low), seq=1, device_no=number)
        site.reading(patient, vital.name, now - timedelta(seconds=19), None, seq=2, device_no=number)
    alerts = [
        site.alert(patient, **{"class": "technical", "priority": p, "state": s}) for p, s in (("low", "closed"), ("medium", "active"))
    ]
    found = site.client("doctor").get(f"{BASE}/Observation?patient={patient}").json()
    ids = {
        kind: next(e["resource"]["id"] for e in found["entry"] if e["resource"]["id"].startswith(kind)) for kind in ("hr", "bp", "news2")
    }
    return {"patient": patient, "device": device, "erased": erased, "alert": alerts[0], "reading": ids["hr"], "pressure": ids["bp"],
            "score": ids["news2"], "now": now.isoformat()}  # fmt: skip


def told(text: str, names: dict[str, str]) -> str:
    """With the names in their places."""
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def asked(site: Site, names: dict[str, str], one: Asked) -> httpx.Response:
    """The answer."""
    path = f"{BASE}/{told(one.path, names)}".rstrip("/")
    client = site.client(one.role)
    if one.body is None:
        return client.get(path)
    content = one.body if isinstance(one.body, bytes) else told(msgspec.json.encode(one.body).decode(), names).encode()
    return client.post(path, content=content)


def test_every_endpoint_has_its_answers_and_its_refusals_looked_at() -> None:
    looked_at = {(one.action, one.status < 300) for one in TABLE}
    open_to_all = {route.action for route in ROUTES if route.right is None}
    assert looked_at == {(r.action, good) for r in ROUTES for good in (True, False) if good or r.action not in open_to_all}


@pytest.mark.parametrize("one", TABLE, ids=str)
def test_an_answer_has_the_official_shape(site: Site, shape: Official, names: dict[str, str], one: Asked) -> None:
    answer = asked(site, names, one)
    told_as = (answer.status_code, answer.json().get("resourceType"), answer.headers["content-type"], shape.faults(answer.json()))
    assert told_as == (one.status, one.kind, outcome.MEDIA_TYPE, [])


def stored_at(site: Site, names: dict[str, str], logical_id: str) -> httpx.Response:
    """What is read by that id once the archive has stored the reading."""
    name, _, ms, device, seq = logical_id.split(".")
    site.reading(names["patient"], name, datetime.fromtimestamp(int(ms) / 1000, UTC), 71.0, int(seq), int(device))
    return site.client("doctor").get(f"{BASE}/Observation/{logical_id}")


def test_what_was_taken_in_has_an_address_where_it_is_read(site: Site, names: dict[str, str]) -> None:
    answer = asked(site, names, Asked("", "Observation", role="integration", body=said(id="mine")))
    made, found = answer.json(), stored_at(site, names, answer.json()["id"]).json()
    same = [made[key] == found[key] for key in ("id", "subject", "device", "valueQuantity")]
    assert (answer.headers["location"], same) == (f"{site.url}{BASE}/Observation/{made['id']}", [True] * 4)


def test_each_of_a_bundle_that_was_taken_in_has_its_address(site: Site, names: dict[str, str]) -> None:
    both = posted("batch", said(valueQuantity={"value": 73}), said(valueQuantity={"value": 900}))
    answers = [e["response"] for e in asked(site, names, Asked("", "", role="integration", body=both)).json()["entry"]]
    kind, _, logical_id = answers[0]["location"].partition("/")
    assert (kind, stored_at(site, names, logical_id).status_code, "location" in answers[1]) == ("Observation", 200, False)


def test_what_became_several_readings_has_no_one_address_and_no_id(site: Site, names: dict[str, str]) -> None:
    parts = [{"code": {"coding": [{"system": LOINC, "code": c}]}, "valueQuantity": {"value": 60}} for c in ("8867-4", "9279-1")]
    panel = said(id="mine", code={"coding": [{"system": LOINC, "code": "85353-1"}]}, component=parts, valueQuantity=None)
    answer = asked(site, names, Asked("", "Observation", role="integration", body=panel))
    assert (answer.status_code, "location" in answer.headers, "id" in answer.json()) == (201, False, False)


@pytest.mark.parametrize("one", [a for a in TABLE if a.kind == "Bundle" and "_count=" in a.path], ids=str)
def test_every_further_page_has_it_too(site: Site, shape: Official, names: dict[str, str], one: Asked) -> None:
    bundle, pages = asked(site, names, one).json(), 0
    faults: list[str] = []
    while (url := next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)) and pages < 20:
        bundle, pages = site.client(one.role).get(url).json(), pages + 1
        faults += shape.faults(bundle)
    assert faults == []


@pytest.mark.parametrize("route", [r for r in ROUTES if r.right is not None], ids=lambda r: r.action)
def test_who_may_not_is_told_in_the_official_shape(site: Site, shape: Official, route: Any) -> None:
    path = BASE + route.path.replace("{id}", "x")
    answers = [site.client(role).request(route.method, path) for role in ("", "auditor")]
    assert [(a.status_code, shape.faults(a.json())) for a in answers] == [(401, []), (403, [])]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/Nothing", 404), ("GET", "/Patient/a/b", 404), ("DELETE", "/Patient", 405)]
)
def test_what_is_not_there_is_told_in_the_official_shape(site: Site, shape: Official, method: str, path: str, status: int) -> None:
    answer = site.client("doctor").request(method, BASE + path)
    assert (answer.status_code, answer.headers["content-type"], shape.faults(answer.json())) == (status, outcome.MEDIA_TYPE, [])


@pytest.mark.parametrize("status", [s for s in problems.TITLES if s >= 400])
def test_every_failure_has_an_official_outcome(shape: Official, status: int) -> None:
    assert shape.faults(msgspec.json.decode(outcome.response(Problem(status)).body)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "done"},
        {"status": None},
        {"code": None},
        {"effectiveDateTime": "2026-13-01"},
        {"id": "not an id"},
        {"colour": "red"},
        {"valueQuantity": {"value": "72"}},
        {"subject": "Patient/1"},
    ],
    ids=str,
)
def test_the_check_sees_what_is_wrong(shape: Official, changes: dict[str, Any]) -> None:
    resource = {k: v for k, v in (said(effectiveDateTime="2026-11-21T02:29:07Z") | changes).items() if v is not None}
    entry = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": resource}]}
    assert (shape.faults(resource) != [], shape.faults(entry) != []) == (True, True)
