"""A device of a test's own, enrolled over HTTP, that says over MQTT whatever it is told to say, and hears what was refused."""

import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.e2e.vigils import Running


@dataclass(slots=True)
class Bench:
    """`device` on `patient`; `heard`: the notices on its refused topic."""

    device: str
    patient: str
    topics: dict[str, str]
    client: mqtt.Client
    heard: "queue.Queue[dict[str, Any]]" = field(default_factory=queue.Queue)

    def say(self, payload: bytes, topic: str | None = None) -> None:
        """Publishes with QoS 1 and waits for the PUBACK."""
        info = self.client.publish(topic or self.topics["vitals"], payload, 1)
        info.wait_for_publish(30)
        assert info.is_published(), "no PUBACK"

    def reasons(self, count: int, deadline_s: float = 60.0) -> list[str]:
        """The reasons of the next notices, at most `count`, sorted."""
        until, found = time.monotonic() + deadline_s, []
        while len(found) < count and (left := until - time.monotonic()) > 0:
            try:
                found.append(self.heard.get(timeout=left)["reason"])
            except queue.Empty:
                break
        return sorted(found)

    def hears(self, reason: str, deadline_s: float = 60.0) -> bool:
        """Whether a notice with that reason comes; what else came before it is let go."""
        until = time.monotonic() + deadline_s
        while (left := until - time.monotonic()) > 0:
            if self.reasons(1, left) == [reason]:
                return True
        return False


@contextmanager
def bench_device(vigil: Running, mrn: str, kind: str = "monitor") -> Iterator[Bench]:
    """A new device, on a new patient since the year 1980, connected."""
    person = {"mrn": mrn, "name": "Test Bench", "birth_date": "1960-02-03", "sex": "other", "ward": "north"}
    patient = vigil.ask("admin", "POST", "/patients", person)["id"]
    made = vigil.ask("admin", "POST", "/devices", {"kind": kind, "ward": "north"})
    if kind != "gateway":
        vigil.ask("admin", "POST", f"/devices/{made['id']}/assignments", {"patient_id": patient, "from": "1960-02-03T00:00:00Z"})
    with speaking(vigil, made, patient) as bench:
        yield bench


@contextmanager
def speaking(vigil: Running, made: dict[str, Any], patient: str) -> Iterator[Bench]:
    """The device that enrolment `made`, connected."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, made["id"], protocol=mqtt.MQTTv5)
    client.username_pw_set(made["username"], made["password"])
    bench, ready = Bench(made["id"], patient, made["topics"], client), threading.Event()
    client.on_message = lambda _c, _u, message: bench.heard.put(json.loads(message.payload))
    client.on_connect = lambda c, *_: c.subscribe(made["topics"]["refused"], 1)
    client.on_subscribe = lambda *_: ready.set()
    client.connect(vigil.endpoints["mqtt"]["host"], vigil.endpoints["mqtt"]["port"])
    client.loop_start()
    assert ready.wait(60), "the device was not let in"
    yield bench
    client.disconnect()
    client.loop_stop()
