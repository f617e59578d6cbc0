"""Who works the ward by keyboard alone keeps their place: the order of the beds changes while they are at one."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page.beds import Bed
from tests.e2e.page.site import Site, log_in

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("at", ["the one that rises", "the one that sinks"])
def test_the_keyboards_place_goes_along_with_its_bed_when_the_order_changes(site: Site, bed: Bed, page: Page, at: str) -> None:
    rising, tiles = site.admitted(bed.ward, "8", "Jonas Dvorak"), page.locator(".tile")
    log_in(page, site, bed.user)
    expect(tiles).to_have_count(2)
    expect(tiles.first).to_have_attribute("data-patient", bed.patient)
    place = page.locator(f'[data-patient="{rising if at == "the one that rises" else bed.patient}"] .who')
    place.focus()
    site.found(rising, bed.ward, "Oxygen saturation below 88 %")
    expect(tiles.first).to_have_attribute("data-patient", rising)
    expect(place).to_be_focused()
