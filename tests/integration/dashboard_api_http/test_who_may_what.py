"""Every endpoint and every role, and none: who may what, said once more and by hand, tried on the running site."""

from collections.abc import Callable

import httpx
import pytest

from dashboard_api.route import Route
from dashboard_api.routes import ALL
from tests.integration.dashboard_api_http.site import Site

ROLES = {"d": "doctor", "n": "nurse", "p": "patient", "o": "oncall", "a": "admin", "u": "auditor", "i": "integration"}
EVERYBODY = "dnpoaui"
OPEN = {
    "token", "loginMethods", "beginOidc", "finishOidc", "openapi", "fhirMetadata", "smartConfiguration", "lookAtPage", "usePageLink",
}  # fmt: skip
MAY = {
    "me": EVERYBODY, "logout": EVERYBODY,
    "readSecondFactor": EVERYBODY, "offerSecondFactor": EVERYBODY, "confirmSecondFactor": EVERYBODY, "removeSecondFactor": EVERYBODY,
    "listAccounts": "a", "createAccount": "a", "changeAccount": "a",
    "listWards": "dnoai", "createWard": "a",
    "listPatients": "dnpoai", "createPatient": "a", "readPatient": "dnpoai", "changePatient": "da",
    "listDevices": "dnoai", "enrolDevice": "a", "readDevice": "dnoai", "revokeDevice": "a", "renewDeviceSecret": "a", "certifyDevice": "a",
    "readDeviceConfig": "dnoai", "putDeviceConfig": "a",
    "listAssignments": "dnoai", "listPatientAssignments": "dnoai", "assignDevice": "a", "correctAssignment": "a",
    "readVitals": "dnpoi", "readScore": "dnpoi", "readLimits": "dnpo", "putLimits": "dn", "explain": "dno",
    "listNotes": "dnpo", "createNote": "dn",
    "listAlerts": "dnpoi", "readAlert": "dnpoi", "actOnAlert": "dno", "takeAlertmanager": "i",
    "listRefusals": "a", "readRefusal": "a", "requeueRefusal": "a", "discardRefusal": "a",
    "readAudit": "u", "verifyAudit": "u",
    "exportPatient": "dp", "erasePatient": "a", "readConsents": "dnpoa", "putConsents": "dp",
    "breakGlass": "dno", "listBrokenGlass": "u", "reviewBrokenGlass": "u",
    "readRules": "dnoa", "putRules": "a", "listRuleVersions": "dnoa", "readAlarmQuality": "dnoa",
    "createRehearsal": "da", "listRehearsals": "da", "readRehearsal": "da",
    "listSchedules": "dnoa", "putSchedule": "a", "deleteSchedule": "a", "readCalendar": "dnoa", "onCallNow": "dnoa",
    "listOverrides": "dnoa",
    "createOverride": "dnoa", "listGaps": "dnoa", "listPeople": "dnoa", "putPerson": "a", "listPolicies": "dnoa", "putPolicy": "a",
    "deletePolicy": "a", "listHandovers": "dno", "createHandover": "dno", "acceptHandover": "dno",
    "fhirSearchPatients": "dnpoai", "fhirReadPatient": "dnpoai", "fhirSearchDevices": "dnoai", "fhirReadDevice": "dnoai",
    "fhirSearchObservations": "dnpoi", "fhirReadObservation": "dnpoi", "fhirLastObservations": "dnpoi",
    "fhirSearchIssues": "dnpoi", "fhirReadIssue": "dnpoi",
    "fhirCreateObservation": "i", "fhirTransaction": "i",
}  # fmt: skip
GUARDED = [(prefix, route) for prefix, route in ALL if route.action not in OPEN]
As = Callable[[str], httpx.Client]


def asked(client: httpx.Client, prefix: str, route: Route) -> httpx.Response:
    path = (prefix + route.path).replace("{id}", "nobody").replace("{n}", "1").replace("{username}", "nobody").replace("{name}", "nobody")
    return client.request(route.method, path, content=b"" if route.method == "GET" else b"[]")


def test_the_table_knows_every_endpoint() -> None:
    assert {route.action for _, route in ALL} <= set(MAY) | OPEN


@pytest.mark.parametrize(("prefix", "route"), GUARDED, ids=lambda value: getattr(value, "action", ""))
def test_only_those_who_may(as_: As, prefix: str, route: Route) -> None:
    roles = {letter: asked(as_(role), prefix, route).status_code for letter, role in ROLES.items() if route.action != "logout"}
    assert {letter for letter, status in roles.items() if status not in (401, 403)} == set(MAY[route.action]) & set(roles)


@pytest.mark.parametrize(("prefix", "route"), GUARDED, ids=lambda value: getattr(value, "action", ""))
def test_a_stranger_must_log_in(as_: As, prefix: str, route: Route) -> None:
    answer = asked(as_(""), prefix, route)
    assert (answer.status_code, "www-authenticate" in answer.headers) == (401, True)


def test_the_nurse_of_the_first_ward_sees_that_ward_only(site: Site, as_: As) -> None:
    mine, other = site.patient("north")["id"], site.patient("south")["id"]
    nurse = as_("nurse")
    assert [nurse.get(f"/api/v1/patients/{patient}").status_code for patient in (mine, other)] == [200, 404]


@pytest.mark.parametrize("path", ["", "/vitals", "/score", "/limits", "/notes", "/consents"])
def test_a_patient_out_of_reach_looks_like_none(site: Site, as_: As, path: str) -> None:
    there, nowhere = site.patient("south")["id"], "00000000-0000-4000-8000-000000000000"
    answers = [as_("nurse").get(f"/api/v1/patients/{patient}{path}") for patient in (there, nowhere)]
    assert answers[0].text.replace(there, "") == answers[1].text.replace(nowhere, "")
    assert answers[0].status_code == 404


def test_a_patient_sees_themself_and_nobody_else(site: Site, as_: As) -> None:
    me, other = site.patient()["id"], site.patient()["id"]
    as_("admin").put("/api/v1/accounts/patient", json={"patient": me}).raise_for_status()
    patient = as_("patient")
    assert [patient.get(f"/api/v1/patients/{who}/vitals").status_code for who in (me, other)] == [200, 404]
    assert [row["id"] for row in patient.get("/api/v1/patients").json()["items"]] == [me]
