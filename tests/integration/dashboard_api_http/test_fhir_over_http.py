"""FHIR over HTTP: searches page without a gap, failures are OperationOutcomes, reach holds."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.integration.dashboard_api_http.site import Site

As = Callable[[str], httpx.Client]
NOW = datetime.now(UTC).replace(microsecond=123000)


def stocked(site: Site) -> str:
    """A patient with nine observations: five heart rates and four pressures."""
    patient, device = site.patient()["id"], site.device()["id"]
    number = site.sql("SELECT no FROM clinical.device WHERE id = %s", device)[0][0]
    for i in range(5):
        site.reading(patient, "hr", NOW - timedelta(seconds=i), 70 + i, seq=i, device_no=number)
    for i in range(4):
        for vital, value in (("sbp", 120), ("dbp", 80)):
            site.reading(patient, vital, NOW - timedelta(seconds=i), value, seq=i, device_no=number)
    return str(patient)


def entries(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    return [e["resource"] for e in bundle.get("entry", [])]


def test_pages_have_every_observation_once(site: Site, as_: As) -> None:
    url: str | None = f"/fhir/R4/Observation?patient={stocked(site)}&category=vital-signs&_count=2"
    found: list[str] = []
    while url:
        bundle = as_("integration").get(url).json()
        found += [r["id"] for r in entries(bundle)]
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
    assert (len(found), len(set(found))) == (9, 9)


def test_a_search_by_code_and_date(site: Site, as_: As) -> None:
    since = (NOW - timedelta(seconds=2)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    query = {"patient": f"Patient/{stocked(site)}", "code": "http://loinc.org|8867-4", "date": f"ge{since}"}
    found = entries(as_("doctor").get("/fhir/R4/Observation", params=query).json())
    assert [r["valueQuantity"]["value"] for r in found] == [70.0, 71.0, 72.0]


def test_what_a_search_gives_can_be_read(site: Site, as_: As) -> None:
    found = entries(as_("doctor").get(f"/fhir/R4/Observation?patient={stocked(site)}").json())
    read = [as_("doctor").get(f"/fhir/R4/Observation/{r['id']}").json() for r in found]
    assert [r["code"] for r in read] == [r["code"] for r in found]
    assert {r["category"][0]["coding"][0]["code"] for r in read} == {"survey", "vital-signs"}


def test_news2_derives_from_observations_that_are_there(site: Site, as_: As) -> None:
    score = entries(as_("doctor").get(f"/fhir/R4/Observation?patient={stocked(site)}&category=survey").json())[0]
    statuses = [as_("doctor").get(f"/fhir/R4/{r['reference']}").status_code for r in score["derivedFrom"]]
    assert statuses == [200, 200]


def test_a_patient_out_of_reach_has_no_observations_like_one_that_does_not_exist(site: Site, as_: As) -> None:
    answers = [as_("nurse").get(f"/fhir/R4/Observation?patient={p}") for p in (site.patient("south")["id"], "nobody")]
    assert [(a.status_code, a.json()["total"]) for a in answers] == [(200, 0), (200, 0)]


def test_failures_are_operation_outcomes(as_: As) -> None:
    paths = ("Observation", "Observation?patient=x&nonsense=1", "Patient/nobody", "Observation/hr.1.1.1.1")
    answers = [as_("doctor").get(f"/fhir/R4/{path}") for path in paths]
    assert [a.status_code for a in answers] == [400, 400, 404, 404]
    assert {(a.json()["resourceType"], a.headers["content-type"]) for a in answers} == {("OperationOutcome", "application/fhir+json")}


def test_a_patient_is_found_by_record_number(site: Site, as_: As) -> None:
    made = site.patient()
    found = entries(as_("integration").get("/fhir/R4/Patient", params={"identifier": f"urn:vigil:mrn|{made['mrn']}"}).json())
    assert [(r["id"], r["birthDate"], r["gender"]) for r in found] == [(made["id"], "1950-01-02", "female")]


def test_an_alert_is_a_detected_issue(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    alert = site.alert(patient)
    found = entries(as_("doctor").get(f"/fhir/R4/DetectedIssue?patient={patient}").json())
    assert [(r["id"], r["severity"], r["status"]) for r in found] == [(alert, "high", "preliminary")]


def test_the_capability_statement_is_open_and_names_what_there_is(as_: As) -> None:
    statement = as_("").get("/fhir/R4/metadata").json()
    assert (statement["fhirVersion"], [r["type"] for r in statement["rest"][0]["resource"]]) == (
        "4.0.1",
        ["Patient", "Device", "Observation", "DetectedIssue"],
    )
