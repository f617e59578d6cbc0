"""A ward on real servers for the live feed's tests: accounts and patients in the database, records on Kafka, the feed's own process."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import psycopg
from confluent_kafka import Producer
from websockets.sync.client import ClientConnection, connect

from dashboard_api import keys, tokens
from deploy.parts.running import free_port
from tests.waiting import wait_for
from tests.web import TRUST
from vitals import batch, registry
from vitals.alert import Alert, Delays
from vitals.context import PatientContext
from vitals.link import Link
from vitals.score import ScoreInput, ScoreUpdate
from vitals.topics import Topics, partition_of

PARTITIONS = 4
SECRET = bytes(range(32))
PATIENCE_S = 30.0
"""For what comes within milliseconds on a machine that has nothing else to do."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class Stage:
    """Everything a test says to the feed from outside."""

    kafka: str
    database: str
    topics: Topics
    folder: Path
    producer: Producer = field(init=False)
    seq: int = 0

    def __post_init__(self) -> None:
        self.producer = Producer({"bootstrap.servers": self.kafka, "linger.ms": 0})
        self.key_file = self.folder / "key"
        self.key_file.write_text(base64.b64encode(SECRET).decode())
        self.key = keys.derive(SECRET).token

    def do(self, sql: str, *values: object) -> list[Any]:
        with psycopg.connect(self.database, autocommit=True) as connection:
            cursor = connection.execute(sql.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def ward(self, *ids: str) -> None:
        for ward in ids:
            self.do("INSERT INTO clinical.ward (id, name) VALUES (%s, %s) ON CONFLICT DO NOTHING", ward, f"Ward {ward}")

    def patient(self, ward: str, bed: str = "1") -> str:
        """A patient in the database and on the topic `patients`."""
        patient = str(uuid.uuid4())
        self.ward(ward)
        self.do("INSERT INTO clinical.patient (id, ward, bed) VALUES (%s, %s, %s)", patient, ward, bed)
        self.context(patient, ward, 1, bed)
        return patient

    def context(self, patient: str, ward: str, version: int, bed: str = "1", active: bool = True) -> None:
        self.send(self.topics.patients, patient, PatientContext(patient=patient, version=version, ward=ward, bed=bed, active=active))

    def account(self, username: str, role: str, wards: tuple[str, ...] = (), patient: str | None = None, all_wards: bool = False) -> str:
        """An account with a session; returns a token."""
        self.do(
            "INSERT INTO access.account (username, role, password_hash, wards, patient, all_wards) VALUES (%s, %s, '', %s, %s, %s)",
            username, role, list(wards), patient, all_wards,
        )  # fmt: skip
        self.do(
            "INSERT INTO access.session (id, username, refresh_digest, created_at, expires_at) "
            "VALUES (%s, %s, '', now(), now() + interval '1 day')",
            f"s-{username}", username,
        )  # fmt: skip
        return self.token(username)

    def token(self, username: str, issued_s_ago: float = 0) -> str:
        return tokens.issue(self.key, username, f"s-{username}", time.time() - issued_s_ago)

    def send(self, topic: str, key: str, record: Any) -> None:
        """One JSON record on the partition of `key`, acknowledged."""
        self.producer.produce(topic, msgspec.json.encode(record), key=key, partition=partition_of(key, PARTITIONS))
        assert self.producer.flush(PATIENCE_S) == 0

    def sample(self, patient: str, at: int | None = None, flush: bool = True, **values: float | None) -> None:
        """One sample on Kafka; None = the device says no value."""
        self.seq += 1
        at = now_ms() if at is None else at
        row, grade, absent = np.full((1, registry.V), np.nan), np.full((1, registry.V), np.nan, np.float32), 0
        for name, value in values.items():
            if value is None:
                absent |= 1 << registry.index(name)
            else:
                row[0, registry.index(name)] = value
        zero = np.zeros(1, np.int32)
        times = np.array([self.seq]), np.array([at]), np.array([at])
        one = batch.Batch((patient,), zero, (f"dev-{patient[:8]}",), zero, *times, zero, row, grade, np.array([absent], np.uint32))
        headers = [("schema", batch.SCHEMA_ID)]
        self.producer.produce(self.topics.readings, batch.encode(one), partition=partition_of(patient, PARTITIONS), headers=headers)
        assert not flush or self.producer.flush(PATIENCE_S) == 0

    def samples(self, patients: list[str], **values: float | None) -> None:
        """One sample of each, sent together."""
        for patient in patients:
            self.sample(patient, flush=False, **values)
        assert self.producer.flush(PATIENCE_S) == 0

    def alert(self, patient: str, ward: str, version: int = 1, known: str | None = None, **more: Any) -> str:
        alert, at = known or str(uuid.uuid4()), now_ms()
        fields: dict[str, Any] = {
            "id": alert, "version": version, "patient": patient, "ward": ward, "alert_class": "physiological", "priority": "high",
            "state": "active", "rule": "limit.spo2", "rule_version": 1, "title": "SpO2 low", "subject": "spo2",
            "started_at": at, "ended_at": None, "retrospective": False, "evidence": {"value": 84}, "delays": Delays(sensor=at, raised=at),
        }  # fmt: skip
        self.send(self.topics.alerts, patient, Alert(**(fields | more)))
        return alert

    def score(self, patient: str, lowest: int, highest: int, tier: Any = "medium", at: int | None = None) -> None:
        at = now_ms() if at is None else at
        inputs = {"rr": ScoreInput(value=24, points=2, observed_at=at), "temp": ScoreInput()}
        update = ScoreUpdate(patient=patient, at=at, lowest=lowest, highest=highest, tier=tier, scale=1, inputs=inputs)
        self.send(self.topics.scores, patient, update)

    def link(self, patient: str, device: str, state: Any = "online", battery: float = 0.8) -> None:
        link = Link(device=device, state=state, at=now_ms(), battery=battery, patient=patient, kind="monitor")
        self.send(self.topics.links, device, link)

    @contextmanager
    def feed(self, port: int | None = None, database: str | None = None) -> Iterator["Feed"]:
        """A live feed's process, ready."""
        feed = Feed(self, port or free_port(), database or self.database)
        try:
            feed.wait_ready()
            yield feed
        finally:
            feed.stop()


class Feed:
    """A running `python -m dashboard_api.live_main`."""

    def __init__(self, stage: Stage, port: int, database: str) -> None:
        self.port = port
        self.metrics = free_port()
        env = os.environ | {
            "VIGIL_KAFKA": stage.kafka, "VIGIL_DATABASE": database, "VIGIL_TOPIC_PREFIX": stage.topics.prefix,
            "VIGIL_LIVE_PORT": str(port), "VIGIL_METRICS_PORT": str(self.metrics), "VIGIL_KEY_FILE": str(stage.key_file),
        }  # fmt: skip
        self.log = (stage.folder / f"live-{port}.log").open("ab")
        self.process = subprocess.Popen([sys.executable, "-m", "dashboard_api.live_main"], env=env, stderr=self.log)

    def wait_ready(self) -> None:
        wait_for(self._healthy, 90, "the live feed to be ready")

    def stop(self, how: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(60)
        self.log.close()
        return code

    def _healthy(self) -> bool:
        assert self.process.poll() is None, "the live feed has died"
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=5, verify=TRUST).status_code == 200
        except httpx.TransportError:
            return False

    @contextmanager
    def reader(self, token: str | None = None, **subscription: Any) -> Iterator["Reader"]:
        """A connection; with a token it has said auth, with a subscription it has subscribed."""
        with connect(f"ws://127.0.0.1:{self.port}/live", subprotocols=["vigil.v1"], compression=None, max_size=None) as socket:  # type: ignore[list-item]  # plain names
            reader = Reader(socket)
            if token is not None:
                reader.say(type="auth", token=token)
            if subscription:
                reader.say(type="subscribe", **subscription)
            yield reader


class Reader:
    """A dashboard that remembers all it was told."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[dict[str, Any]] = []

    def say(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def next(self, wanted: Callable[[dict[str, Any]], bool], deadline_s: float = PATIENCE_S) -> dict[str, Any]:
        """The next message that is `wanted`; all before it are remembered too."""
        until = time.monotonic() + deadline_s
        while True:
            message = json.loads(self.socket.recv(max(0.01, until - time.monotonic())))
            self.heard.append(message)
            if wanted(message):
                return message

    def a(self, type: str, deadline_s: float = PATIENCE_S) -> dict[str, Any]:
        return self.next(lambda m: m["type"] == type, deadline_s)

    def of(self, patient: str, wanted: Callable[[dict[str, Any]], bool], deadline_s: float = PATIENCE_S) -> dict[str, Any]:
        """The next part of `patient`, in a snapshot or delta, that is `wanted`."""
        parts: list[dict[str, Any]] = []

        def here(message: dict[str, Any]) -> bool:
            parts[:] = [p for p in message.get("patients", []) if p["id"] == patient and wanted(p)]
            return bool(parts)

        self.next(here, deadline_s)
        return parts[0]
