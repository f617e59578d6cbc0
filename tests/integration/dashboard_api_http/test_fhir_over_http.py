"""FHIR over HTTP: searches page without a gap, failures are OperationOutcomes, reach holds."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.integration.dashboard_api_http.site import Site
from vitals.registry import BY_NAME

As = Callable[[str], httpx.Client]
NOW = datetime.now(UTC).replace(microsecond=123000)


@pytest.fixture(autouse=True)
def present() -> None:
    """NOW at each test: a long run imports its tests many minutes before it gets to them."""
    globals()["NOW"] = datetime.now(UTC).replace(microsecond=123000) - timedelta(seconds=1)


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


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize(("category", "number"), [("vital-signs", 9), ("vital-signs,survey", 10)])
def test_pages_have_every_observation_once_and_no_more_of_them_than_asked(
    site: Site, as_: As, category: str, number: int, count: int
) -> None:
    url: str | None = f"/fhir/R4/Observation?patient={stocked(site)}&category={category}&_count={count}"
    found: list[str] = []
    longest = 0
    while url:
        bundle = as_("integration").get(url).json()
        found += [r["id"] for r in entries(bundle)]
        longest = max(longest, len(entries(bundle)))
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
    assert (len(found), len(set(found)), longest) == (number, number, count)


@pytest.mark.parametrize("kind", ["Patient?", "Device?", "DetectedIssue?", "Observation?category=vital-signs&patient="])
def test_who_asks_for_none_gets_none_and_no_number_that_is_not_so(site: Site, as_: As, kind: str) -> None:
    bundle = as_("doctor").get(f"/fhir/R4/{kind}{stocked(site) if '=' in kind else ''}&_count=0").json()
    assert {"entry", "total"} & bundle.keys() == set()


@pytest.mark.parametrize("form", ["{}", "Patient/{}", "https://vigil.example/fhir/R4/Patient/{}"])
def test_a_patient_is_named_by_id_or_by_reference(site: Site, as_: As, form: str) -> None:
    query = {"patient": form.format(stocked(site)), "category": "vital-signs"}
    assert as_("doctor").get("/fhir/R4/Observation", params=query).json()["total"] == 9


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


def one_who_is(site: Site, patient: str) -> httpx.Client:
    """Logged in as that patient."""
    body = {"username": f"p-{patient[:8]}", "password": "a long enough password", "role": "patient", "patient": patient}
    site.client("admin").post("/api/v1/accounts", json=body).raise_for_status()
    return site.logged_in(body["username"], body["password"])


@pytest.mark.parametrize("path", ["Observation?category=vital-signs", "Observation/$lastn?category=vital-signs&max=9"])
def test_a_patient_who_names_nobody_asks_about_themself(site: Site, path: str) -> None:
    patient = stocked(site)
    found = entries(one_who_is(site, patient).get(f"/fhir/R4/{path}").json())
    assert ({r["subject"]["reference"] for r in found}, len(found)) == ({f"Patient/{patient}"}, 9)


def test_a_reading_with_the_long_number_of_a_door_that_makes_its_own_can_be_read(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    site.reading(patient, "hr", NOW, 70, seq=int(NOW.timestamp() * 1000) << 21)
    found = entries(as_("doctor").get(f"/fhir/R4/Observation?patient={patient}&category=vital-signs").json())
    assert as_("doctor").get(f"/fhir/R4/Observation/{found[0]['id']}").status_code == 200


def test_news2_derives_from_observations_that_are_there(site: Site, as_: As) -> None:
    score = entries(as_("doctor").get(f"/fhir/R4/Observation?patient={stocked(site)}&category=survey").json())[0]
    statuses = [as_("doctor").get(f"/fhir/R4/{r['reference']}").status_code for r in score["derivedFrom"]]
    assert statuses == [200, 200]


def test_news2_derives_from_what_counted_and_not_from_what_was_too_old_or_passed_over(site: Site, as_: As) -> None:
    patient, hour = site.patient()["id"], timedelta(hours=1)
    ages = {"hr": 2 * hour, "pulse": hour / 2, "fio2": hour / 2, "o2_flow": hour, "on_oxygen": 2 * hour, "spo2": 3 * hour, "temp": hour}
    for vital, age in ages.items():
        site.reading(patient, vital, NOW - age, BY_NAME[vital].high)
    score = entries(as_("doctor").get(f"/fhir/R4/Observation?patient={patient}&category=survey").json())[0]
    assert [r["reference"].split("/")[1].split(".")[0] for r in score["derivedFrom"]] == ["fio2", "o2-flow", "pulse", "temp"]


def test_a_patient_out_of_reach_has_no_observations_like_one_that_does_not_exist(site: Site, as_: As) -> None:
    answers = [as_("nurse").get(f"/fhir/R4/Observation?patient={p}") for p in (site.patient("south")["id"], "nobody")]
    assert [(a.status_code, a.json()["total"]) for a in answers] == [(200, 0), (200, 0)]


def test_failures_are_operation_outcomes(as_: As) -> None:
    paths = (
        "Observation",
        "Observation?patient=x&nonsense=1",
        "Patient/nobody",
        "Observation/hr.1.1.1.1",
        f"Observation/hr.1.1.1.{'9' * 19}",
    )
    answers = [as_("doctor").get(f"/fhir/R4/{path}") for path in paths]
    assert [a.status_code for a in answers] == [400, 400, 404, 404, 404]
    assert {(a.json()["resourceType"], a.headers["content-type"]) for a in answers} == {("OperationOutcome", "application/fhir+json")}


def test_a_patient_is_found_by_record_number(site: Site, as_: As) -> None:
    made = site.patient()
    found = entries(as_("integration").get("/fhir/R4/Patient", params={"identifier": f"urn:vigil:mrn|{made['mrn']}"}).json())
    assert [(r["id"], r["birthDate"], r["gender"]) for r in found] == [(made["id"], "1950-01-02", "female")]


def test_a_patient_is_found_by_id_however_many_come_before(site: Site, as_: As) -> None:
    made = sorted(site.patient()["id"] for _ in range(3))
    bundle = as_("integration").get("/fhir/R4/Patient", params={"_id": ",".join([*made[1:], "nobody\0"]), "_count": 2}).json()
    assert ([r["id"] for r in entries(bundle)], bundle["total"]) == (made[1:], 2)


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


def last(client: httpx.Client, patient: str, **query: str) -> list[tuple[str, str]]:
    """(code, time) of each resource of a $lastn."""
    answer = client.get("/fhir/R4/Observation/$lastn", params={"patient": patient} | query)
    assert answer.status_code == 200, answer.text
    return [(r["code"]["coding"][0]["code"], r["effectiveDateTime"]) for r in entries(answer.json())]


def test_lastn_has_the_newest_of_each_kind(site: Site, as_: As) -> None:
    found = last(as_("doctor"), stocked(site), category="vital-signs")
    newest = NOW.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert [(code, at[:23]) for code, at in found] == [("8867-4", newest[:23]), ("85354-9", newest[:23])]


def test_lastn_has_as_many_as_asked_newest_first(site: Site, as_: As) -> None:
    found = last(as_("doctor"), stocked(site), code="8867-4,85354-9", max="3")
    assert [code for code, _ in found] == ["8867-4"] * 3 + ["85354-9"] * 3
    assert [at for _, at in found[:3]] == sorted((at for _, at in found[:3]), reverse=True)


def test_lastn_needs_a_patient_and_a_code_or_category(as_: As) -> None:
    queries = ({"category": "vital-signs"}, {"patient": "x"}, {"patient": "x", "code": "8867-4", "max": "0"})
    assert [as_("doctor").get("/fhir/R4/Observation/$lastn", params=q).status_code for q in queries] == [400, 400, 400]


def test_last_updated_is_when_it_was_stored_not_when_it_was_measured(site: Site, as_: As) -> None:
    patient = stocked(site)
    hour = timedelta(hours=1)
    site.sql("UPDATE telemetry.reading SET received_at = %s WHERE patient_no = (SELECT no FROM clinical.patient WHERE id = %s) AND seq < 2",
             NOW + hour, patient)  # fmt: skip
    query = {"patient": patient, "category": "vital-signs", "_lastUpdated": f"ge{(NOW + hour / 2).strftime('%Y-%m-%dT%H:%M:%SZ')}"}
    found = entries(as_("doctor").get("/fhir/R4/Observation", params=query).json())
    assert (len(found), {r["meta"]["lastUpdated"][:16] for r in found}) == (4, {(NOW + hour).isoformat()[:16]})


def test_a_parameter_of_another_type_is_refused_by_name(as_: As) -> None:
    answers = [
        as_("doctor").get(f"/fhir/R4/{path}")
        for path in ("Patient?code=1", "Device?date=2026", "DetectedIssue?category=x", "Patient?_sort=x")
    ]
    assert [a.status_code for a in answers] == [400] * 4


def test_issues_are_found_by_rule_and_by_when_they_began_and_page(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    made = [site.alert(patient, rule=rule) for rule in ("news2", "news2", "limits")]
    url: str | None = f"/fhir/R4/DetectedIssue?patient={patient}&code=news2&identified=ge2020&_lastUpdated=ge2020&_count=1"
    found: list[str] = []
    while url:
        bundle = as_("doctor").get(url).json()
        found += [r["id"] for r in entries(bundle)]
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
    assert sorted(found) == sorted(made[:2])


def test_an_issue_says_when_it_last_changed(site: Site, as_: As) -> None:
    patient = site.patient()["id"]
    alert = site.alert(patient)
    listed = entries(as_("doctor").get(f"/fhir/R4/DetectedIssue?patient={patient}").json())[0]
    assert listed["meta"]["lastUpdated"] == as_("doctor").get(f"/fhir/R4/DetectedIssue/{alert}").json()["meta"]["lastUpdated"]
