"""What others do while a page is open: no armed button slips to another row, no limit is wiped, and the server has the last word."""

import uuid
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.page.beds import Bed
from tests.e2e.page.site import Site, log_in
from tests.e2e.page.visits import go, open_patient

pytestmark = pytest.mark.slow


def enrolled(site: Site, ward: str, before: str = "") -> str:
    """A device in the list, `before` another or anywhere."""
    device = f"{before and '0'}{before or uuid.uuid4().hex[:12]}"
    site.do("INSERT INTO clinical.device (id, kind, ward) VALUES (%s, 'monitor', %s)", device, ward)
    return device


def test_an_armed_button_stays_with_its_device_when_the_list_shifts(site: Site, page: Page) -> None:
    boss = Bed(site, "admin")
    device = enrolled(site, boss.ward)
    page.clock.install()
    log_in(page, site, boss.user)
    go(page, "Devices")
    page.locator("tr", has_text=device).get_by_role("button", name="Revoke").click()
    new = enrolled(site, boss.ward, before=device)
    page.clock.fast_forward(16_000)
    expect(page.locator("tr", has_text=new)).to_be_visible()
    armed = page.locator("tr", has=page.get_by_role("button", name="Really revoke?"))
    assert [row.split()[0] for row in armed.all_inner_texts()] == [device]


def limits(site: Site, patient: str, username: str, **put: Any) -> dict[str, Any]:
    """A patient's own limits, after `put` where it is given."""
    headers = {"Authorization": f"Bearer {site.token(username)}"}
    address = f"{site.address}/api/v1/patients/{patient}/limits"
    answer = httpx.request("PUT" if put else "GET", address, json=put or None, headers=headers, timeout=30)
    return dict(answer.raise_for_status().json())


def test_a_limit_that_a_colleague_set_meanwhile_is_shown_and_not_wiped(site: Site, bed: Bed, page: Page) -> None:
    doctor = f"u{uuid.uuid4().hex[:8]}"
    site.person(doctor, "doctor", (bed.ward,))
    page.clock.install()
    log_in(page, site, doctor)
    open_patient(page, bed.patient)
    page.get_by_label("Heart rate Low").fill("45")
    limits(site, bed.patient, doctor, hr={"high": 110}, reason="known to be fast")
    page.clock.fast_forward(61_000)
    expect(page.get_by_text("have changed since you began to type")).to_be_visible()
    page.get_by_label("Reason").fill("known to be slow")
    page.get_by_role("button", name="Save limits").click()
    expect(page.get_by_text("Somebody else has changed")).to_be_visible()
    expect(page.get_by_label("Heart rate High")).to_have_value("110")
    hr = limits(site, bed.patient, doctor)["hr"]
    assert (hr["low"], hr["high"]) == (None, 110)


def test_a_consent_waits_for_the_one_before_and_is_then_what_the_server_says(site: Site, page: Page) -> None:
    mine, held = Bed(site, "patient"), list[Route]()
    page.route("**/consents", lambda route: held.append(route) if route.request.method == "PUT" else route.continue_())
    log_in(page, site, mine.user)
    tick, other = page.get_by_label("Use for research"), page.get_by_label("Being monitored")
    with page.expect_request(lambda request: request.method == "PUT" and request.url.endswith("/consents")):
        tick.click()
    expect(tick).to_be_checked()
    expect(other).to_be_disabled()
    said = [{"purpose": purpose, "granted": False, "by": None, "at": None} for purpose in ("monitoring", "research")]
    held[0].fulfill(json={"items": said, "next": None})
    expect(other).to_be_enabled()
    expect(tick).not_to_be_checked()
