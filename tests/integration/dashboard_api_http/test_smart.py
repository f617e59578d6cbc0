"""SMART on FHIR: a system proves who it is with a secret or a signature, and a token reads what its scopes name, nothing else."""

import json
import time
import uuid
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.integration.dashboard_api_http.site import TIMEOUT_S, Site, stranger
from tests.integration.dashboard_api_http.test_sessions import PASSWORD, account, token

KEY = ec.generate_private_key(ec.SECP384R1())
JWKS = {"keys": [json.loads(jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key())) | {"kid": "one", "alg": "ES384"}]}
BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PATHS = ("Patient", "Patient/{p}", "Device", "Observation?patient={p}", "Observation/$lastn?patient={p}&category=survey", "DetectedIssue")


def system(site: Site, *scopes: str, **facts: Any) -> str:
    return account(site, "integration", all_wards=True, scopes=list(scopes), **facts)


def client(site: Site, tokens: httpx.Response) -> httpx.Client:
    assert tokens.status_code == 200, tokens.text
    return httpx.Client(base_url=site.url, headers={"Authorization": f"Bearer {tokens.json()['access_token']}"}, timeout=TIMEOUT_S)


def assertion(site: Site, name: str, **changes: Any) -> dict[str, str]:
    """The form of a signed request for a token."""
    claims = {"iss": name, "sub": name, "aud": f"{site.url}/api/v1/token", "jti": uuid.uuid4().hex, "exp": int(time.time()) + 60} | changes
    signed = jwt.encode(claims, KEY, "ES384", headers={"kid": "one"})
    return {"grant_type": "client_credentials", "client_assertion_type": BEARER, "client_assertion": signed}


def allowed(of: httpx.Client, patient: str) -> set[str]:
    """The reads that are not forbidden."""
    return {path for path in PATHS if of.get(f"/fhir/R4/{path.format(p=patient)}").status_code != 403}


def test_a_system_gets_a_token_for_its_secret_and_none_to_renew(site: Site) -> None:
    name = system(site, "system/*.rs")
    answer = token(site, grant_type="client_credentials", client_id=name, client_secret=PASSWORD, scope="system/Observation.rs")
    assert (answer.status_code, answer.json()["scope"], "refresh_token" in answer.json()) == (200, "system/Observation.rs", False)


def test_the_secret_may_come_as_basic(site: Site) -> None:
    name = system(site, "system/*.rs")
    with stranger(site.url) as nobody:
        answer = nobody.post("/api/v1/token", data={"grant_type": "client_credentials"}, auth=(name, PASSWORD))
    assert client(site, answer).get("/fhir/R4/Patient").status_code == 200


def test_a_person_has_no_client_credentials(site: Site) -> None:
    name = account(site, "doctor")
    assert token(site, grant_type="client_credentials", client_id=name, client_secret=PASSWORD).status_code == 401


def test_a_signature_of_the_registered_key_is_as_good_once(site: Site) -> None:
    form = assertion(site, system(site, "system/*.rs", jwks=JWKS))
    assert [token(site, **form).status_code for _ in range(2)] == [200, 401]


@pytest.mark.parametrize("changes", [{"aud": "http://other"}, {"exp": 1}, {"sub": "other"}, {"iss": "nobody"}], ids=str)
def test_a_signature_for_something_else_is_refused(site: Site, changes: dict[str, Any]) -> None:
    assert token(site, **assertion(site, system(site, "system/*.rs", jwks=JWKS), **changes)).status_code == 401


def test_an_account_without_keys_cannot_sign(site: Site) -> None:
    assert token(site, **assertion(site, system(site, "system/*.rs"))).status_code == 401


def test_a_private_key_is_not_taken(site: Site) -> None:
    jwks = {"keys": [json.loads(jwt.algorithms.ECAlgorithm.to_jwk(KEY))]}
    body = {"username": "x", "password": PASSWORD, "role": "integration", "jwks": jwks}
    assert site.client("admin").post("/api/v1/accounts", json=body).status_code == 422


@pytest.mark.parametrize(
    ("scope", "reads"),
    [
        ("system/*.rs", set(PATHS)),
        ("system/Observation.rs", {PATHS[3], PATHS[4]}),
        ("system/Patient.r", {PATHS[1]}),
        ("system/Patient.s system/Device.read", {PATHS[0], PATHS[2]}),
        ("system/DetectedIssue.rs", {PATHS[5]}),
    ],
)
def test_a_token_reads_what_its_scopes_name(site: Site, scope: str, reads: set[str]) -> None:
    name = system(site, "system/*.rs")
    answer = token(site, grant_type="client_credentials", client_id=name, client_secret=PASSWORD, scope=scope)
    assert allowed(client(site, answer), site.patient()["id"]) == reads


def test_a_token_never_reads_more_than_its_account(site: Site) -> None:
    name = system(site, "system/Observation.rs")
    answer = token(site, grant_type="client_credentials", client_id=name, client_secret=PASSWORD, scope="system/*.rs")
    assert allowed(client(site, answer), site.patient()["id"]) == {PATHS[3], PATHS[4]}


def test_a_doctors_app_may_be_given_less_than_the_doctor(site: Site) -> None:
    name = account(site, "doctor", all_wards=True)
    app = client(site, token(site, username=name, password=PASSWORD, scope="user/Observation.rs launch openid"))
    patient = site.patient()["id"]
    statuses = [app.get(f"/api/v1/patients/{patient}{path}").status_code for path in ("/vitals", "", "/limits")]
    assert (statuses, app.get("/api/v1/me").json()["permissions"]) == ([200, 403, 403], ["me", "vitals.read"])


def test_what_was_taken_away_stays_away_when_the_token_is_renewed(site: Site) -> None:
    first = token(site, username=account(site, "doctor"), password=PASSWORD, scope="user/Observation.rs").json()
    second = token(site, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert second.json()["scope"] == "user/Observation.rs"


@pytest.mark.parametrize("scope", ["system/Observation.rs", "patient/Observation.rs", "nonsense"])
def test_scopes_that_nobody_can_have_give_no_token(site: Site, scope: str) -> None:
    answer = token(site, username=account(site, "doctor"), password=PASSWORD, scope=scope)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_a_patients_app_reads_that_patient_only(site: Site) -> None:
    me, other = site.patient()["id"], site.patient()["id"]
    name = account(site, "patient", patient=me)
    app = client(site, token(site, username=name, password=PASSWORD, scope="patient/*.rs"))
    assert [app.get(f"/fhir/R4/Patient/{who}").status_code for who in (me, other)] == [200, 404]


def test_an_app_learns_how_to_get_a_token(site: Site) -> None:
    found = site.client("").get("/fhir/R4/.well-known/smart-configuration").json()
    assert {"token_endpoint", "grant_types_supported", "capabilities", "code_challenge_methods_supported"} <= found.keys()
    assert found["token_endpoint"] == f"{site.url}/api/v1/token"


def test_the_capability_statement_names_smart_and_the_token_endpoint(site: Site) -> None:
    security = site.client("").get("/fhir/R4/metadata").json()["rest"][0]["security"]
    uris = security["extension"][0]["extension"]
    assert (security["service"][0]["coding"][0]["code"], uris) == (
        "SMART-on-FHIR",
        [{"url": "token", "valueUri": f"{site.url}/api/v1/token"}],
    )
