"""Cut off, asleep, back again: nothing old is shown as live, nothing is missed; and a grey bed says why."""

import re
import signal
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.e2e.page.beds import Bed
from tests.e2e.page.site import Site, log_in
from tests.e2e.page.visits import shot
from tests.integration.live.stage import now_ms

pytestmark = pytest.mark.slow
HOUR_MS = 3_600_000


def test_a_laptop_that_slept_for_an_hour_shows_nothing_old_as_live_and_misses_nothing(site: Site, bed: Bed, page: Page) -> None:
    page.clock.install()
    with bed.beating(70):
        log_in(page, site, bed.user)
        expect(bed.value(page, "hr")).to_have_attribute("data-state", "live")
        site.live.process.send_signal(signal.SIGSTOP)
    site.found(bed.patient, bed.ward, "While the lid was shut")
    page.clock.fast_forward(HOUR_MS)
    expect(bed.value(page, "hr")).to_have_attribute("data-state", "stale")
    expect(page.locator("[data-banner]")).to_contain_text("not live")
    shot(page, "asleep-for-an-hour")
    site.live.process.send_signal(signal.SIGCONT)
    bed.says(99)
    expect(page.locator("[data-banner]")).to_have_count(0, timeout=60_000)
    expect(bed.value(page, "hr")).to_contain_text("99")
    expect(page.locator(f'[data-patient="{bed.patient}"] .chip')).to_contain_text("While the lid was shut")


def test_a_network_that_is_cut_and_comes_back_leaves_no_gap(site: Site, bed: Bed, page: Page) -> None:
    with bed.beating(70):
        log_in(page, site, bed.user)
        expect(bed.value(page, "hr")).to_have_attribute("data-state", "live")
        page.context.set_offline(True)
        page.evaluate("window.dispatchEvent(new Event('offline'))")
        expect(page.locator("[data-banner]")).to_contain_text("not live", timeout=30_000)
        expect(bed.value(page, "hr")).to_have_attribute("data-state", "stale")
        site.found(bed.patient, bed.ward, "While the network was away")
        page.context.set_offline(False)
        expect(page.locator("[data-banner]")).to_have_count(0, timeout=60_000)
        expect(page.locator(f'[data-patient="{bed.patient}"] .chip')).to_contain_text("While the network was away")
        expect(bed.value(page, "hr")).to_have_attribute("data-state", "live")


def test_a_patient_discharged_while_the_lid_was_shut_over_their_page_does_not_take_the_feed_along(site: Site, bed: Bed, page: Page) -> None:
    bed.says(70)
    log_in(page, site, bed.user)
    page.locator(f'[data-patient="{bed.patient}"] .who').click()
    expect(page.locator('main.patient [data-vital="hr"]')).to_contain_text("70")
    page.context.set_offline(True)
    page.evaluate("window.dispatchEvent(new Event('offline'))")
    expect(page.locator("[data-banner]")).to_contain_text("not live", timeout=30_000)
    discharged(site, bed)
    page.context.set_offline(False)
    expect(page.locator("[data-banner]")).to_have_count(0, timeout=60_000)
    expect(page.locator('[data-health="live"]')).to_be_visible()


def discharged(site: Site, bed: Bed) -> None:
    """The patient goes home, and the feed has heard it."""
    with site.live.reader(site.token(bed.user), wards=[bed.ward]) as reader:
        reader.a("snapshot")
        site.do("UPDATE clinical.patient SET discharged_at = now() WHERE id = %s", bed.patient)
        site.context(bed.patient, bed.ward, 2, active=False)
        reader.of(bed.patient, lambda part: "removed" in part)


def test_a_page_that_is_not_told_where_the_feed_is_asks_again(site: Site, bed: Bed, page: Page) -> None:
    page.route("**/config.json", lambda route: route.abort(), times=1)
    with bed.beating(70):
        log_in(page, site, bed.user)
        expect(bed.value(page, "hr")).to_have_attribute("data-state", "live")


def test_names_that_could_not_be_fetched_are_asked_for_again(site: Site, bed: Bed, page: Page) -> None:
    page.route(re.compile("/api/v1/patients[?]"), lambda route: route.abort(), times=1)
    log_in(page, site, bed.user)
    expect(page.locator(f'[data-patient="{bed.patient}"]')).to_contain_text("Ada Moreau", timeout=30_000)


def test_two_who_come_one_soon_after_the_other_are_both_drawn_with_their_past(site: Site, bed: Bed, page: Page) -> None:
    count = page.locator(".wardbar .count")
    page.clock.install()
    log_in(page, site, bed.user)
    expect(count).to_contain_text("1 patient")
    page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=5))
    first = site.admitted(bed.ward, "8", "Jonas Dvorak")
    expect(count).to_contain_text("2 patients")
    second = site.admitted(bed.ward, "9", "Mina Sato")
    expect(count).to_contain_text("3 patients")
    with page.expect_request(f"**/{first}/vitals?*"), page.expect_request(f"**/{second}/vitals?*"):
        page.clock.resume()


def test_a_reload_while_the_server_is_away_is_logged_in_as_soon_as_it_answers(site: Site, bed: Bed, page: Page) -> None:
    log_in(page, site, bed.user)
    page.route("**/api/v1/token", lambda route: route.fulfill(status=503))
    page.reload()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    page.unroute("**/api/v1/token")
    expect(page.locator(f'[data-patient="{bed.patient}"]')).to_be_visible(timeout=30_000)


def test_a_doubtful_value_too_is_old_when_the_feed_falls_silent(site: Site, bed: Bed, page: Page) -> None:
    mute = Event()

    def doubting(socket: WebSocketRoute) -> None:
        feed = socket.connect_to_server()
        feed.on_message(lambda said: None if mute.is_set() else socket.send(str(said).replace('"state":"live"', '"state":"doubtful"')))

    page.route_web_socket(re.compile("/live$"), doubting)
    with bed.beating(70):
        log_in(page, site, bed.user)
        expect(bed.value(page, "hr")).to_have_attribute("data-state", "doubtful")
        mute.set()
        expect(bed.value(page, "hr")).to_have_attribute("data-state", "stale", timeout=30_000)


@pytest.mark.parametrize(
    ("link", "late_ms", "says"),
    [
        (None, None, "No device on this patient"),
        ("offline", None, "Device offline"),
        ("online", None, "Device connected, no value yet"),
        ("offline", 0, "Device offline"),
        ("online", 0, "Device connected, but sends nothing"),
        ("online", 600_000, "Values come in 10 min late"),
    ],
)
def test_a_grey_bed_says_why(site: Site, bed: Bed, page: Page, link: str | None, late_ms: int | None, says: str) -> None:
    if link is not None:
        site.link(bed.patient, f"dev-{bed.patient[:8]}", link)
    if late_ms == 0:
        for ago in (22_000, 21_000, 20_000):
            site.sample(bed.patient, now_ms() - ago, hr=72, spo2=96)
    log_in(page, site, bed.user)
    expect(page.locator(f'[data-patient="{bed.patient}"]')).to_be_visible()
    if late_ms:
        for ago in (2_000, 1_000, 0):
            site.sample(bed.patient, now_ms() - late_ms - ago, hr=72, spo2=96)
    expect(page.locator(f'[data-patient="{bed.patient}"] [data-why]')).to_contain_text(says)
    expect(page.locator(f'[data-patient="{bed.patient}"] [data-state="live"]')).to_have_count(0)
