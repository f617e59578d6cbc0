"""A hospital system names another patient than the one that the device is on: who is asked sees which two, and goes to either."""

import pytest
from playwright.sync_api import Page, expect

from ingest.directory import Assignment, Device, directory
from ingest.named_patient import NamedPatients
from ingest.spoken import Spoken
from tests.e2e.page.beds import Bed
from tests.e2e.page.site import Site, log_in
from tests.e2e.page.visits import shot
from tests.integration.live.stage import now_ms
from vitals.site_key import record_digest

pytestmark = pytest.mark.slow

KEY = b"k" * 32


def asked(site: Site, bed: Bed, named: str) -> str:
    """The door's question, as it says it; its alert."""
    now = now_ms()
    known = directory([Device("mon-7")], [Assignment("mon-7", bed.patient, 0)], {bed.patient: bed.ward}, 4, now, (), {
        record_digest(KEY, "4712"): named,
    })  # fmt: skip
    door = NamedPatients(KEY)
    door.heard([Spoken("mon-7", now, {"hr": 80}, named=("4712",))], known, now)
    (question,) = door.told(known, now)
    site.send(site.topics.findings, bed.patient, question)
    return question.id


def test_who_is_asked_sees_both_patients_and_goes_to_the_one_named(site: Site, bed: Bed, page: Page) -> None:
    other = site.admitted(bed.ward, "9", "Grace Hopper")
    alert = asked(site, bed, other)
    log_in(page, site, bed.user)
    page.goto(f"{site.address}/alerts")
    page.locator(f'[data-alert="{alert}"]').click()
    card = page.locator(".alertcard")
    expect(card.locator("header")).to_contain_text("is it on the right one?")
    shot(page, "named-patient-1366")
    card.get_by_role("link", name="Grace Hopper").click()
    expect(page).to_have_url(f"{site.address}/patients/{other}")
