"""One screen, one person after another: nobody meets what the one before had chosen or opened."""

import uuid

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page.beds import Bed
from tests.e2e.page.site import PASSWORD, Site, log_in
from tests.e2e.page.visits import go, leave, sign_in

pytestmark = pytest.mark.slow


def test_the_ward_that_the_one_before_had_chosen_hides_nobody_from_the_next(site: Site, bed: Bed, page: Page) -> None:
    other, both = Bed(site), f"u{uuid.uuid4().hex[:8]}"
    site.person(both, "nurse", (bed.ward, other.ward))
    log_in(page, site, both)
    page.get_by_label("Ward", exact=True).select_option(other.ward)
    leave(page)
    sign_in(page, bed.user, PASSWORD)
    expect(page.locator(f'[data-patient="{bed.patient}"]')).to_be_visible()


def test_the_alert_that_the_one_before_had_open_is_not_shown_to_the_next(site: Site, bed: Bed, page: Page) -> None:
    other = Bed(site)
    log_in(page, site, bed.user)
    alert = site.found(bed.patient, bed.ward, "Oxygen saturation below 88 %")
    go(page, "Alerts")
    page.locator(f'[data-alert="{alert}"]').click()
    expect(page.locator(".detail .alertcard")).to_be_visible()
    leave(page)
    sign_in(page, other.user, PASSWORD)
    go(page, "Alerts")
    expect(page.locator(".detail")).to_have_text("Choose an alert to see why it was raised.")


def test_the_alert_that_was_spoken_to_the_one_before_is_not_in_the_next_ones_voice(site: Site, bed: Bed, page: Page) -> None:
    other = Bed(site)
    log_in(page, site, bed.user)
    expect(page.locator(f'[data-patient="{bed.patient}"]')).to_be_visible()
    site.found(bed.patient, bed.ward, "Oxygen saturation below 88 %")
    expect(page.locator("[data-voice]")).to_contain_text("Oxygen saturation")
    leave(page)
    sign_in(page, other.user, PASSWORD)
    expect(page.locator("[data-voice]")).to_have_text("")
