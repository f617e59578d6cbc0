"""From log-in to effect, for each of the page's views, on a whole Vigil; what happened is looked up behind the page."""

import uuid

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.doors import speaking
from tests.e2e.page.visits import enter, go, leave, log_in_as, settled, shot
from tests.e2e.vigils import Running
from tests.e2e.walk import WELL, Walk, at, sample, valued
from tests.waiting import wait_for

pytestmark = pytest.mark.slow


def test_a_doctor_sees_a_patient_through_time_sets_limits_that_end_and_asks_why_nothing_paged(walk: Walk, page: Page) -> None:
    walk.bench.say(sample(50, at(), **WELL))
    enter(page, walk.vigil, "doctor")
    page.goto(f"{walk.vigil.endpoints['http']}/patients/{walk.patient}")
    expect(page.locator(".history .chart").first).to_be_visible(timeout=30_000)
    expect(page.locator('[data-lane="Devices"] .stretch').first).to_be_attached()
    settled(page)
    page.get_by_label("Heart rate High").fill("133")
    page.get_by_label("Reason").fill("known to be fast")
    page.get_by_role("button", name="Save limits").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.get_by_role("button", name="Explain").click()
    expect(page.locator(".explanation")).to_contain_text("No alert")
    shot(page, "patient-through-time")
    limits = walk.ask("doctor", "GET", "/patients/{patient}/limits").json()
    assert (limits["hr"]["high"], limits["hr"]["reason"], limits["hr"]["expires_at"] is None) == (133, "known to be fast", False)


def test_limits_that_are_cleared_are_the_rules_own_again(walk: Walk, page: Page) -> None:
    walk.ask("doctor", "PUT", "/patients/{patient}/limits", json={"rr": {"high": 33}, "reason": "for the test"})
    enter(page, walk.vigil, "doctor")
    page.goto(f"{walk.vigil.endpoints['http']}/patients/{walk.patient}")
    expect(page.get_by_label("Respiration rate High")).to_have_value("33")
    settled(page)
    page.get_by_label("Respiration rate High").fill("")
    page.get_by_label("Reason").fill("over")
    page.get_by_role("button", name="Save limits").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert "rr" not in walk.ask("doctor", "GET", "/patients/{patient}/limits").json()


def test_a_swap_and_a_handover_move_the_pager(walk: Walk, page: Page) -> None:
    rota = f"rota-{uuid.uuid4().hex[:6]}"
    layers = [{"people": ["doctor", "oncall"], "since": "2024-01-01", "days": 1}]
    walk.ask("admin", "PUT", f"/oncall/schedules/{rota}", json={"ward": walk.ward, "zone": "UTC", "layers": layers}).raise_for_status()
    walk.ask("oncall", "POST", "/handovers", json={"ward": walk.ward, "schedule": rota}).raise_for_status()
    enter(page, walk.vigil, "doctor")
    go(page, "On call")
    card = page.locator("section.card", has=page.get_by_text(rota, exact=True))
    card.get_by_role("button", name="I take over").click()
    card.get_by_text("Rota and swaps").click()
    expect(card.locator(".swap")).to_contain_text("doctor instead", timeout=30_000)
    expect(card.locator(".shifts li").first).to_be_visible()
    page.get_by_role("button", name="I accept, and take the pager").first.click()
    expect(page.get_by_text("accepted by doctor").first).to_be_visible()
    shot(page, "on-call")
    on = walk.ask("doctor", "GET", f"/oncall/now?ward={walk.ward}").json()["items"]
    assert [(o["people"], o["pager"]) for o in on if o["schedule"] == rota] == [(["doctor"], "doctor")]


def test_a_changed_rule_is_rehearsed_with_a_picture_and_comes_into_force(vigil: Running, page: Page) -> None:
    before = vigil.ask("admin", "GET", "/rules")
    enter(page, vigil, "admin")
    go(page, "Rules")
    page.get_by_label("Temperature Very high").fill("41.5")
    page.get_by_role("button", name="Rehearse").click()
    expect(page.locator("[data-rehearsed] .bars rect").first).to_be_attached(timeout=120_000)
    shot(page, "rules-rehearsed")
    page.get_by_label("Reason").fill("the ward asked for it")
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_text(f"Version {before['version'] + 1} is in force.")).to_be_visible()
    after = vigil.ask("admin", "GET", "/rules")
    vigil.ask("admin", "PUT", "/rules", {"rules": before["rules"], "reason": "as it was"})
    assert (after["rules"]["limits"]["temp"]["high"], after["reason"]) == ([39.0, 41.5], "the ward asked for it")


def test_a_device_is_enrolled_put_on_a_patient_taken_off_and_revoked(walk: Walk, page: Page) -> None:
    enter(page, walk.vigil, "admin")
    go(page, "Devices")
    page.get_by_role("button", name="Enrol", exact=True).click()
    secret = page.locator(".secret")
    expect(secret).to_contain_text("shown this once")
    device = secret.locator("code").first.inner_text()
    row = page.locator("tr", has_text=device)
    row.locator("select").select_option(value=walk.patient)
    expect(row.get_by_role("button", name="Take off")).to_be_visible()
    shot(page, "devices")
    on = walk.ask("admin", "GET", f"/devices/{device}").json()["patient"]
    row.get_by_role("button", name="Take off").click()
    expect(row.locator("select")).to_be_visible()
    row.get_by_role("button", name="Revoke").click()
    row.get_by_role("button", name="Really revoke?").click()
    expect(row).to_have_count(0)
    assert (on, walk.ask("admin", "GET", f"/devices/{device}").json()["revoked_at"] is None) == (walk.patient, False)


def test_what_a_device_said_before_it_was_on_anybody_is_looked_at_and_put_back_on_its_way(walk: Walk, page: Page) -> None:
    device = walk.ask("admin", "POST", "/devices", json={"kind": "monitor", "ward": walk.ward}).json()
    with speaking(walk.vigil, device, walk.patient) as bench:
        bench.say(sample(777, at(), glucose=123))
    listed = f"/refusals?device={bench.device}"
    wait_for(lambda: walk.ask("admin", "GET", listed).json()["items"], 60, "the refusal")
    on = {"patient_id": walk.patient, "from": at(-3600)}
    walk.ask("admin", "POST", f"/devices/{bench.device}/assignments", json=on).raise_for_status()
    enter(page, walk.vigil, "admin")
    go(page, "Refusals")
    row = page.locator("tr", has_text=bench.device)
    expect(row).to_contain_text("unassigned device")
    row.locator("summary").click()
    expect(row.locator(".original")).to_contain_text('"seq": 777')
    shot(page, "refusals")
    row.get_by_role("button", name="Requeue").click()
    wait_for(lambda: 123 in valued(walk, "glucose"), 60, "the reading in the patient's history")
    expect(row).to_have_count(0)


def test_an_admin_opens_a_ward_admits_a_patient_and_makes_an_account_that_works(vigil: Running, page: Page) -> None:
    mark = uuid.uuid4().hex[:6]
    enter(page, vigil, "admin")
    wards = page.locator("section.card", has=page.get_by_role("heading", name="Wards"))
    wards.get_by_label("Short name").fill(f"w-{mark}")
    wards.get_by_label("Name", exact=True).fill(f"Ward {mark}")
    wards.get_by_label("Time zone").fill("Asia/Tokyo")
    wards.get_by_role("button", name="Add").click()
    expect(wards.locator("tr", has_text=f"w-{mark}")).to_contain_text("Asia/Tokyo")
    patients = page.locator("section.card", has=page.get_by_role("heading", name="Patients"))
    patients.get_by_label("Record number").fill(f"M{mark}")
    patients.get_by_label("Name", exact=True).fill("Mina Sato")
    patients.get_by_label("Birth date").fill("1961-05-04")
    patients.get_by_label("Ward").select_option(f"w-{mark}")
    patients.get_by_role("button", name="Add").click()
    expect(patients.locator("tr", has_text=f"M{mark}")).to_be_visible()
    accounts = page.locator("section.card", has=page.get_by_role("heading", name="Accounts"))
    accounts.get_by_label("User name").fill(f"nurse-{mark}")
    accounts.get_by_label("Password").fill("a-long-enough-password")
    accounts.get_by_label("Ward").select_option(f"w-{mark}")
    accounts.get_by_role("button", name="Add").click()
    expect(accounts.locator("tr", has_text=f"nurse-{mark}")).to_be_visible()
    shot(page, "admin")
    leave(page)
    log_in_as(page, vigil.endpoints["http"], f"nurse-{mark}", "a-long-enough-password")
    expect(page.locator(".tile")).to_contain_text("Mina Sato", timeout=30_000)
    expect(page.locator(".topclock")).to_contain_text("GMT+9")


def test_broken_glass_opens_one_patient_and_the_auditor_sees_and_reviews_it(walk: Walk, page: Page) -> None:
    walk.bench.say(sample(51, at(), **WELL))
    reason = f"found collapsed {uuid.uuid4().hex[:6]}"
    enter(page, walk.vigil, "nurse")
    page.goto(f"{walk.vigil.endpoints['http']}/patients/{walk.patient}")
    page.get_by_label("Reason").fill(reason)
    shot(page, "break-glass")
    page.get_by_role("button", name="Open for one hour").click()
    expect(page.get_by_role("heading", name="Ada Lovelace")).to_be_visible(timeout=30_000)
    leave(page)
    enter(page, walk.vigil, "auditor")
    row = page.locator("tr", has_text=reason)
    row.get_by_role("button", name="I looked at it").click()
    expect(row).to_contain_text("auditor")
    page.get_by_role("button", name="Verify the chain").click()
    expect(page.get_by_text("The chain holds")).to_be_visible()
    shot(page, "audit")


def test_a_patient_sees_their_values_agrees_and_learns_who_looked(vigil: Running, page: Page) -> None:
    me = vigil.ask("patient", "GET", "/me")["patient"]
    vigil.ask("doctor", "GET", f"/patients/{me}")
    enter(page, vigil, "patient")
    expect(page.locator('[data-vital="hr"]').first).to_be_visible(timeout=30_000)
    page.get_by_label("Use for research").check()
    expect(page.locator("li", has_text="Use for research")).to_contain_text("agreed")
    page.get_by_role("button", name="Show who saw my data").click()
    expect(page.locator("[data-seen]")).to_contain_text("doctor", timeout=30_000)
    shot(page, "my-data")
    consents = vigil.ask("patient", "GET", f"/patients/{me}/consents")["items"]
    assert {c["purpose"]: c["granted"] for c in consents}["research"] is True
