"""What a nurse meets on the ward's page, in a real Chromium against real servers."""

import re
import signal
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page.beds import Bed
from tests.e2e.page.site import PASSWORD, Site, log_in
from tests.e2e.page.visits import log_in_as, settled, violations
from tests.integration.live.stage import now_ms

pytestmark = pytest.mark.slow


def test_values_appear_with_the_name_and_move(site: Site, bed: Bed, page: Page) -> None:
    bed.says(71)
    log_in(page, site, bed.user)
    tile = page.locator(f'[data-patient="{bed.patient}"]')
    expect(tile).to_contain_text("Bed 7")
    expect(tile).to_contain_text("Ada Moreau")
    expect(bed.value(page, "hr")).to_contain_text("71")
    bed.says(83)
    expect(bed.value(page, "hr")).to_contain_text("83")
    expect(bed.value(page, "bp")).to_contain_text("121/78")


def test_two_of_one_name_on_a_ward_are_marked_and_one_of_another_is_not(site: Site, bed: Bed, page: Page) -> None:
    twin, other = site.admitted(bed.ward, "8", "ada moreau"), site.admitted(bed.ward, "9", "Ada Lovelace")
    bed.says(71)
    log_in(page, site, bed.user)
    marked = {who: page.locator(f'[data-patient="{who}"] [data-namesake]') for who in (bed.patient, twin, other)}
    expect(marked[bed.patient]).to_contain_text("Same name on this ward")
    expect(marked[twin]).to_contain_text("born")
    expect(page.locator(f'[data-patient="{other}"]')).to_contain_text("Ada Lovelace")
    expect(marked[other]).to_have_count(0)
    page.locator(f'[data-patient="{twin}"] .who').click()
    expect(page.locator("main.patient [data-namesake]")).to_be_visible()


def test_a_channel_that_falls_silent_turns_grey_and_says_so(site: Site, bed: Bed, page: Page) -> None:
    at = now_ms()
    for before in (3000, 2000, 1000, 0):
        site.sample(bed.patient, at - before, hr=72, spo2=96)
    log_in(page, site, bed.user)
    expect(bed.value(page, "hr")).to_have_attribute("data-state", "stale", timeout=30_000)
    expect(bed.value(page, "hr")).to_contain_text("old")


def test_a_temperature_is_rounded_as_the_score_rounds_it(site: Site, bed: Bed, page: Page) -> None:
    bed.says(72, temp=35.05)
    log_in(page, site, bed.user)
    expect(bed.value(page, "temp")).to_contain_text("35.1")


def test_a_probe_that_is_off_shows_no_number(site: Site, bed: Bed, page: Page) -> None:
    bed.says(72, spo2=None)
    log_in(page, site, bed.user)
    expect(bed.value(page, "spo2")).to_have_attribute("data-state", "no_value")
    expect(bed.value(page, "spo2")).not_to_contain_text(re.compile(r"\d"))


def test_an_alert_appears_is_spoken_and_acknowledged_from_the_tile(site: Site, bed: Bed, page: Page) -> None:
    bed.says(72)
    log_in(page, site, bed.user)
    expect(bed.value(page, "hr")).to_contain_text("72")
    alert = site.found(bed.patient, bed.ward, "Oxygen saturation below 88 %")
    chip = page.locator(f'[data-patient="{bed.patient}"] .chip')
    expect(chip).to_contain_text("High")
    expect(chip).to_contain_text("Oxygen saturation below 88 %")
    expect(page.locator("[data-voice]")).to_contain_text("Oxygen saturation below 88 %")
    chip.get_by_role("button").click()
    expect(chip).to_have_class(re.compile("held"))
    assert site.do("SELECT state FROM alerting.alert WHERE id = %s", alert) == [("acknowledged",)]


def test_the_inbox_shows_why_and_resolving_empties_it_and_closes_what_is_still_shown(site: Site, bed: Bed, page: Page) -> None:
    bed.says(72)
    log_in(page, site, bed.user)
    alert = site.found(bed.patient, bed.ward, "Oxygen saturation below 88 %")
    page.get_by_role("link", name=re.compile("^Alerts")).click()
    page.locator(f'[data-alert="{alert}"]').click()
    card = page.locator(".detail .alertcard")
    expect(card).to_contain_text("84 %")
    expect(card).to_contain_text("raised")
    card.get_by_role("button", name="Acknowledge").click()
    expect(card).to_contain_text("Acknowledged")
    card.get_by_role("button", name="Resolve").click()
    expect(page.locator(f'[data-alert="{alert}"]')).to_have_count(0)
    expect(card).to_contain_text("Closed")
    expect(card.get_by_role("button", name="Resolve")).to_have_count(0)


def test_a_cut_connection_is_said_nothing_stays_live_and_nothing_is_missed(site: Site, bed: Bed, page: Page) -> None:
    with bed.beating(70):
        log_in(page, site, bed.user)
        expect(bed.value(page, "hr")).to_have_attribute("data-state", "live")
        site.live.stop(signal.SIGKILL)
        expect(page.locator("[data-banner]")).to_contain_text("not live")
        expect(bed.value(page, "hr")).to_have_attribute("data-state", "stale")
        site.found(bed.patient, bed.ward, "While nobody could see it")
    bed.says(99)
    site.restart_live()
    expect(page.locator("[data-banner]")).to_have_count(0, timeout=60_000)
    expect(bed.value(page, "hr")).to_contain_text("99")
    expect(page.locator(f'[data-patient="{bed.patient}"] .chip')).to_contain_text("While nobody could see it")


def test_a_server_that_falls_silent_is_not_believed(site: Site, bed: Bed, page: Page) -> None:
    with bed.beating(70):
        log_in(page, site, bed.user)
        expect(bed.value(page, "hr")).to_have_attribute("data-state", "live")
        site.live.process.send_signal(signal.SIGSTOP)
        expect(page.locator("[data-banner]")).to_contain_text("not live", timeout=30_000)
        expect(bed.value(page, "hr")).to_have_attribute("data-state", "stale")
        site.live.process.send_signal(signal.SIGCONT)
        expect(page.locator("[data-banner]")).to_have_count(0, timeout=60_000)
        expect(bed.value(page, "hr")).to_have_attribute("data-state", "live")


def test_a_reload_stays_logged_in(site: Site, bed: Bed, page: Page) -> None:
    bed.says(64)
    log_in(page, site, bed.user)
    expect(bed.value(page, "hr")).to_contain_text("64")
    page.reload()
    expect(bed.value(page, "hr")).to_contain_text("64")


def test_no_name_goes_over_the_live_feed(site: Site, bed: Bed, page: Page) -> None:
    heard: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard.append(str(frame))))
    bed.says(64)
    log_in(page, site, bed.user)
    expect(page.locator(f'[data-patient="{bed.patient}"]')).to_contain_text("Ada Moreau")
    expect(bed.value(page, "hr")).to_contain_text("64")
    assert bed.patient in "".join(heard)
    assert not any("Moreau" in frame for frame in heard)


def test_the_patient_view_shows_values_and_score(site: Site, bed: Bed, page: Page) -> None:
    bed.says(64)
    site.score(bed.patient, 5, 8)
    log_in(page, site, bed.user)
    page.locator(f'[data-patient="{bed.patient}"] .who').click()
    expect(page.get_by_role("heading", name=re.compile("Ada Moreau"))).to_be_visible()
    expect(page.locator('[data-news="5–8"]').first).to_be_visible()
    expect(page.locator("table.score")).to_contain_text("missing")


@pytest.mark.parametrize(("older_ms", "said"), [(25_000, "medium"), (61_000, "1 min ago")])
def test_a_sum_of_older_values_than_those_beside_it_says_how_old_it_is(site: Site, bed: Bed, page: Page, older_ms: int, said: str) -> None:
    bed.says(64)
    site.score(bed.patient, 5, 5, at=now_ms() - older_ms)
    log_in(page, site, bed.user)
    expect(bed.value(page, "hr")).to_contain_text("64")
    expect(page.locator(f'[data-patient="{bed.patient}"] .news small').last).to_have_text(said)


def test_the_page_speaks_another_language_and_other_units(site: Site, bed: Bed, page: Page) -> None:
    bed.says(64, temp=37.0)
    log_in(page, site, bed.user)
    expect(bed.value(page, "temp")).to_contain_text("37.0")
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Temperature").select_option("°F")
    expect(bed.value(page, "temp")).to_contain_text("98.6")
    page.get_by_label("Language").select_option("de")
    expect(page.get_by_role("link", name="Station")).to_be_visible()


def test_units_are_the_sites_unless_this_browser_chooses_others(site: Site, bed: Bed, page: Page) -> None:
    with site.served_with(VIGIL_UNITS="degF,kPa") as address:
        bed.says(64, temp=37.0, sbp=120, dbp=75)
        log_in_as(page, address, bed.user, PASSWORD)
        expect(bed.value(page, "temp")).to_contain_text("98.6")
        expect(bed.value(page, "bp")).to_contain_text("16.0/10.0")
        page.get_by_role("button", name="Settings").click()
        page.get_by_label("Temperature").select_option("°C")
        expect(bed.value(page, "temp")).to_contain_text("37.0")
        page.get_by_label("Temperature").select_option(label="as the site: °F")
        expect(bed.value(page, "temp")).to_contain_text("98.6")


@pytest.mark.parametrize(("held_back", "says"), [("60", ["they come 60 s later than the values"]), ("0", [])])
def test_where_a_site_holds_its_alarms_back_the_page_says_so(held_back: str, says: list[str], site: Site, bed: Bed, page: Page) -> None:
    with site.served_with(VIGIL_HOLD_BACK_S=held_back) as address:
        bed.says(64)
        log_in_as(page, address, bed.user, PASSWORD)
        expect(bed.value(page, "hr")).to_contain_text("64")
        expect(page.locator("[data-later]")).to_contain_text(says)


def test_a_note_is_written_and_struck_out_by_keyboard_and_kept_while_the_network_is_away(site: Site, bed: Bed, page: Page) -> None:
    log_in(page, site, bed.user)
    page.goto(f"{site.address}/patients/{bed.patient}")
    panel = page.get_by_role("region", name="Notes")
    expect(panel).to_contain_text("No notes yet.")
    settled(page)
    panel.get_by_label("New note").fill("Allergic to penicillin\nsays the daughter")
    page.context.set_offline(True)
    page.keyboard.press("Control+Enter")
    expect(panel.get_by_role("status")).to_contain_text("cannot be reached")
    page.context.set_offline(False)
    panel.get_by_label("New note").press("Control+Enter")
    expect(panel.locator("[data-note]")).to_contain_text("Allergic to penicillin")
    expect(panel.get_by_label("New note")).to_have_value("")
    expect(page.locator('[data-lane="Notes"] .stretch')).to_have_count(1, timeout=30_000)
    assert violations(page) == []
    panel.get_by_role("button", name="Strike out").press("Enter")
    page.keyboard.type("Another patient's")
    page.keyboard.press("Enter")
    expect(panel.locator("[data-note] s")).to_contain_text("Allergic to penicillin")
    expect(panel.locator("[data-note]")).to_contain_text(re.compile(f"struck out by {bed.user}, .*: Another patient's"))
    expect(page.locator('[data-lane="Notes"]')).to_have_count(0)
    assert site.do("SELECT author, strikes IS NOT NULL FROM clinical.note WHERE patient = %s ORDER BY n", bed.patient) == [
        (bed.user, False),
        (bed.user, True),
    ]


def test_a_patient_sees_only_themself(site: Site, page: Page) -> None:
    mine = Bed(site, "patient")
    other = site.admitted(mine.ward, "8", "Jonas Dvorak")
    mine.says(66)
    site.sample(other, hr=91)
    log_in(page, site, mine.user)
    expect(page.locator('[data-vital="hr"]')).to_contain_text("66")
    assert "Dvorak" not in page.inner_text("body")
    assert page.locator('nav a[href="/"]').count() == 0


def test_an_admin_is_shown_no_values(site: Site, page: Page) -> None:
    boss = Bed(site, "admin")
    boss.says(66)
    log_in(page, site, boss.user)
    expect(page.get_by_role("heading", name="Administration")).to_be_visible()
    assert page.locator("[data-vital]").count() == 0


def test_a_wrong_password_is_said_in_words(site: Site, bed: Bed, page: Page) -> None:
    page.goto(site.address)
    page.get_by_label("User name").fill(bed.user)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("wrong")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_ward_the_inbox_and_the_patient_have_no_accessibility_violations(site: Site, bed: Bed, page: Page, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    bed.says(64)
    site.score(bed.patient, 5, 8)
    page.goto(site.address)
    found = {"login": violations(page)}
    log_in(page, site, bed.user)
    alert = site.found(bed.patient, bed.ward, "Oxygen saturation below 88 %")
    expect(page.locator(f'[data-patient="{bed.patient}"] .chip')).to_be_visible()
    found["ward"] = violations(page)
    page.get_by_role("link", name=re.compile("^Alerts")).click()
    page.locator(f'[data-alert="{alert}"]').click()
    expect(page.locator(".detail .alertcard")).to_contain_text("raised")
    found["inbox"] = violations(page)
    page.locator(".detail .alertcard header a").click()
    expect(page.locator("table.score")).to_be_visible()
    found["patient"] = violations(page)
    assert found == {"login": [], "ward": [], "inbox": [], "patient": []}
