"""What a correction of a device moved is told on the page of the patient from whom it went and of the one to whom it came."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page.beds import Bed
from tests.e2e.page.site import Site, log_in
from tests.e2e.page.visits import shot, violations

pytestmark = pytest.mark.slow
WIDE, PHONE = (1366, 850), (390, 844)


def swapped(site: Site, wrong: str, right: str) -> str:
    """A device whose readings of the ten minutes until five minutes ago were the other patient's, as the API puts it down."""
    device, now = f"dev-{uuid.uuid4().hex[:12]}", datetime.now(UTC)
    since, to = now - timedelta(minutes=15), now - timedelta(minutes=5)
    site.do("INSERT INTO clinical.device (id, kind) VALUES (%s, 'monitor')", device)
    sql = """INSERT INTO clinical.assignment_correction
             (device, n, before_patient, before_during, after_patient, after_during, author, at, readings)
             VALUES (%s, 1, %s, tstzrange(%s, %s), %s, tstzrange(%s, %s), 'admin', %s, 40)"""
    site.do(sql, device, wrong, since, to, right, since, to, now)
    return device


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["desk", "phone"])
def test_both_patients_pages_say_what_was_moved(site: Site, bed: Bed, page: Page, size: tuple[int, int]) -> None:
    right = Bed(site)
    site.do("UPDATE access.account SET wards = %s WHERE username = %s", [bed.ward, right.ward], bed.user)
    device = swapped(site, bed.patient, right.patient)
    bed.says(72)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    log_in(page, site, bed.user)
    page.goto(f"{site.address}/patients/{bed.patient}")
    told = page.get_by_role("list", name="Corrections of devices")
    expect(told).to_contain_text(f"Readings of device {device} from")
    expect(told).to_contain_text("were another patient's and were moved there")
    told.scroll_into_view_if_needed()
    shot(page, f"corrections-{size[0]}")
    sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    page.goto(f"{site.address}/patients/{right.patient}")
    expect(told).to_contain_text("had been put down to another patient and were moved here")
    assert (sideways, violations(page)) == (0, [])


def test_the_other_patient_has_no_name_for_who_may_not_see_them(site: Site, bed: Bed, page: Page) -> None:
    right = Bed(site)
    swapped(site, bed.patient, right.patient)
    bed.says(72)
    log_in(page, site, bed.user)
    page.goto(f"{site.address}/patients/{bed.patient}")
    told = page.get_by_role("list", name="Corrections of devices")
    expect(told).to_contain_text("were another patient's")
    assert right.patient not in page.content()
