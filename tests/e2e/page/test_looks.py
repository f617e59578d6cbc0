"""Every view on a whole Vigil: accessible (axe, WCAG 2.2 AA), and fit for a phone."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page.visits import enter, shot, violations
from tests.e2e.vigils import Running

pytestmark = pytest.mark.slow
VIEWS = {
    "doctor": ("/", "/alerts", "/oncall", "/rules", "/devices"),
    "admin": ("/admin", "/rules", "/devices", "/refusals"),
    "auditor": ("/audit",),
    "patient": ("/mydata",),
}


@pytest.mark.parametrize("role", VIEWS)
def test_no_view_of_a_role_has_accessibility_violations(vigil: Running, page: Page, role: str) -> None:
    enter(page, vigil, role)
    found = {}
    for view in VIEWS[role]:
        page.goto(vigil.endpoints["http"] + view)
        page.wait_for_selector("main")
        expect(page.get_by_text("Loading…")).to_have_count(0, timeout=30_000)
        found[view] = violations(page)
    assert {view: lines for view, lines in found.items() if lines} == {}


@pytest.mark.parametrize("role", VIEWS)
def test_a_phone_shows_every_view_of_a_role_without_scrolling_sideways(vigil: Running, page: Page, role: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    enter(page, vigil, role)
    views = list(VIEWS[role])
    if role == "doctor":
        expect(page.locator('.tile [data-state="live"]').first).to_be_visible(timeout=30_000)
        views.append(f"/patients/{page.locator('.tile').first.get_attribute('data-patient')}")
    wide = {}
    for view in views:
        page.goto(vigil.endpoints["http"] + view)
        page.wait_for_selector("main")
        expect(page.get_by_text("Loading…")).to_have_count(0, timeout=30_000)
        wide[view] = page.evaluate("document.documentElement.scrollWidth")
        shot(page, f"phone-{role}-{view.strip('/').split('/')[0] or 'ward'}")
    assert set(wide.values()) == {390}, wide


def test_the_keyboard_alone_reaches_a_patient_and_the_way_back(vigil: Running, page: Page) -> None:
    enter(page, vigil, "doctor")
    expect(page.locator(".tile").first).to_be_visible(timeout=30_000)
    page.locator(".tile .who").first.focus()
    page.keyboard.press("ArrowRight")
    second = page.evaluate("document.activeElement.closest('.tile').dataset.patient")
    page.keyboard.press("Enter")
    expect(page.locator("main.patient")).to_be_visible()
    assert page.url.endswith(f"/patients/{second}")
