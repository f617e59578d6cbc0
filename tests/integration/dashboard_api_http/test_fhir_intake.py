"""The intake's door for integrations: reach is decided here, the rest by the ingest."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from dashboard_api.fhir.intake import subjects_of
from tests.integration.dashboard_api_http.site import Site

As = Callable[[str], httpx.Client]


def observation(patient: str) -> dict[str, Any]:
    return {"resourceType": "Observation", "subject": {"reference": f"Patient/{patient}"}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (observation("p1"), ["p1"]),
        ({"resourceType": "Bundle", "entry": [{"resource": observation("p1")}, {"resource": {}}]}, ["p1", None]),
        (observation("p1") | {"entry": [{"resource": observation("p2")}]}, ["p1"]),
        ({"entry": [None, 1]}, []),
        ({"subject": {"reference": 1}}, [None]),
        ([], [None]),
        (None, [None]),
    ],
)
def test_whom_a_body_is_about(body: Any, expected: list[str | None]) -> None:
    assert subjects_of(body) == expected


def test_without_an_intake_it_is_a_503_and_nothing_is_promised(site: Site, as_: As) -> None:
    answer = as_("integration").post("/fhir/R4/Observation", json=observation(site.patient()["id"]))
    assert (answer.status_code, answer.json()["resourceType"], "retry-after" in answer.headers) == (503, "OperationOutcome", True)


def test_an_integration_of_one_ward_says_nothing_of_another(site: Site, as_: As) -> None:
    body = {"username": "lab", "password": "a long enough password", "role": "integration", "scopes": ["observations.write"]}
    as_("admin").post("/api/v1/accounts", json=body | {"wards": ["north"]})
    lab = site.logged_in("lab", "a long enough password")
    told = [lab.post("/fhir/R4/Observation", json=observation(p)).status_code for p in (site.patient("south")["id"], "nobody")]
    mine = lab.post("/fhir/R4", json={"resourceType": "Bundle", "entry": [{"resource": observation(site.patient()["id"])}]}).status_code
    assert (told, mine) == ([404, 404], 503)


def test_the_base_with_a_slash_behind_it_is_the_base(site: Site, as_: As) -> None:
    body = {"resourceType": "Bundle", "entry": [{"resource": observation(site.patient()["id"])}]}
    assert [as_("integration").post(path, json=body).status_code for path in ("/fhir/R4", "/fhir/R4/")] == [503, 503]
