"""Locust's users: a device that lives one of the simulator's stories, a dashboard on the live feed, a nurse who reads over HTTP.

In: a `Field` (a running Vigil and its enrolled devices), set before the users begin. Out: locust's events: MQTT (a sample until its
PUBACK), LIVE (a reading's age when a dashboard gets it), HTTP (the API's pages). All in ms.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar

import gevent
import numpy as np
import paho.mqtt.client as paho
from locust import HttpUser, User, between, constant_throughput, task
from paho.mqtt.enums import CallbackAPIVersion

from devices.endpoints import Endpoints
from devices.memory import Known
from devices.simulator import physiology, sample
from devices.simulator.stories import Story, severity, story_of
from loadtests.live import Dashboard

ONSET_S = 10.0


@dataclass(frozen=True, slots=True)
class Field:
    """The Vigil under test: where it is, its devices in the order of the beds, the doctor's token, the wards."""

    ends: Endpoints
    devices: Sequence[Known]
    token: str
    wards: Sequence[str]


class DeviceUser(User):
    """A monitor: one sample a second, QoS 1."""

    field: ClassVar[Field]
    places: ClassVar[Any] = count()
    wait_time = constant_throughput(1)

    def on_start(self) -> None:
        """Connects as an enrolled device."""
        place = next(self.places)
        self.known = self.field.devices[place % len(self.field.devices)]
        self.story: Story = story_of("ward", place)
        self.bodies, self.rng = physiology.born([self.story], place), np.random.default_rng(place)
        self.began, self.sent = time.monotonic(), dict[int, float]()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, self.known.device, protocol=paho.MQTTv5)
        self.client.username_pw_set(self.known.device, self.known.password)
        self.client.on_publish = self._acknowledged
        self.client.connect(self.field.ends.mqtt.host, self.field.ends.mqtt.port or 1883)
        self.client.loop_start()

    def on_stop(self) -> None:
        """Waits for the last PUBACKs, a while; what is still open then is a failure."""
        until = time.monotonic() + 5.0
        while self.sent and time.monotonic() < until:
            gevent.sleep(0.05)
        for begun in self.sent.values():
            self._fire("MQTT", "sample", time.monotonic() - begun, TimeoutError("no PUBACK"))
        self.client.disconnect()
        self.client.loop_stop()

    @task
    def say(self) -> None:
        """The next sample of the story."""
        s = severity(self.story, time.monotonic() - self.began - ONSET_S)
        drift = physiology.drifted(self.story, s)[np.newaxis, :]
        self.bodies, rows = physiology.step(self.bodies, self.rng.normal(size=(1, 6)), 1.0, 12.0, drift)
        self.known.next_seq += 1
        payload = sample.encoded(self.known.next_seq, time.time_ns() // 1_000_000, sample.six(rows[0]))
        begun = time.monotonic()
        info = self.client.publish(f"vigil/v1/{self.known.device}/vitals", payload, 1)
        if info.rc == paho.MQTT_ERR_SUCCESS:
            self.sent[info.mid] = begun
        else:
            self._fire("MQTT", "sample", 0.0, ConnectionError(paho.error_string(info.rc)))

    def _acknowledged(self, _client: paho.Client, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        if (begun := self.sent.pop(mid, None)) is not None:
            self._fire("MQTT", "sample", time.monotonic() - begun)

    def _fire(self, kind: str, name: str, seconds: float, error: Exception | None = None) -> None:
        self.environment.events.request.fire(
            request_type=kind, name=name, response_time=seconds * 1000, response_length=0, exception=error, context={}
        )


class DashboardUser(User):
    """A ward's screen. It takes what comes; `heard` counts it."""

    field: ClassVar[Field]
    places: ClassVar[Any] = count()
    wait_time = constant_throughput(1)

    def on_start(self) -> None:
        """Opens the feed of one ward, another for each user."""
        ward = self.field.wards[next(self.places) % len(self.field.wards)]
        self.screen = Dashboard(self.field.ends.live, self.field.token, [ward], self._heard)
        self.screen.start()

    def on_stop(self) -> None:
        """Closes it."""
        self.screen.end()

    @task
    def look(self) -> None:
        """A screen that is gone is a failure, and is opened again."""
        if not self.screen.is_alive():
            self._fire(0.0, ConnectionError("the feed closed"))
            self.on_start()

    def _heard(self, ages: list[float]) -> None:
        for age in ages:
            self._fire(age)

    def _fire(self, ms: float, error: Exception | None = None) -> None:
        self.environment.events.request.fire(
            request_type="LIVE", name="reading", response_time=ms, response_length=0, exception=error, context={}
        )


class ReaderUser(HttpUser):
    """A person with the page open: lists, a history, a score, the alerts."""

    field: ClassVar[Field]
    wait_time = between(1, 3)

    def on_start(self) -> None:
        """As the doctor."""
        self.client.headers["Authorization"] = f"Bearer {self.field.token}"
        self.rng = np.random.default_rng()

    def _patient(self) -> str:
        return self.field.devices[int(self.rng.integers(len(self.field.devices)))].patient

    def _get(self, path: str, name: str) -> None:
        self.client.request("GET", f"/api/v1{path}", name=name).close()

    @task(3)
    def alerts(self) -> None:
        """What is open."""
        self._get("/alerts?state=open&limit=50", "alerts")

    @task(2)
    def history(self) -> None:
        """Two vitals of one patient."""
        self._get(f"/patients/{self._patient()}/vitals?vital=hr,spo2", "vitals")

    @task(2)
    def score(self) -> None:
        """NEWS2 of one patient."""
        self._get(f"/patients/{self._patient()}/score", "score")

    @task(1)
    def patients(self) -> None:
        """The list."""
        self._get("/patients?limit=50", "patients")


USERS = (DeviceUser, DashboardUser, ReaderUser)
