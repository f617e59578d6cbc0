"""What the page lets be heard: a pattern for each priority, and a silence that has an end. The loudspeaker is a stub that remembers."""

from itertools import groupby
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page.beds import Bed
from tests.e2e.page.site import Priority, Site, log_in
from tests.integration.live.stage import now_ms
from tests.waiting import wait_for

pytestmark = pytest.mark.slow

# Each tone as [when it was ordered, Hz, its start after that], seconds
EAR = """
window.tones = [];
window.AudioContext = class {
  state = "running";
  destination = {};
  constructor() { window.loudspeaker = this; }
  get currentTime() { return performance.now() / 1000; }
  async resume() {
    await new Promise((done) => setTimeout(done)); // a real one never answers within the gesture
    this.state = "running";
  }
  createGain() {
    return { gain: { setValueAtTime() {}, linearRampToValueAtTime() {} }, connect: (next) => next };
  }
  createOscillator() {
    const frequency = { value: 0 };
    const now = this.currentTime;
    return { frequency, connect: (next) => next, stop() {}, start: (at) => tones.push([now, frequency.value, at - now]) };
  }
};
"""
Burst = tuple[int, tuple[float, ...]]


@pytest.fixture
def ear(page: Page) -> Page:
    """The page with a stubbed loudspeaker and a clock that the test moves on."""
    page.clock.install()
    page.add_init_script(EAR)
    return page


def bursts(page: Page) -> list[Burst]:
    """What was heard since the last time it was asked: of each burst its pitch, Hz, and where its tones are, s."""
    tones: list[list[Any]] = page.evaluate("tones.splice(0)")
    together = groupby(tones, key=lambda tone: (round(tone[0], 1), tone[1]))
    return [(int(hz), tuple(round(start, 1) for _, _, start in tones)) for (_, hz), tones in together]


def heard(page: Page) -> Burst:
    """The next burst."""
    return wait_for(lambda: bursts(page), 30, "a sound")[0]


def calling(site: Site, bed: Bed, page: Page, priority: Priority) -> None:
    """An alert of this priority, and the page has it."""
    title = f"It is {priority}"
    site.found(bed.patient, bed.ward, title, subject={"high": "spo2", "medium": "hr", "low": "rr"}[priority], priority=priority)
    expect(page.locator(f'[data-patient="{bed.patient}"]')).to_contain_text(title)


def test_each_priority_has_a_pattern_of_its_own(site: Site, bed: Bed, ear: Page) -> None:
    log_in(ear, site, bed.user)
    found: dict[str, Burst] = {}
    priorities: tuple[Priority, ...] = ("low", "medium", "high")
    for priority in priorities:
        calling(site, bed, ear, priority)
        found[priority] = heard(ear)
    pitches, counts = [b[0] for b in found.values()], [len(b[1]) for b in found.values()]
    assert (counts, pitches) == ([2, 3, 5], sorted(set(pitches)))


def test_a_mute_ends_by_itself(site: Site, bed: Bed, ear: Page) -> None:
    log_in(ear, site, bed.user)
    calling(site, bed, ear, "medium")
    heard(ear)
    ear.get_by_role("button", name="Mute 2 min").click()
    bursts(ear)
    ear.clock.run_for(100_000)
    during = bursts(ear)
    expect(ear.get_by_role("button", name="Muted")).to_be_visible()
    ear.clock.run_for(25_000)
    expect(ear.get_by_role("button", name="Mute 2 min")).to_be_visible()
    assert (during, len(heard(ear)[1])) == ([], 3)


def test_a_new_high_alert_is_heard_through_a_mute(site: Site, bed: Bed, ear: Page) -> None:
    log_in(ear, site, bed.user)
    calling(site, bed, ear, "medium")
    heard(ear)
    ear.get_by_role("button", name="Mute 2 min").click()
    bursts(ear)
    calling(site, bed, ear, "high")
    assert len(heard(ear)[1]) == 5


def test_an_alert_that_becomes_high_is_heard_and_spoken_through_a_mute(site: Site, bed: Bed, ear: Page) -> None:
    since, voice = now_ms(), ear.locator("[data-voice]")
    log_in(ear, site, bed.user)
    site.found(bed.patient, bed.ward, "It is medium", priority="medium", since=since)
    heard(ear)
    ear.get_by_role("button", name="Mute 2 min").click()
    bursts(ear)
    site.found(bed.patient, bed.ward, "It has become high", priority="high", since=since)
    expect(voice).to_contain_text("It has become high")
    assert len(heard(ear)[1]) == 5


def interrupted(page: Page) -> None:
    """As a phone does to its loudspeaker while its screen is off."""
    page.evaluate("loudspeaker.state = 'interrupted'; loudspeaker.onstatechange?.()")


def test_a_loudspeaker_that_the_machine_took_away_is_said_and_any_click_brings_it_back(site: Site, bed: Bed, ear: Page) -> None:
    log_in(ear, site, bed.user)
    expect(ear.get_by_role("button", name="Mute 2 min")).to_be_visible()
    interrupted(ear)
    expect(ear.get_by_role("button", name="Turn sound on")).to_be_visible()
    ear.locator("main").click()
    calling(site, bed, ear, "high")
    assert len(heard(ear)[1]) == 5


@pytest.mark.parametrize("way", ["click", "Enter", "Space"])
def test_turning_the_sound_on_does_not_mute_it(site: Site, bed: Bed, ear: Page, way: str) -> None:
    log_in(ear, site, bed.user)
    interrupted(ear)
    button = ear.get_by_role("button", name="Turn sound on")
    if way == "click":
        button.click(delay=100)
    else:
        button.focus()
        ear.keyboard.press(way, delay=100)
    expect(ear.get_by_role("button", name="Mute 2 min")).to_have_attribute("aria-pressed", "false")
