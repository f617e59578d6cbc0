"""A site of real servers behind a real Chromium: HTTP, live feed and alerts as processes, the page as it is built."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from dashboard_api import keys, passwords, sealing
from deploy import page as page_build
from deploy.parts import chromium
from deploy.parts import kafka as kafka_part
from deploy.parts.mosquitto import Broker
from deploy.parts.running import free_port
from tests.integration.live.stage import PARTITIONS, SECRET, Feed, Stage, now_ms
from tests.waiting import wait_for
from vitals.finding import Finding, finding_id
from vitals.topics import Topics

PASSWORD = "a-long-enough-password"
ARTIFACTS = Path("artifacts") / "page"


class Site(Stage):
    """The stage with everything that a page needs."""

    def begin(self, broker: Broker) -> None:
        """Starts the processes; `live` may be stopped and started again on its port."""
        self.http_port, self.live_port = free_port(), free_port()
        self.env = os.environ | {
            "VIGIL_KAFKA": self.kafka, "VIGIL_DATABASE": self.database, "VIGIL_TOPIC_PREFIX": self.topics.prefix,
            "VIGIL_MQTT_ADMIN": broker.url("admin"), "VIGIL_HTTP_PORT": str(self.http_port), "VIGIL_KEY_FILE": str(self.key_file),
            "VIGIL_LIVE_URL": f"ws://127.0.0.1:{self.live_port}/live", "VIGIL_METRICS_PORT": "",
        }  # fmt: skip
        self.processes = [self._run("dashboard_api.http_main"), self._run("alerts.alerts_main")]
        self.live = Feed(self, self.live_port, self.database)
        self.live.wait_ready()
        wait_for(self._answers, 90, "the HTTP API to be ready")

    def end(self) -> None:
        """Stops them all."""
        self.live.process.send_signal(signal.SIGCONT)
        self.live.stop()
        for process in self.processes:
            process.terminate()
            process.wait(15)

    def restart_live(self) -> None:
        """The same port, a new process."""
        self.live = Feed(self, self.live_port, self.database)
        self.live.wait_ready()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def person(self, username: str, role: str, wards: tuple[str, ...] = (), patient: str | None = None) -> None:
        """An account that can log in with PASSWORD."""
        self.account(username, role, wards, patient)
        self.do("UPDATE access.account SET password_hash = %s WHERE username = %s", passwords.hashed(PASSWORD), username)

    def admitted(self, ward: str, bed: str, name: str) -> str:
        """A patient with a name."""
        patient = self.patient(ward, bed)
        who = sealing.Person(mrn=uuid.uuid4().hex[:8], name=name, birth_date=date(1950, 1, 1), sex="female")
        sealed = sealing.seal(keys.derive(SECRET), patient, who)
        self.do("INSERT INTO identity.person VALUES (%s, %s, %s, %s)", patient, sealed.wrapped_key, sealed.sealed, sealed.mrn_digest)
        return patient

    def found(self, patient: str, ward: str, title: str, subject: str = "spo2") -> str:
        """A finding, as detection says it; returns its alert's id."""
        at = now_ms()
        finding = Finding(
            id=finding_id(patient, "limits", subject, at), phase="start", patient=patient, ward=ward, rule="limits", rule_version=1,
            alert_class="physiological", priority="high", title=title, started_at=at, at=at, received_at=at, detected_at=at,
            subject=subject, evidence={"value": 84, "limit": 88},
        )  # fmt: skip
        self.send(self.topics.findings, patient, finding)
        return finding.id

    def _run(self, module: str) -> "subprocess.Popen[bytes]":
        log = (self.folder / f"{module}.log").open("wb")
        return subprocess.Popen([sys.executable, "-m", module], env=self.env, stderr=log)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.address}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def site(kafka: str, module_database: str, mosquitto: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for the tests of a module; each test has a ward of its own on it."""
    page_build.build(print)
    topics = Topics(f"t{uuid.uuid4().hex[:10]}")
    kafka_part.make_topics(kafka, topics.settings(), PARTITIONS)
    made = Site(kafka, module_database, topics, tmp_path_factory.mktemp("site"))
    made.begin(mosquitto)
    yield made
    made.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, gone after the module: while it runs, nothing else here can run an event loop."""
    program = chromium.install(print)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(program), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A browser that speaks English; its last picture is kept."""
    made = browser.new_context(viewport={"width": 1366, "height": 850}, locale="en-GB", reduced_motion="reduce", bypass_csp=False)
    yield made
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    for number, page in enumerate(made.pages):
        page.screenshot(path=str(ARTIFACTS / f"{request.node.name[:80].replace('/', '_')}-{number}.png"))
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that must not complain."""
    made, complaints = context.new_page(), list[str]()
    made.on("pageerror", lambda error: complaints.append(str(error)))
    yield made
    assert complaints == []


def log_in(page: Page, site: Site, username: str) -> None:
    """As a person does it."""
    page.goto(site.address)
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector(".top")


def shown(page: Page) -> str:
    """All text on the page."""
    return json.dumps(page.inner_text("body"))
