"""An alert that was told at once and that something late does not show, or not as grave: whoever was called sees that it was not so."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.page.beds import Bed
from tests.e2e.page.site import Site, log_in
from tests.e2e.page.visits import shot
from tests.integration.live.stage import now_ms

pytestmark = pytest.mark.slow

NOT_SO = "withdrawn: what came late does not show it"


def opened(site: Site, bed: Bed, page: Page, value: float) -> tuple[Locator, int]:
    """The row of an alert that its doctor has opened, and since when it is (ms)."""
    bed.says(value)
    since = now_ms() - 40_000
    alert = site.found(bed.patient, bed.ward, "Oxygen saturation below 84 %", since=since)
    log_in(page, site, bed.user)
    page.goto(f"{site.address}/alerts")
    row = page.locator(f'[data-alert="{alert}"]')
    row.click()
    return row, since


@pytest.mark.parametrize(("width", "height"), [(1366, 850), (390, 844)], ids=["desk", "phone"])
def test_who_was_called_reads_that_it_was_not_so(site: Site, bed: Bed, page: Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    row, since = opened(site, bed, page, 72)
    card = page.locator(".alertcard")
    expect(card).not_to_contain_text(NOT_SO)
    site.withdrew(bed.patient, bed.ward, "Oxygen saturation below 84 %", since)
    expect(card.locator("header")).to_contain_text(NOT_SO)
    expect(row).to_contain_text(NOT_SO)
    shot(page, f"withdrawn-{width}")


def test_who_was_called_reads_that_it_was_milder(site: Site, bed: Bed, page: Page) -> None:
    _, since = opened(site, bed, page, 87)
    site.was_medium(bed.patient, bed.ward, "Oxygen saturation below 88 %", since)
    card = page.locator(".alertcard")
    expect(card).to_contain_text("Told asHigh")
    expect(card).to_contain_text("what came late shows that it was milder")
    expect(card.locator("header")).to_contain_text("Medium")
    shot(page, "milder-1366")
