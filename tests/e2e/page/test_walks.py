"""The three walks of docs/walks.md: a nurse, a doctor and a patient do their main task by what the page says, and nothing else.

Their pictures are the document's: `VIGIL_ARTEFACTS=DIR ./vigil test tests/e2e/page/test_walks.py` makes them anew in DIR/page.
"""

import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.doors import Bench, speaking
from tests.e2e.page.visits import enter, shot
from tests.e2e.vigils import Running
from tests.e2e.walk import ILL, at, sample
from tests.waiting import wait_for

pytestmark = pytest.mark.slow


@dataclass(slots=True)
class Ill:
    """A patient on the first ward who gets worse, and goes on being measured."""

    vigil: Running
    patient: str
    bench: Bench
    seq: int = 0

    def says(self, **more: Any) -> None:
        self.seq += 1
        self.bench.say(sample(self.seq, at(), **(ILL | more)))


@pytest.fixture(scope="module")
def ill(vigil: Running) -> Iterator[Ill]:
    """Ill for three minutes already, with an alert that nobody has answered; a value a second from now on."""
    mark = uuid.uuid4().hex[:6]
    who = {"mrn": f"A{mark}", "name": "Ada Moreau", "birth_date": "1948-03-09", "sex": "female", "ward": "north", "bed": "14"}
    patient = vigil.ask("admin", "POST", "/patients", who)["id"]
    device = vigil.ask("admin", "POST", "/devices", {"kind": "monitor", "ward": "north"})
    vigil.ask("admin", "POST", f"/devices/{device['id']}/assignments", {"patient_id": patient, "from": at(-3600)})
    with speaking(vigil, device, patient) as bench:
        made, over = Ill(vigil, patient, bench), threading.Event()
        backlog = [json.loads(sample(n, at(2.0 * n - 180), **(ILL | {"hr": 110 + n // 3, "spo2": 92 - n // 15}))) for n in range(90)]
        bench.say(b'{"state": "online", "battery": 0.86, "buffered": 0}', bench.topics["status"])
        bench.say(json.dumps({"batch": backlog}).encode())
        made.seq = 100

        def go_on() -> None:
            while not over.wait(1.0):
                made.says()

        thread = threading.Thread(target=go_on, daemon=True)
        thread.start()
        wait_for(lambda: vigil.ask("doctor", "GET", f"/alerts?patient={patient}&state=active")["items"], 60, "an alert of the ill patient")
        yield made
        over.set()
        thread.join(10)


def test_a_nurse_finds_the_patient_who_needs_somebody_and_says_i_am_on_my_way(ill: Ill, page: Page) -> None:
    enter(page, ill.vigil, "nurse")
    tile = page.locator(f'[data-patient="{ill.patient}"]')
    expect(tile.locator(".chip.calling")).to_be_visible(timeout=20_000)
    expect(page.locator(".tile").first).to_have_attribute("data-patient", ill.patient, timeout=15_000)
    expect(tile).to_contain_text("Ada Moreau")
    page.wait_for_load_state("networkidle")
    shot(page, "walk-nurse-1-ward")
    tile.get_by_role("button").click()
    mine = f"/alerts?patient={ill.patient}&state=acknowledged"
    wait_for(lambda: ill.vigil.ask("nurse", "GET", mine)["items"], 15, "the alert to be acknowledged")
    tile.locator(".who").click()
    page.get_by_role("button", name="On my way").first.click()
    expect(page.locator("main.patient")).to_contain_text("on the way")
    page.get_by_text("on the way").first.scroll_into_view_if_needed()
    shot(page, "walk-nurse-2-on-my-way")
    steps = {a["step"] for a in ill.vigil.ask("nurse", "GET", mine)["items"]}
    assert "on_my_way" in steps


def test_a_doctor_sees_why_and_since_when_and_raises_a_limit_for_a_while(ill: Ill, page: Page) -> None:
    enter(page, ill.vigil, "doctor")
    page.locator(f'[data-patient="{ill.patient}"] .who').click()
    expect(page.locator(".history .chart").first).to_be_visible(timeout=15_000)
    expect(page.get_by_role("heading", name="Early-warning score")).to_be_visible()
    page.get_by_role("button", name="Explain").click()
    expect(page.locator(".explanation .beyond").first).to_be_visible(timeout=15_000)
    page.evaluate("scrollTo(0, 0)")
    shot(page, "walk-doctor-1-patient")
    page.get_by_label("Heart rate High").fill("145")
    page.get_by_label("Reason").fill("fever, treated; call above 145")
    page.get_by_role("button", name="Save limits").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_text("fever, treated; call above 145")).to_be_visible()
    page.get_by_text("Saved.").scroll_into_view_if_needed()
    shot(page, "walk-doctor-2-limits")
    assert ill.vigil.ask("doctor", "GET", f"/patients/{ill.patient}/limits")["hr"]["high"] == 145


def test_a_patient_sees_how_they_are_and_who_looked(vigil: Running, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    enter(page, vigil, "patient")
    expect(page.locator('[data-vital="hr"][data-state="live"]').first).to_be_visible(timeout=20_000)
    shot(page, "walk-patient-1-my-data")
    page.get_by_role("button", name="Show who saw my data").click()
    expect(page.locator("[data-seen] li").first).to_be_visible(timeout=20_000)
    page.locator("[data-seen]").scroll_into_view_if_needed()
    shot(page, "walk-patient-2-who-looked")
