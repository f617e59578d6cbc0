"""Rotas, swaps, ladders and handovers."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.integration.dashboard_api_http.site import Site
from vitals.registry import BY_NAME

As = Callable[[str], httpx.Client]
ALWAYS = {"people": ["ada"], "since": "2026-01-01"}


def rota(as_: As, **changes: object) -> str:
    name = f"r{uuid.uuid4().hex[:8]}"
    body = {"ward": "north", "zone": "Europe/Berlin", "layers": [ALWAYS]} | changes
    as_("admin").put(f"/api/v1/oncall/schedules/{name}", json=body).raise_for_status()
    return name


def on(as_: As, name: str) -> dict[str, object]:
    items = as_("nurse").get("/api/v1/oncall/now?ward=north").json()["items"]
    return dict(next(item for item in items if item["schedule"] == name))


def test_the_rota_says_who_is_on(as_: As) -> None:
    assert on(as_, rota(as_))["people"] == ["ada"]


def test_a_swap_wins_while_it_lasts(as_: As) -> None:
    name = rota(as_)
    now = datetime.now(UTC).replace(microsecond=0)
    span = {"from": (now - timedelta(hours=1)).isoformat(), "to": (now + timedelta(hours=1)).isoformat()}
    as_("nurse").post("/api/v1/oncall/overrides", json={"schedule": name, "people": ["eve"], **span}).raise_for_status()
    assert (on(as_, name)["people"], on(as_, name)["until"]) == (["eve"], span["to"].replace("+00:00", "Z"))


@pytest.mark.parametrize(
    "body",
    [
        {"zone": "Mars/Olympus", "layers": [ALWAYS]},
        {"zone": "UTC", "layers": []},
        {"zone": "UTC", "layers": [{"people": ["a"], "since": "2026-01-01", "days": 0}]},
        {"zone": "UTC", "ward": "nowhere", "layers": [ALWAYS]},
    ],
)
def test_a_rota_that_is_not_of_its_form_is_a_422(as_: As, body: dict[str, object]) -> None:
    assert as_("admin").put("/api/v1/oncall/schedules/bad", json=body).status_code == 422


def test_a_rota_comes_as_a_calendar(as_: As) -> None:
    answer = as_("nurse").get(f"/api/v1/oncall/schedules/{rota(as_)}/calendar")
    assert answer.headers["content-type"].startswith("text/calendar")
    assert answer.text.startswith("BEGIN:VCALENDAR\r\n")


def test_a_ladder_is_kept_as_it_was_said(as_: As) -> None:
    body = {"ward": "north", "priorities": ["high"], "rungs": [{"targets": ["schedule:x", "site"], "wait_ms": 60000}]}
    said = as_("admin").put("/api/v1/escalation-policies/first", json=body).json()
    listed = as_("nurse").get("/api/v1/escalation-policies").json()["items"]
    assert said == {"id": "first", **body}
    assert said in listed


@pytest.mark.parametrize(
    ("channel", "address"),
    [("opsgenie", "key\u200b"), ("webhook", "http://h/\n"), ("smtp", "a@"), ("smtp", "a@["), ("smtp", "<"), ("smtp", "")],
)
def test_an_address_that_no_page_could_reach_is_a_422(as_: As, channel: str, address: str) -> None:
    answer = as_("admin").put("/api/v1/oncall/people/unreachable", json={"contacts": [[channel, address]]})
    assert (answer.status_code, channel in answer.json()["detail"]) == (422, True)


def test_who_is_reached_how_is_for_the_admin_to_see(as_: As) -> None:
    as_("admin").put("/api/v1/oncall/people/ada", json={"contacts": [["smtp", "ada@example.org"]]}).raise_for_status()
    seen = [as_(role).get("/api/v1/oncall/people").json()["items"] for role in ("admin", "nurse")]
    assert [next(p for p in people if p["name"] == "ada")["contacts"] for people in seen] == [[["smtp", "ada@example.org"]], []]


def test_a_handover_has_what_is_open_and_its_acceptance_moves_the_pager(site: Site, as_: As) -> None:
    patient, name = site.patient(bed="12")["id"], rota(as_)
    alert = site.alert(patient)
    made = as_("doctor").post("/api/v1/handovers", json={"ward": "north", "schedule": name}).json()
    line = next(p for p in made["sheet"]["patients"] if p["id"] == patient)
    own = as_("doctor").post(f"/api/v1/handovers/{made['id']}/accept", json={}).status_code
    taken = as_("nurse").post(f"/api/v1/handovers/{made['id']}/accept", json={})
    again = as_("oncall").post(f"/api/v1/handovers/{made['id']}/accept", json={}).status_code
    assert ([a["id"] for a in line["alerts"]], own, taken.status_code, again, on(as_, name)["pager"]) == ([alert], 409, 200, 409, "nurse")


def test_a_handover_says_where_a_vital_is_going(site: Site, as_: As) -> None:
    patient, now = site.patient()["id"], datetime.now(UTC)
    rollup = """INSERT INTO telemetry.rollup_1h (patient_no, vital, bucket, n, total, last_at)
                SELECT no, %s, %s, 2, %s, %s FROM clinical.patient WHERE id = %s"""
    for hours, total in ((8, 140.0), (5, 144.0), (1, 200.0)):
        at = now - timedelta(hours=hours)
        site.sql(rollup, BY_NAME["hr"].index, at, total, at, patient)
    sheet = as_("doctor").post("/api/v1/handovers", json={"ward": "north"}).json()["sheet"]
    assert next(p for p in sheet["patients"] if p["id"] == patient)["trends"] == {"hr": {"before": 71.0, "lately": 100.0}}


ILL = {"hr": 135, "rr": 26, "spo2": 90, "sbp": 95}
CHILD = {"birth_date": str((datetime.now(UTC) - timedelta(days=6 * 366)).date())}


def sheet_of(site: Site, as_: As, *patients: str) -> list[dict[str, Any]]:
    """The lines of a new handover of these patients, all ill, in its order."""
    for patient in patients:
        for vital, value in ILL.items():
            site.reading(patient, vital, datetime.now(UTC) - timedelta(minutes=1), value)
    made = as_("doctor").post("/api/v1/handovers", json={"ward": "north"}).json()["sheet"]["patients"]
    return [line for line in made if line["id"] in patients]


@pytest.mark.parametrize("facts", [CHILD, {"pregnant": True}], ids=["a child", "pregnant"])
def test_a_handover_gives_no_score_where_news2_is_not_made(site: Site, as_: As, facts: dict[str, Any]) -> None:
    adult, other = site.patient()["id"], site.patient(**facts)["id"]
    lines = {line["id"]: (line["applicable"], line["score"] and line["score"]["lowest"]) for line in sheet_of(site, as_, adult, other)}
    assert lines == {adult: (True, 11), other: (False, None)}


def test_a_handover_has_the_gravest_alert_before_the_highest_score(site: Site, as_: As) -> None:
    adult, child = site.patient()["id"], site.patient(**CHILD)["id"]
    site.alert(child)
    assert [line["id"] for line in sheet_of(site, as_, adult, child)] == [child, adult]


def test_a_handover_of_a_ward_out_of_reach_is_a_404(as_: As) -> None:
    assert [as_("nurse").post("/api/v1/handovers", json={"ward": ward}).status_code for ward in ("south", "nowhere")] == [404, 404]
