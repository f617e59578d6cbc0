"""A site for tests: the real HTTP process, and what a test needs to fill its tables."""

import base64
import functools
import itertools
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import psycopg

from dashboard_api.tokens import LIFETIME_S
from deploy.parts import running
from deploy.parts.mosquitto import Broker
from tests.waiting import wait_for
from tests.web import TRUST
from vitals.registry import BY_NAME
from vitals.topics import Topics

TIMEOUT_S = 60.0
"""For an answer that takes milliseconds on a machine that has nothing else to do."""
_addresses = itertools.count()


def stranger(url: str = "", **more: Any) -> httpx.Client:
    """Who has never been here: from an address of this machine of their own, for an address that comes too often has to wait."""
    n = next(_addresses)
    there = httpx.HTTPTransport(verify=TRUST, local_address=f"127.1.{n // 250}.{n % 250 + 1}")
    return httpx.Client(base_url=url, timeout=TIMEOUT_S, transport=there, **more)


@dataclass(frozen=True, eq=False)
class Site:
    """A running site. `accounts`: role -> password (the user name is the role). `fhir_port`, `mllp_back_port`: where it looks for the
    ingest's doors, which no one runs there but a test that needs them."""

    url: str
    database: str
    kafka: str
    broker: Broker
    topics: Topics
    accounts: dict[str, str]
    secret: bytes
    fhir_port: int
    mllp_back_port: int
    clients: dict[str, tuple[float, httpx.Client]] = field(default_factory=dict)

    def client(self, role: str) -> httpx.Client:
        """Logged in as `role`, anew before the token runs out; "" for nobody."""
        until, known = self.clients.get(role, (0.0, None))
        if known is None or time.monotonic() > until:
            known = self.logged_in(role, self.accounts[role]) if role else stranger(self.url)
            self.clients[role] = time.monotonic() + LIFETIME_S / 2, known
        return known

    def logged_in(self, username: str, password: str) -> httpx.Client:
        """A client for an account."""
        form = {"grant_type": "password", "username": username, "password": password}
        with stranger(self.url) as nobody:
            answer = nobody.post("/api/v1/token", data=form)
        answer.raise_for_status()
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT_S, verify=TRUST)

    def sql(self, text: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """One statement on the site's database."""
        with closing(psycopg.connect(self.database, autocommit=True)) as connection:
            cursor = connection.execute(text, parameters)  # type: ignore[arg-type]  # the tests' own SQL
            return cursor.fetchall() if cursor.description else []

    def patient(self, ward: str = "north", **facts: Any) -> dict[str, Any]:
        """A new patient."""
        body = {"mrn": uuid.uuid4().hex, "name": "Ada Test", "birth_date": "1950-01-02", "sex": "female", "ward": ward} | facts
        answer = self.client("admin").post("/api/v1/patients", json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def device(self, **facts: Any) -> dict[str, Any]:
        """A new device."""
        answer = self.client("admin").post("/api/v1/devices", json={"kind": "monitor"} | facts)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def reading(self, patient: str, vital: str, at: datetime, value: float | None, seq: int = 1, device_no: int = 1) -> None:
        """A stored reading, as the archive would write it."""
        sql = """INSERT INTO telemetry.reading (patient_no, vital, observed_at, device_no, seq, value, received_at)
                 SELECT no, %s, %s, %s, %s, %s, %s FROM clinical.patient WHERE id = %s"""
        self.sql(sql, BY_NAME[vital].index, at, device_no, seq, value, at, patient)

    def alert(self, patient: str, ward: str = "north", **changes: Any) -> str:
        """A stored alert with one event, as alerts would write it."""
        name, now = str(uuid.uuid4()), datetime.now(UTC)
        started = int((now - timedelta(minutes=1)).timestamp() * 1000)
        body = {
            "id": name, "version": 1, "patient": patient, "ward": ward, "class": "physiological", "priority": "high", "state": "active",
            "rule": "news2", "rule_version": 1, "title": "NEWS2 at least 7", "subject": "", "started_at": started, "ended_at": None,
            "retrospective": False, "evidence": {"lowest": 7}, "delays": {"sensor": started + 30_000, "raised": started + 30_200},
        } | changes  # fmt: skip
        sql = """INSERT INTO alerting.alert (id, version, patient, ward, class, priority, state, rule, started_at, raised_at, partition,
        body, memory)
                 VALUES (%s, 1, %s, %s, %s, %s, %s, %s, %s, %s, 0, %s, '{}')"""
        self.sql(sql, name, patient, ward, body["class"], body["priority"], body["state"], body["rule"], now, now, json.dumps(body))
        event = "INSERT INTO alerting.event (alert, version, at, kind, cause, body) VALUES (%s, 1, %s, 'raised', %s, %s)"
        self.sql(event, name, now, name, json.dumps({"set": {"alert": body}, "reason": "new", "stages": [["dedupe", "first"]]}))
        return name


def environment(
    kafka: str, database: str, broker: Broker, topics: Topics, folder: Path, more: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """What the process reads."""
    key = folder / "key"
    key.write_text(base64.b64encode(os.urandom(32)).decode())
    return {
        **os.environ, "VIGIL_KAFKA": kafka, "VIGIL_DATABASE": database, "VIGIL_MQTT_ADMIN": broker.url("admin"),
        "VIGIL_MQTT_PUBLIC": f"{broker.host}:{broker.port}", "VIGIL_TOPIC_PREFIX": topics.prefix, "VIGIL_KEY_FILE": str(key),
        "VIGIL_MQTT_CERTIFIED": f"{broker.host}:{broker.mtls_port}", "VIGIL_MQTT_CA": str(broker.ca_file or ""),
        "VIGIL_DEVICE_CA": str(broker.devices or ""),
        "VIGIL_HTTP_PORT": str(running.free_port()), "VIGIL_DATA_DIR": str(folder), "VIGIL_LIVE_URL": "ws://127.0.0.1:9/live",
        "VIGIL_FHIR_PORT": str(running.free_port()), "VIGIL_MLLP_BACK_PORT": str(running.free_port()), **more,
    }  # fmt: skip


def running_site(
    kafka: str, database: str, broker: Broker, topics: Topics, folder: Path, more: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Site]:
    """Seeds, starts, waits until ready, yields, stops."""
    environ = environment(kafka, database, broker, topics, folder, more)
    seeded = subprocess.run([sys.executable, "-m", "dashboard_api.seed_main"], env=environ, check=True, capture_output=True)
    log = (folder / "http.log").open("w")
    process = subprocess.Popen([sys.executable, "-m", "dashboard_api.http_main"], env=environ, stderr=log)
    site = Site(
        f"http://127.0.0.1:{environ['VIGIL_HTTP_PORT']}", database, kafka, broker, topics,
        {account["role"]: account["password"] for account in json.loads(seeded.stdout)},
        base64.b64decode(Path(environ["VIGIL_KEY_FILE"]).read_text()), int(environ["VIGIL_FHIR_PORT"]),
        int(environ["VIGIL_MLLP_BACK_PORT"]),
    )  # fmt: skip
    try:
        wait_for(functools.partial(_ready, site.url), 120)
        for ward in ("north", "south"):
            site.client("admin").post("/api/v1/wards", json={"id": ward, "name": ward.title()}).raise_for_status()
        yield site
    finally:
        process.terminate()
        assert process.wait(60) == 0, (folder / "http.log").read_text()
        log.close()


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=TIMEOUT_S, verify=TRUST).status_code == 200
    except httpx.TransportError:
        return False
