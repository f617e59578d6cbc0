"""What a device is told to do, on the real broker: it hears it at once, or when it next listens, until it is revoked."""

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from paho.mqtt.client import CallbackAPIVersion, Client, MQTTMessage
from paho.mqtt.enums import MQTTProtocolVersion

from devices.account import Account
from devices.device import Device
from devices.memory import Known
from devices.mqtt import Door
from tests.integration.dashboard_api_http.site import Site
from tests.waiting import until
from vitals.device_config import DeviceConfig

As = Callable[[str], httpx.Client]


def tell(as_: As, device: str, **wish: Any) -> httpx.Response:
    return as_("admin").put(f"/api/v1/devices/{device}/config", json=wish)


def retained(site: Site, topic: str, username: str, password: str) -> list[bytes]:
    """What who subscribes now is given before its subscription to another topic is answered."""
    heard, done = list[bytes](), threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.username_pw_set(username, password)

    def on_message(_c: Client, _d: Any, message: MQTTMessage) -> None:
        heard.append(message.payload)

    def on_subscribe(c: Client, _d: Any, mid: int, *_: Any) -> None:
        if mid == 1:
            c.subscribe(topic.replace("config", "refused"), qos=1)
        else:
            done.set()

    client.on_message, client.on_subscribe = on_message, on_subscribe
    client.on_connect = lambda c, *_: c.subscribe(topic, qos=1)
    client.connect(site.broker.host, site.broker.port)
    client.loop_start()
    assert done.wait(30)
    client.disconnect()
    client.loop_stop()
    return heard


def test_a_device_that_listens_later_is_told_what_was_last_wanted(site: Site, as_: As) -> None:
    mine = site.device()
    answers = [tell(as_, mine["id"], **wish) for wish in ({"every_s": 5, "waveforms": True}, {"every_s": 0.5})]
    heard = retained(site, mine["topics"]["config"], mine["username"], mine["password"])
    assert [json.loads(message) for message in heard] == [{"version": 2, "every_s": 0.5}]
    assert [(a.status_code, a.json()["version"]) for a in answers] == [(200, 1), (200, 2)]


def test_a_simulated_device_heeds_what_it_is_told_while_it_speaks(site: Site, as_: As, tmp_path: Path) -> None:
    mine = site.device()

    async def life() -> tuple[DeviceConfig, int]:
        account, known = Account(), Known(device=mine["id"], password=mine["password"], patient="p", ward="w")
        device = Device(Door(site.broker.host, site.broker.port), known, account, tmp_path / "box")
        living = asyncio.create_task(device.live())
        await until(lambda: device.up, 60, "the connection")
        (await asyncio.to_thread(tell, as_, mine["id"], every_s=7, waveforms=False)).raise_for_status()
        await until(lambda: device.config.version == 1, 60, "what it is told")
        await device.leave()
        living.cancel()
        return device.config, sum(account.refused.values())

    assert asyncio.run(life()) == (DeviceConfig(version=1, every_s=7, waveforms=False), 0)


def test_what_was_told_is_read_again_by_whom_and_since_when(site: Site, as_: As) -> None:
    device = site.device()["id"]
    before = as_("admin").get(f"/api/v1/devices/{device}/config").json()
    tell(as_, device, waveforms=False).raise_for_status()
    after = as_("admin").get(f"/api/v1/devices/{device}/config").json()
    assert [(c["version"], c["every_s"], c["waveforms"], c["by"]) for c in (before, after)] == [
        (0, None, None, None),
        (1, None, False, "admin"),
    ]


@pytest.mark.parametrize(
    "wish", [{"every_s": 0.1}, {"every_s": 3601}, {"every_s": "5"}, {"waveforms": 1}, {"volume": 11}, {"version": 9}], ids=str
)
def test_what_no_device_could_do_is_a_422_and_not_told(site: Site, as_: As, wish: dict[str, Any]) -> None:
    device = site.device()["id"]
    assert (tell(as_, device, **wish).status_code, as_("admin").get(f"/api/v1/devices/{device}/config").json()["version"]) == (422, 0)


def test_a_revoked_device_is_told_nothing_any_more(site: Site, as_: As) -> None:
    mine = site.device()
    tell(as_, mine["id"], every_s=5).raise_for_status()
    gateway = ("gateway", site.broker.passwords["gateway"])
    before = len(retained(site, mine["topics"]["config"], *gateway))
    as_("admin").delete(f"/api/v1/devices/{mine['id']}").raise_for_status()
    after = len(retained(site, mine["topics"]["config"], *gateway))
    assert (before, after, tell(as_, mine["id"], every_s=5).status_code) == (1, 0, 409)


def test_the_audit_says_what_was_told(site: Site, as_: As) -> None:
    device = site.device()["id"]
    tell(as_, device, every_s=5).raise_for_status()
    entries = as_("auditor").get("/api/v1/audit", params={"actor": "admin", "limit": "20"}).json()["items"]
    said = next(e["detail"] for e in entries if e["action"] == "putDeviceConfig" and e["detail"].get("device") == device)
    assert said["told"] == {"version": 1, "every_s": 5.0}
