"""A line on which an answer takes longer than the pause between two questions still shows what it brings."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.page.beds import Bed
from tests.e2e.page.site import Site, log_in
from tests.waiting import wait_for

pytestmark = pytest.mark.slow


def test_the_past_is_shown_when_it_comes_after_it_was_asked_for_again(site: Site, bed: Bed, page: Page) -> None:
    bed.says(72)
    held = list[Route]()
    page.route(re.compile("/vitals[?]from"), lambda route: held.append(route))
    log_in(page, site, bed.user)
    page.goto(f"{site.address}/patients/{bed.patient}")
    opened = wait_for(lambda: page.evaluate("document.readyState") and len(held), 30, "the first question")
    wait_for(lambda: page.evaluate("document.readyState") and len(held) > opened + 1, 60, "the same question again, and again")
    held[-2].continue_()
    expect(page.locator(".history .tabs")).to_contain_text("every reading")
