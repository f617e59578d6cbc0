"""The walks of docs/walks.md: each person does their main task by what the page says, and nothing else, within a minute at a person's pace.

Their pictures are the document's: `VIGIL_ARTEFACTS=DIR ./vigil test tests/e2e/page/test_walks.py` makes them anew in DIR/page.
"""

import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.e2e.doors import Bench, speaking
from tests.e2e.page.pace import Hand
from tests.e2e.page.visits import shot
from tests.e2e.vigils import Running
from tests.e2e.walk import ILL, Walk, at, sample
from tests.waiting import wait_for

pytestmark = pytest.mark.slow
# The lines of all who are measured but the first, who has hardly a past, reach into the left half of their places.
DRAWN = """() => [...document.querySelectorAll('.tile:not(.is-silent) .spark-hr')].slice(1).every(canvas => canvas.getContext('2d')
    .getImageData(0, 0, canvas.width / 2, canvas.height).data.some(point => point > 0))"""
PHONE: ViewportSize = {"width": 390, "height": 844}


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
        wait_for(lambda: vigil.ask("doctor", "GET", f"/alerts?patient={patient}&state=active")["items"], 120, "an alert of the ill patient")
        yield made
        over.set()
        thread.join(10)


def test_a_nurse_finds_the_patient_who_needs_somebody_and_says_i_am_on_my_way(ill: Ill, hand: Hand) -> None:
    page = hand.page
    hand.log_in(ill.vigil, "nurse")
    tile = page.locator(f'[data-patient="{ill.patient}"]')
    expect(tile.locator(".chip.calling")).to_be_visible(timeout=30_000)
    expect(page.locator(".tile").first).to_have_attribute("data-patient", ill.patient, timeout=30_000)
    expect(tile).to_contain_text("Ada Moreau")
    page.wait_for_function(DRAWN, timeout=60_000)
    shot(page, "walk-nurse-1-ward")
    hand.click(tile.get_by_role("button"))
    mine = f"/alerts?patient={ill.patient}&state=acknowledged"
    wait_for(lambda: ill.vigil.ask("nurse", "GET", mine)["items"], 60, "the alert to be acknowledged")
    hand.click(tile.locator(".who"))
    hand.click(page.get_by_role("button", name="On my way").first)
    expect(page.locator("main.patient")).to_contain_text("on the way")
    page.get_by_text("on the way").first.scroll_into_view_if_needed()
    shot(page, "walk-nurse-2-on-my-way")
    steps = {a["step"] for a in ill.vigil.ask("nurse", "GET", mine)["items"]}
    assert "on_my_way" in steps


def test_a_doctor_sees_why_and_since_when_and_raises_a_limit_for_a_while(ill: Ill, hand: Hand) -> None:
    page = hand.page
    hand.log_in(ill.vigil, "doctor")
    hand.click(page.locator(f'[data-patient="{ill.patient}"] .who'))
    expect(page.locator(".history .chart").first).to_be_visible(timeout=30_000)
    expect(page.get_by_role("heading", name="Early-warning score")).to_be_visible()
    hand.click(page.get_by_role("button", name="Explain"))
    expect(page.locator(".explanation .beyond").first).to_be_visible(timeout=30_000)
    page.evaluate("scrollTo(0, 0)")
    shot(page, "walk-doctor-1-patient")
    hand.write(page.get_by_label("Heart rate High"), "145")
    hand.write(page.get_by_label("Reason"), "fever, treated; call above 145")
    hand.click(page.get_by_role("button", name="Save limits"))
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_text("fever, treated; call above 145")).to_be_visible()
    page.get_by_text("Saved.").scroll_into_view_if_needed()
    shot(page, "walk-doctor-2-limits")
    assert ill.vigil.ask("doctor", "GET", f"/patients/{ill.patient}/limits")["hr"]["high"] == 145


def test_a_patient_sees_how_they_are_and_who_looked(vigil: Running, hand: Hand) -> None:
    page = hand.page
    page.set_viewport_size(PHONE)
    hand.log_in(vigil, "patient")
    expect(page.locator('[data-vital="hr"][data-state="live"]').first).to_be_visible(timeout=30_000)
    expect(page.locator(".history .chart").first).to_be_visible(timeout=30_000)
    shot(page, "walk-patient-1-my-data")
    hand.click(page.get_by_role("button", name="Who saw my data ↓"))
    hand.click(page.get_by_role("button", name="Show who saw my data"))
    expect(page.locator("[data-seen] li").first).to_be_visible(timeout=30_000)
    page.locator("[data-seen]").scroll_into_view_if_needed()
    shot(page, "walk-patient-2-who-looked")


def test_who_is_on_call_answers_a_page_on_the_phone(ill: Ill, hand: Hand) -> None:
    page = hand.page
    page.set_viewport_size(PHONE)
    hand.log_in(ill.vigil, "oncall")
    hand.click(page.locator("nav").get_by_role("link", name="Alerts"))
    alert = page.locator(".alertrow", has_text="Bed 14, Ada Moreau").first.get_attribute("data-alert")
    ours = page.locator("li", has=page.locator(f'[data-alert="{alert}"]'))
    hand.click(ours.locator(".alertrow"))
    expect(ours.locator(".alertcard")).to_contain_text("Why")
    hand.click(ours.get_by_role("button", name="On my way"))
    expect(ours.locator(".alertcard")).to_contain_text("on the way", timeout=30_000)
    shot(page, "walk-oncall-1-answered")
    told = ill.vigil.ask("doctor", "GET", f"/alerts/{alert}")
    assert (told["step"], told["acknowledged_by"]) == ("on_my_way", "oncall")


def test_who_is_on_call_lets_somebody_stand_in_for_a_shift(walk: Walk, hand: Hand) -> None:
    page, rota = hand.page, f"rota-{uuid.uuid4().hex[:6]}"
    layers = [{"people": ["doctor", "oncall"], "since": "2024-01-01", "days": 1}]
    walk.ask("admin", "PUT", f"/oncall/schedules/{rota}", json={"ward": walk.ward, "zone": "UTC", "layers": layers}).raise_for_status()
    page.set_viewport_size(PHONE)
    hand.log_in(walk.vigil, "oncall")
    hand.click(page.locator("nav").get_by_role("link", name="On call"))
    card = page.locator("section.card", has=page.get_by_text(rota, exact=True))
    hand.click(card.get_by_text("Rota and swaps"))
    hand.choose(card.get_by_label("Who stands in"), "oncall")
    hand.write(card.get_by_label("Reason"), "ill")
    hand.click(card.get_by_role("button", name="Swap"))
    expect(card.locator(".swap")).to_contain_text("oncall instead", timeout=30_000)
    card.locator(".swap").scroll_into_view_if_needed()
    shot(page, "walk-oncall-2-swap")
    swaps = walk.ask("doctor", "GET", "/oncall/overrides").json()["items"]
    assert [s["people"] for s in swaps if s["schedule"] == rota] == [["oncall"]]


def test_who_brings_a_device_enrols_it_and_puts_it_on_a_patient(walk: Walk, hand: Hand) -> None:
    page = hand.page
    hand.log_in(walk.vigil, "admin")
    hand.click(page.locator("nav").get_by_role("link", name="Devices"))
    hand.choose(page.get_by_label("Kind"), "wearable")
    hand.click(page.get_by_role("button", name="Enrol", exact=True))
    secret = page.locator(".secret")
    expect(secret).to_contain_text("shown this once")
    device = secret.locator("code").first.inner_text()
    row = page.locator("tr", has_text=device)
    hand.choose(row.locator("select"), walk.patient)
    expect(row.get_by_role("button", name="Take off")).to_be_visible()
    shot(page, "walk-device-1-enrolled")
    assert walk.ask("admin", "GET", f"/devices/{device}").json()["patient"] == walk.patient


def test_an_admin_looks_at_what_was_refused_and_discards_it(walk: Walk, hand: Hand) -> None:
    page, device = hand.page, walk.ask("admin", "POST", "/devices", json={"kind": "monitor", "ward": walk.ward}).json()
    with speaking(walk.vigil, device, walk.patient) as bench:
        bench.say(sample(7, at(), glucose=123))
    listed = f"/refusals?device={bench.device}"
    wait_for(lambda: walk.ask("admin", "GET", listed).json()["items"], 60, "the refusal")
    page.set_viewport_size(PHONE)
    hand.log_in(walk.vigil, "admin")
    hand.click(page.locator("nav").get_by_role("link", name="Refusals"))
    row = page.locator("tr", has_text=bench.device)
    hand.click(row.locator("summary"))
    expect(row.locator(".original")).to_contain_text('"seq": 7')
    row.scroll_into_view_if_needed()
    shot(page, "walk-admin-1-refused")
    hand.click(row.get_by_role("button", name="Discard"))
    expect(row).to_have_count(0, timeout=30_000)
    assert [r["state"] for r in walk.ask("admin", "GET", f"{listed}&state=all").json()["items"]] == ["discarded"]
