"""Times that people type and times that a chart covers."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.page.beds import Bed
from tests.e2e.page.site import Site, log_in
from tests.e2e.page.visits import open_patient

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("zone", "typed", "means"),
    [
        ("Europe/Berlin", "2025-10-26T02:30:00", "2025-10-26T00:30"),  # twice that night: the earlier
        ("America/New_York", "2025-11-02T01:30:00", "2025-11-02T05:30"),
        ("Europe/Berlin", "2026-03-29T03:30:00", "2026-03-29T01:30"),
        ("Asia/Tokyo", "2026-01-10T08:00:00", "2026-01-09T23:00"),
    ],
)
def test_a_typed_time_is_the_wards_and_the_earlier_of_two(site: Site, page: Page, zone: str, typed: str, means: str) -> None:
    bed = Bed(site)
    site.do("UPDATE clinical.ward SET time_zone = %s WHERE id = %s", zone, bed.ward)
    doctor = f"d-{bed.user}"
    site.person(doctor, "doctor", (bed.ward,))
    log_in(page, site, doctor)
    expect(page.locator(".wardname")).to_be_visible()
    open_patient(page, bed.patient)
    page.get_by_label("At", exact=True).fill(typed)
    with page.expect_request(re.compile("/explain")) as asked:
        page.get_by_role("button", name="Explain").click()
    assert parse_qs(urlsplit(asked.value.url).query)["at"][0].startswith(means)


def measured(route: Route) -> None:
    """A heart rate every five seconds of what is asked for."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(route.request.url).query).items()}
    start, end = (datetime.fromisoformat(asked[name]) for name in ("from", "to"))
    times = [start + timedelta(seconds=s) for s in range(0, int((end - start).total_seconds()), 5)]
    points = [{"observed_at": at.astimezone(UTC).isoformat(), "value": 70} for at in times]
    series = [{"vital": "hr", "unit": "/min", "points": points}]
    route.fulfill(json={"patient": "", "resolution": "raw", "from": asked["from"], "to": asked["to"], "series": series})


def test_what_could_not_be_loaded_is_said_and_not_shown_as_never_measured(site: Site, bed: Bed, page: Page) -> None:
    page.clock.install()
    page.route(re.compile("/vitals[?]from"), measured)
    log_in(page, site, bed.user)
    page.locator(f'[data-patient="{bed.patient}"] .who').click()
    expect(page.locator(".history .chart").first).to_be_visible()
    page.route(re.compile("/vitals[?]from"), lambda route: route.abort())
    page.clock.fast_forward(60_000)
    expect(page.locator(".history")).to_contain_text("could not be loaded")
    expect(page.locator('[data-lane="Gaps"]')).to_have_count(0)
