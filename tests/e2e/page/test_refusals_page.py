"""What was refused, as an admin sees it."""

import uuid

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page.site import Site, log_in

pytestmark = pytest.mark.slow


def refused(site: Site, vital: str | None) -> str:
    """The device of a refusal, as the archive keeps it; of one value when `vital` names it."""
    device = f"dev-{uuid.uuid4().hex[:12]}"
    sql = """INSERT INTO telemetry.refusal (id, reason, detail, door, source, device, vital, payload, first_at, last_at)
             VALUES (%s, 'implausible', 'refused', 'mqtt', %s, %s, %s, '{}', now(), now())"""
    site.do(sql, uuid.uuid4().hex, f"vigil/v1/{device}/vitals", device, vital)
    return device


def test_what_could_never_land_has_no_button_that_says_so(site: Site, page: Page) -> None:
    user = f"u{uuid.uuid4().hex[:8]}"
    site.person(user, "admin")
    whole, part = refused(site, None), refused(site, "hr")
    log_in(page, site, user)
    page.goto(f"{site.address}/refusals")
    rows = [page.locator("tr", has_text=device) for device in (whole, part)]
    for row in rows:
        expect(row.get_by_role("button", name="Discard")).to_be_visible()
    expect(rows[1]).to_contain_text("cannot go back")
    assert [row.get_by_role("button", name="Requeue").count() for row in rows] == [1, 0]
