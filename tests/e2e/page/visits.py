"""What a person does with a browser on any Vigil: logging in, looking; and the pictures and checks of what was seen.

Pictures go to the folder `page` in VIGIL_ARTEFACTS (default `artifacts/`).
"""

import os
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.vigils import Running

ARTEFACTS = Path(os.environ.get("VIGIL_ARTEFACTS", "artifacts")) / "page"
AXE = Path("dashboard_api/web/node_modules/axe-core/axe.min.js")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def log_in_as(page: Page, address: str, username: str, password: str) -> None:
    """By the form, as a person does it."""
    page.goto(address)
    sign_in(page, username, password)


def sign_in(page: Page, username: str, password: str) -> None:
    """By the form that is shown: the page goes on as it was loaded."""
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector(".top")
    settled(page)


def settled(page: Page) -> None:
    """Nothing is still to come: what comes moves what is below it, also from under a mouse that is just pressed."""
    expect(page.get_by_text("Loading…", exact=True)).to_have_count(0)


def open_patient(page: Page, patient: str) -> None:
    """By a click on the tile."""
    page.locator(f'[data-patient="{patient}"] .who').click()
    expect(page.locator("main.patient")).to_be_visible()
    settled(page)


def enter(page: Page, vigil: Running, role: str) -> None:
    """As the demonstration account of that role."""
    account = next(a for a in vigil.endpoints["accounts"] if a["role"] == role)
    log_in_as(page, vigil.endpoints["http"], account["username"], account["password"])


def leave(page: Page) -> None:
    """Logs out."""
    page.get_by_role("button", name="Log out").click()
    page.wait_for_selector("main.login")


def go(page: Page, name: str) -> None:
    """To a view, by its link at the top."""
    page.locator("nav").get_by_role("link", name=name).click()
    settled(page)


def shot(page: Page, name: str) -> Path:
    """A picture of what is seen, kept as an artefact."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    file = ARTEFACTS / f"{name}.png"
    page.screenshot(path=str(file))
    return file


def violations(page: Page) -> list[str]:
    """axe's findings against WCAG 2.2 AA, one line each."""
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("tags => axe.run(document, {runOnly: tags})", WCAG)
    return [f"{v['id']}: {n['target']} {n['failureSummary'].splitlines()[-1].strip()}" for v in found["violations"] for n in v["nodes"]]
