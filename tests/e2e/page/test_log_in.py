"""Logging in, clicked through: a second factor set up, asked for, lost, taken away; a role that must have one; the hospital's provider."""

import base64
import time
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from dashboard_api import totp
from tests.e2e.page.beds import Bed
from tests.e2e.page.site import PASSWORD, Site, log_in
from tests.e2e.page.visits import leave, shot, violations
from tests.integration.dashboard_api_http.provider import OpenIdProvider, running_provider

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    """A strict OpenID provider, which lets in whoever a test says."""
    yield from running_provider()


@pytest.fixture(scope="module")
def hospital(site: Site, provider: OpenIdProvider) -> Iterator[str]:
    """The address of the site with the provider's log-in, where nurses with a password need a second factor."""
    with site.served_with(VIGIL_TOTP_REQUIRED="nurse", VIGIL_OIDC_NAME="Hospital log-in", **provider.settings()) as address:
        yield address


def codes_shown(page: Page) -> tuple[str, str]:
    """What an app that was given the shown secret shows, now and a step later (which is taken too)."""
    secret, step = base64.b32decode(page.locator(".secondfactor code").first.inner_text()), totp.step_of(time.time())
    return totp.code(secret, step), totp.code(secret, step + 1)


def set_up(page: Page) -> tuple[str, list[str]]:
    """A second factor by clicks: the code of the next step, and the recovery codes."""
    page.get_by_role("button", name="Set up a second factor").click()
    expect(page.get_by_role("img", name="QR code for your authenticator app")).to_be_visible()
    shot(page, "second-factor-1-scan")
    shown, following = codes_shown(page)
    page.get_by_label("Code from your app").fill(shown)
    page.get_by_role("button", name="Confirm").click()
    kept = page.locator(".secret")
    expect(kept).to_contain_text("Keep these")
    shot(page, "second-factor-2-recovery")
    codes = [text.strip() for text in kept.locator("code").all_inner_texts()]
    page.get_by_role("button", name="I have kept them").click()
    return following, codes


def begin(page: Page, address: str, username: str) -> None:
    """The form, filled in and sent."""
    page.goto(address)
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()


def answer(page: Page, said: str) -> None:
    """Types the code that is asked for, where the cursor already is."""
    expect(page.get_by_label("Code from your app, or a recovery code")).to_be_focused()
    page.keyboard.type(said)
    page.keyboard.press("Enter")


def test_a_second_factor_is_set_up_asked_for_lost_and_taken_away(site: Site, bed: Bed, page: Page) -> None:
    log_in(page, site, bed.user)
    page.get_by_role("button", name="Settings").click()
    following, recovery = set_up(page)
    leave(page)
    begin(page, site.address, bed.user)
    answer(page, "000000" if following != "000000" else "111111")
    expect(page.get_by_role("alert")).to_contain_text("The code is wrong")
    shot(page, "second-factor-3-wrong-code")
    assert violations(page) == []
    page.get_by_label("Code from your app, or a recovery code").fill(following)
    page.keyboard.press("Enter")
    expect(page.locator(".top")).to_be_visible()
    leave(page)
    begin(page, site.address, bed.user)
    answer(page, recovery[0])
    expect(page.locator(".top")).to_be_visible()
    if not page.locator(".secondfactor").is_visible():
        page.get_by_role("button", name="Settings").click()
    page.locator(".secondfactor").get_by_label("Code from your app").fill(recovery[0])
    page.get_by_role("button", name="Remove it").click()
    expect(page.locator(".secondfactor").get_by_role("alert")).to_contain_text("wrong, or was used already")
    page.locator(".secondfactor").get_by_label("Code from your app").fill(recovery[1])
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_role("button", name="Set up a second factor")).to_be_visible()
    leave(page)
    log_in(page, site, bed.user)
    assert len(set(recovery)) == 10


def test_who_must_have_a_second_factor_can_do_nothing_else_before(hospital: str, bed: Bed, page: Page) -> None:
    begin(page, hospital, bed.user)
    expect(page.get_by_text("Your role needs a second factor before you can go on.")).to_be_visible()
    shot(page, "second-factor-4-required")
    found = violations(page)
    set_up(page)
    expect(page.locator(f'[data-patient="{bed.patient}"]')).to_be_visible()
    assert found == []


def test_the_hospitals_log_in_is_a_button_and_leads_to_the_ward(hospital: str, provider: OpenIdProvider, bed: Bed, page: Page) -> None:
    name = f"o{uuid.uuid4().hex[:8]}"
    provider.claims = {"sub": name, "preferred_username": name, "roles": ["vigil-nurse"], "wards": [bed.ward]}
    page.goto(f"{hospital}/alerts")
    button = page.get_by_role("link", name="Log in with Hospital log-in")
    expect(button).to_be_visible()
    shot(page, "provider-1-button")
    found = violations(page)
    button.click()
    expect(page.locator(".top")).to_contain_text(name)
    shot(page, "provider-2-in")
    assert (urlsplit(page.url).path, urlsplit(page.url).fragment, found) == ("/alerts", "", [])
    page.reload()
    expect(page.locator(".top")).to_contain_text(name)


def test_whom_the_provider_gives_no_role_is_told_so_at_the_form(hospital: str, provider: OpenIdProvider, page: Page) -> None:
    provider.claims = {"sub": "guest", "preferred_username": "guest", "roles": [], "wards": []}
    page.goto(hospital)
    page.get_by_role("link", name="Log in with Hospital log-in").click()
    expect(page.get_by_role("alert")).to_contain_text("no role")
    shot(page, "provider-3-no-role")
    assert (violations(page), urlsplit(page.url).fragment) == ([], "")


def test_who_says_no_at_the_provider_is_back_at_the_form(hospital: str, provider: OpenIdProvider, page: Page) -> None:
    provider.refused = True
    page.goto(hospital)
    page.get_by_role("link", name="Log in with Hospital log-in").click()
    expect(page.get_by_role("alert")).to_contain_text("did not let you in")
    assert urlsplit(page.url).fragment == ""
