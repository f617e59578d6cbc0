"""CONTRACT.md walked from outside on the one running Vigil, over HTTP: every role, list and refusal (other doors: test_contract_doors)."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.vigils import Running
from tests.e2e.walk import Walk, at

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROLES = ("doctor", "nurse", "patient", "oncall", "admin", "auditor", "integration")


def test_endpoints_json_says_where_everything_is_and_is_for_the_owner_only(vigil: Running) -> None:
    mode = (vigil.folder / "endpoints.json").stat().st_mode & 0o777
    promised = {"http", "live", "mqtt", "mllp", "kafka", "database", "accounts", "ready"}
    assert (promised - set(vigil.endpoints), mode) == (set(), 0o600)


def test_there_is_a_demonstration_account_of_every_role(vigil: Running) -> None:
    assert sorted(account["role"] for account in vigil.endpoints["accounts"]) == sorted(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_everybody_is_told_who_they_are(walk: Walk, role: str) -> None:
    assert walk.ask(role, "GET", "/me").json()["role"] == role


@dataclass(frozen=True, slots=True)
class Claim:
    """A request and what its answer must be: the status, and keys of its body (for a 4xx: a problem document)."""

    says: str
    role: str
    method: str
    path: str
    status: int = 200
    keys: str = ""
    body: Any = None
    raw: bytes | None = None


def person(**more: Any) -> dict[str, Any]:
    return {"mrn": "X", "name": "Ada", "birth_date": "1950-12-10", "sex": "female", "ward": "north"} | more


NOBODY = "00000000-0000-4000-8000-000000000000"
LISTS = {
    "/wards": "admin doctor", "/patients": "admin doctor nurse patient", "/devices": "admin", "/alerts": "doctor nurse oncall",
    "/refusals": "admin", "/rehearsals": "doctor admin", "/oncall/schedules": "oncall admin", "/oncall/overrides": "oncall",
    "/escalation-policies": "oncall", "/handovers": "nurse doctor", "/audit": "auditor",
}  # fmt: skip
CLAIMS = (
    *(Claim(f"a list for {role}", role, "GET", path, 200, "items next") for path, roles in LISTS.items() for role in roles.split()),
    Claim("one patient", "doctor", "GET", "/patients/{patient}", 200, "id name birth_date ward"),
    Claim("a patient's score", "doctor", "GET", "/patients/{patient}/score", 200, "lowest highest tier inputs"),
    Claim("a patient's limits", "doctor", "GET", "/patients/{patient}/limits"),
    Claim("why it did", "doctor", "GET", "/patients/{patient}/explain?at={now}"),
    Claim("the rules", "doctor", "GET", "/rules"),
    Claim("who is on", "oncall", "GET", "/oncall/now?ward={ward}"),
    Claim("the audit's proof", "auditor", "GET", "/audit/verify"),
    Claim("what is held of a patient", "doctor", "GET", "/patients/{patient}/export"),
    Claim("a patient's consents", "doctor", "GET", "/patients/{patient}/consents"),
    Claim("the document", "", "GET", "/openapi.json", 200, "openapi paths components"),
    Claim("a limit is set", "doctor", "PUT", "/patients/{stranger}/limits", 200, "",
          {"hr": {"low": 45, "high": 140}, "reason": "athlete", "expires_at": "2100-01-01T00:00:00Z"}),
    Claim("no token", "", "GET", "/patients", 401),
    Claim("a wrong token", "", "GET", "/me", 401),
    Claim("an admin reads no vitals", "admin", "GET", "/patients/{patient}/vitals", 403),
    Claim("an admin reads no scores", "admin", "GET", "/patients/{patient}/score", 403),
    Claim("an admin reads no alerts", "admin", "GET", "/alerts", 403),
    Claim("an auditor sees no patients", "auditor", "GET", "/patients", 403),
    Claim("a doctor makes no wards", "doctor", "POST", "/wards", 403, "", {"id": "x", "name": "x"}),
    Claim("a nurse enrols no devices", "nurse", "POST", "/devices", 403, "", {"kind": "monitor"}),
    Claim("a nurse reads no audit", "nurse", "GET", "/audit", 403),
    Claim("another ward's patient is not there", "nurse", "GET", "/patients/{patient}", 404),
    Claim("a patient is not another", "patient", "GET", "/patients/{patient}/vitals", 404),
    Claim("nobody", "doctor", "GET", f"/patients/{NOBODY}", 404),
    Claim("no alert", "doctor", "GET", f"/alerts/{NOBODY}", 404),
    Claim("no path", "doctor", "GET", "/nothing", 404),
    Claim("not JSON", "admin", "POST", "/patients", 400, "", None, b"{nope"),
    Claim("a wrong body", "admin", "POST", "/patients", 422, "", {"mrn": 1, "name": None}),
    Claim("no such ward", "admin", "POST", "/patients", 422, "", person(mrn=uuid.uuid4().hex, ward="nowhere")),
    Claim("a number taken", "admin", "POST", "/patients", 409, "", person(mrn="{mrn}")),
    Claim("a ward taken", "admin", "POST", "/wards", 409, "", {"id": "{ward}", "name": "x"}),
    Claim("a device is on one patient", "admin", "POST", "/devices/{device}/assignments", 409, "",
          {"patient_id": "{patient}", "from": "2026-01-01T00:00:00Z"}),
    Claim("alive", "", "GET", "//healthz"),
    Claim("ready", "", "GET", "//readyz"),
    Claim("measured", "", "GET", "//metrics"),
    Claim("FHIR's capabilities", "", "GET", "//fhir/R4/metadata", 200, "resourceType fhirVersion rest"),
    Claim("FHIR's patient", "doctor", "GET", "//fhir/R4/Patient/{patient}", 200, "resourceType id"),
    Claim("FHIR's devices", "doctor", "GET", "//fhir/R4/Device", 200, "resourceType entry"),
    Claim("FHIR's observations", "doctor", "GET", "//fhir/R4/Observation?patient={patient}&code=8867-4", 200, "resourceType entry"),
    Claim("FHIR's denial", "admin", "GET", "//fhir/R4/Observation?patient={patient}", 403),
)  # fmt: skip


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: f"{c.says} ({c.method} {c.path})")
def test_http_answers_as_the_contract_says(walk: Walk, claim: Claim) -> None:
    walk.words["now"] = at().replace("+", "%2B")
    body = json.loads(_filled(json.dumps(claim.body), walk.words)) if claim.body is not None else None
    answer = walk.ask(claim.role, claim.method, claim.path, **({"content": claim.raw} if claim.raw is not None else {"json": body}))
    form = "problem+json" if claim.status >= 400 and "fhir" not in claim.path else "json" if claim.keys else ""
    told = set(answer.json()) if claim.keys else set()
    assert (answer.status_code, set(claim.keys.split()) - told, form in answer.headers["content-type"]) == (claim.status, set(), True), (
        answer.text
    )


def _filled(text: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        text = text.replace("{" + name + "}", value)
    return text


def test_a_wrong_password_is_refused(walk: Walk) -> None:
    assert walk.ask("", "POST", "/token", data={"username": "doctor", "password": "wrong"}).status_code in (400, 401)


def test_a_new_device_is_told_its_secret_and_its_topics(walk: Walk) -> None:
    assert set(walk.secret) >= {"id", "username", "password", "topics"}


def test_out_of_reach_looks_exactly_like_not_there(walk: Walk) -> None:
    there, nowhere = (walk.ask("nurse", "GET", f"/patients/{who}").text.replace(who, "") for who in (walk.patient, NOBODY))
    assert there == nowhere


def test_the_patient_sees_themself_only(walk: Walk) -> None:
    assert len(walk.ask("patient", "GET", "/patients").json()["items"]) == 1


def test_break_glass_opens_one_patient(walk: Walk) -> None:
    asked = walk.ask("nurse", "POST", "/break-glass", json={"patient_id": walk.stranger, "reason": "arrest call"}).status_code
    opened = [walk.ask("nurse", "GET", f"/patients/{who}").status_code for who in (walk.stranger, walk.patient)]
    assert (asked, opened) == (201, [200, 404])


def test_a_read_of_the_patient_is_in_the_audit(walk: Walk) -> None:
    walk.ask("doctor", "GET", "/patients/{patient}/score")
    actions = {entry["action"] for entry in walk.ask("auditor", "GET", "/audit?patient={patient}&limit=200").json()["items"]}
    assert "readScore" in actions
