"""Devices on the real broker: each is itself and nothing else; an assignment is one patient at a time."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from paho.mqtt.client import CallbackAPIVersion, Client
from paho.mqtt.enums import MQTTProtocolVersion

from tests.integration.dashboard_api_http.site import Site
from tests.waiting import wait_for

As = Callable[[str], httpx.Client]
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(autouse=True)
def present() -> None:
    """NOW at each test: a long run imports its tests many minutes before it gets to them."""
    globals()["NOW"] = datetime.now(UTC).replace(microsecond=0)


class Connected:
    """A device on the broker, and what happened to it."""

    def __init__(self, site: Site, username: str, password: str) -> None:
        self.reason: list[str] = []
        self.acks: dict[int, bool] = {}
        self.closed = threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2, username, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False)
        self.client.username_pw_set(username, password)
        self.client.on_connect = lambda _c, _d, _f, reason, _p: self.reason.append(str(reason))
        self.client.on_publish = lambda _c, _d, mid, reason, _p: self.acks.__setitem__(mid, not reason.is_failure)
        self.client.on_disconnect = lambda *_: self.closed.set()
        self.client.connect(site.broker.host, site.broker.port)
        self.client.loop_start()
        wait_for(lambda: self.reason or self.closed.is_set(), 30, "the broker's answer")

    def may_publish(self, topic: str) -> bool:
        """Whether the broker took it."""
        mid = self.client.publish(topic, b"{}", qos=1).mid
        wait_for(lambda: mid in self.acks, 30, "the broker's acknowledgement")
        return self.acks[mid]

    def stop(self) -> None:
        """Leaves."""
        self.client.disconnect()
        self.client.loop_stop()


def test_a_device_may_publish_as_itself_only(site: Site) -> None:
    mine, other = site.device(), site.device()
    device = Connected(site, mine["username"], mine["password"])
    wanted = [
        mine["topics"]["vitals"],
        mine["topics"]["status"],
        other["topics"]["vitals"],
        mine["topics"]["refused"],
        "vigil/v1/gateways/x/vitals",
    ]
    allowed = [device.may_publish(topic) for topic in wanted]
    device.stop()
    assert allowed == [True, True, False, False, False]


def test_a_gateway_speaks_on_the_gateways_topic(site: Site) -> None:
    mine = site.device(kind="gateway")
    device = Connected(site, mine["username"], mine["password"])
    allowed = [device.may_publish(topic) for topic in (f"vigil/v1/gateways/{mine['id']}/vitals", f"vigil/v1/{mine['id']}/vitals")]
    device.stop()
    assert allowed == [True, False]


def test_a_wrong_password_is_not_let_in(site: Site) -> None:
    device = Connected(site, site.device()["username"], "wrong")
    device.stop()
    assert device.reason == ["Not authorized"]


def test_a_revoked_device_is_cut_off_at_once_and_cannot_come_back(site: Site, as_: As) -> None:
    mine = site.device()
    device = Connected(site, mine["username"], mine["password"])
    as_("admin").delete(f"/api/v1/devices/{mine['id']}").raise_for_status()
    assert device.closed.wait(30)
    again = Connected(site, mine["username"], mine["password"])
    again.stop()
    assert again.reason == ["Not authorized"]


def test_a_new_secret_replaces_the_old_one(site: Site, as_: As) -> None:
    mine = site.device()
    fresh = as_("admin").post(f"/api/v1/devices/{mine['id']}/secret").json()
    tried = [Connected(site, mine["username"], password) for password in (mine["password"], fresh["password"])]
    for device in tried:
        device.stop()
    assert [device.reason for device in tried] == [["Not authorized"], ["Success"]]


def test_the_same_key_enrols_one_device(site: Site, as_: As) -> None:
    answers = [as_("admin").post("/api/v1/devices", json={"kind": "cgm"}, headers={"Idempotency-Key": "enrol-1"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    other = as_("admin").post("/api/v1/devices", json={"kind": "ecg"}, headers={"Idempotency-Key": "enrol-1"})
    assert other.status_code == 422


def test_what_is_answered_again_has_the_headers_of_the_first_time(as_: As) -> None:
    asked = {"json": {"kind": "cgm"}, "headers": {"Idempotency-Key": "enrol-3"}}
    first, again = ({**as_("admin").post("/api/v1/devices", **asked).headers} for _ in range(2))
    named = ("location", "content-type", "cache-control")
    assert ([again[n] for n in named], again["idempotent-replayed"]) == ([first[n] for n in named], "true")


def test_the_stored_answer_does_not_show_the_secret(site: Site, as_: As) -> None:
    answer = as_("admin").post("/api/v1/devices", json={"kind": "cgm"}, headers={"Idempotency-Key": "enrol-2"}).json()
    stored = site.sql("SELECT answer FROM access.idempotency WHERE key = 'enrol-2'")[0][0]
    assert answer["password"].encode() not in bytes(stored)


def test_who_wore_a_device_on_a_ward_out_of_reach_is_not_told(site: Site, as_: As) -> None:
    device, south, north, now = site.device()["id"], site.patient("south")["id"], site.patient("north")["id"], datetime.now(UTC)
    assign(site, device, south, now - timedelta(hours=2), now - timedelta(hours=1)).raise_for_status()
    assign(site, device, north, now - timedelta(hours=1)).raise_for_status()
    seen = {role: as_(role).get(f"/api/v1/devices/{device}/assignments").json()["items"] for role in ("nurse", "admin")}
    assert {role: [a["patient_id"] for a in items] for role, items in seen.items()} == {"nurse": [north], "admin": [north, south]}


@pytest.mark.parametrize("body", [{"kind": "monitor", "ward": "nowhere"}, {"kind": "monitor", "gateway": "nobody"}, {}, {"kind": ""}])
def test_a_device_of_nowhere_is_a_422(as_: As, body: dict[str, str]) -> None:
    assert as_("admin").post("/api/v1/devices", json=body).status_code == 422


def assign(site: Site, device: str, patient: str, since: datetime, to: datetime | None = None) -> httpx.Response:
    body = {"patient_id": patient, "from": since.isoformat()} | ({"to": to.isoformat()} if to else {})
    return site.client("admin").post(f"/api/v1/devices/{device}/assignments", json=body)


def test_a_device_is_on_one_patient_at_a_time(site: Site) -> None:
    device, one, two = site.device()["id"], site.patient()["id"], site.patient()["id"]
    hour = timedelta(hours=1)
    answers = [
        assign(site, device, one, NOW, NOW + hour),
        assign(site, device, two, NOW + hour / 2),
        assign(site, device, two, NOW + hour),
        assign(site, device, one, NOW - hour, NOW),
    ]
    assert [(a.status_code, a.json().get("n")) for a in answers] == [(201, 1), (409, None), (201, 2), (201, 3)]


def test_an_assignment_that_ends_before_it_begins_is_a_422(site: Site) -> None:
    assert assign(site, site.device()["id"], site.patient()["id"], NOW, NOW - timedelta(hours=1)).status_code == 422


def test_a_correction_moves_the_readings_and_says_how_many(site: Site, as_: As) -> None:
    device, wrong, right = site.device()["id"], site.patient()["id"], site.patient()["id"]
    since = NOW - timedelta(hours=1)
    assign(site, device, wrong, since).raise_for_status()
    number = site.sql("SELECT no FROM clinical.device WHERE id = %s", device)[0][0]
    for minute in range(5):
        site.reading(wrong, "hr", since + timedelta(minutes=minute), 70, seq=minute, device_no=number)
    answer = as_("admin").patch(f"/api/v1/devices/{device}/assignments/1", json={"patient_id": right})
    counts = [_points(as_, patient, since) for patient in (wrong, right)]
    assert (answer.status_code, answer.json()["changed"]["readings"], counts) == (200, 5, [0, 5])


def _points(as_: As, patient: str, since: datetime) -> int:
    query: dict[str, Any] = {"vital": "hr", "resolution": "raw", "from": (since - timedelta(minutes=1)).isoformat()}
    return len(as_("doctor").get(f"/api/v1/patients/{patient}/vitals", params=query).json()["series"][0]["points"])


def test_the_list_says_on_whom_a_device_is_and_how_its_link_is(site: Site, as_: As) -> None:
    device, patient = site.device()["id"], site.patient()["id"]
    assign(site, device, patient, NOW - timedelta(hours=1)).raise_for_status()
    site.sql("INSERT INTO telemetry.link (device, state, battery, at) VALUES (%s, 'online', 0.5, now())", device)
    found = as_("nurse").get(f"/api/v1/devices?patient={patient}").json()["items"]
    assert [(d["id"], d["patient"], d["link"]["state"]) for d in found] == [(device, patient, "online")]


def test_a_devices_clock_is_as_the_gateway_last_noted_it(site: Site, as_: As) -> None:
    device = site.device()["id"]
    for minute, skew in ((1, 0), (2, -600_000)):
        at = NOW + timedelta(minutes=minute)
        site.sql("INSERT INTO clinical.clock VALUES (%s, %s, %s, %s, 30, 'gateway')", device, at, skew, -skew)
    clock = as_("admin").get(f"/api/v1/devices/{device}").json()["clock"]
    assert (clock["skew_ms"], clock["clock_ms"]) == (-600_000, 600_000)


def test_a_patients_devices_are_told_also_those_that_left(site: Site, as_: As) -> None:
    patient, devices = site.patient()["id"], [site.device()["id"] for _ in range(2)]
    spans = ((NOW - timedelta(hours=2), NOW - timedelta(hours=1)), (NOW - timedelta(hours=1), None))
    for device, (since, to) in zip(devices, spans, strict=True):
        body = {"patient_id": patient, "from": since.isoformat(), "to": to.isoformat() if to else None}
        as_("admin").post(f"/api/v1/devices/{device}/assignments", json=body).raise_for_status()
    worn = as_("doctor").get(f"/api/v1/patients/{patient}/assignments").json()["items"]
    assert [(w["device"], w["to"] is None) for w in worn] == [(devices[1], True), (devices[0], False)]
