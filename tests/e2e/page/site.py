"""A site of real servers behind the page: HTTP, live feed and alerts as processes, fed straight from Kafka by the test."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Literal

import httpx
from playwright.sync_api import Page

from dashboard_api import keys, passwords, sealing
from deploy.parts.mosquitto import Broker
from deploy.parts.running import free_port
from tests.e2e.page.visits import log_in_as
from tests.integration.live.stage import SECRET, Feed, Stage, now_ms
from tests.waiting import wait_for
from tests.web import TRUST
from vitals.finding import TOLD_AS, Finding, finding_id

PASSWORD = "a-long-enough-password"
Priority = Literal["high", "medium", "low"]


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
        wait_for(lambda: answers(self.address), 90, "the HTTP API to be ready")

    def end(self) -> None:
        """Stops them all."""
        self.live.process.send_signal(signal.SIGCONT)
        self.live.stop()
        for process in self.processes:
            process.terminate()
            process.wait(60)

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

    def found(
        self, patient: str, ward: str, title: str, subject: str = "spo2", priority: Priority = "high", since: int | None = None
    ) -> str:
        """A finding, as detection says it; returns its alert's id. The same `since` (ms) again: the same alert, as it has become."""
        at = now_ms()
        since = since or at
        finding = Finding(
            id=finding_id(patient, "limits", subject, since), phase="start", patient=patient, ward=ward, rule="limits", rule_version=1,
            alert_class="physiological", priority=priority, title=title, started_at=since, at=at, received_at=at, detected_at=at,
            subject=subject, evidence={"value": 84, "limit": 88},
        )  # fmt: skip
        self.send(self.topics.findings, patient, finding)
        return finding.id

    def withdrew(self, patient: str, ward: str, title: str, since: int) -> None:
        """What `found` said at `since` (ms) was not so."""
        at = now_ms()
        finding = Finding(
            id=finding_id(patient, "limits", "spo2", since), phase="end", patient=patient, ward=ward, rule="limits", rule_version=1,
            alert_class="physiological", priority="high", title=title, started_at=since, at=at, received_at=at, detected_at=at,
            subject="spo2", ended_at=since,
        )  # fmt: skip
        self.send(self.topics.findings, patient, finding)

    def was_medium(self, patient: str, ward: str, title: str, since: int) -> None:
        """What `found` said at `since` (ms) to be high was not so grave."""
        at = now_ms()
        finding = Finding(
            id=finding_id(patient, "limits", "spo2", since), phase="update", patient=patient, ward=ward, rule="limits", rule_version=1,
            alert_class="physiological", priority="medium", title=title, started_at=since, at=at, received_at=at, detected_at=at,
            subject="spo2", evidence={"value": 87, "limit": 88, TOLD_AS: "high"},
        )  # fmt: skip
        self.send(self.topics.findings, patient, finding)

    @contextmanager
    def served_with(self, **settings: str) -> Iterator[str]:
        """The address of one more HTTP process of this site, which has these settings besides."""
        port = free_port()
        process = self._run("dashboard_api.http_main", VIGIL_HTTP_PORT=str(port), **settings)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(lambda: answers(address), 90, "the other HTTP process to be ready")
            yield address
        finally:
            process.terminate()
            process.wait(60)

    def _run(self, module: str, **settings: str) -> "subprocess.Popen[bytes]":
        log = (self.folder / f"{module}.log").open("ab")
        return subprocess.Popen([sys.executable, "-m", module], env=self.env | settings, stderr=log)


def answers(address: str) -> bool:
    """Whether the HTTP API there is ready."""
    try:
        return httpx.get(f"{address}/readyz", timeout=5, verify=TRUST).status_code == 200
    except httpx.TransportError:
        return False


def log_in(page: Page, site: Site, username: str) -> None:
    """As an account of the site."""
    log_in_as(page, site.address, username, PASSWORD)
