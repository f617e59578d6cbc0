"""Secrets and certificates change while a device speaks: nothing that it said is lost."""

import asyncio
import hashlib
import os
import signal
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.parts import certificates
from devices.account import Account
from devices.device import Device
from devices.endpoints import MqttDoor
from devices.memory import Known
from devices.mqtt import Door, certified_door, door
from devices.simulator.sample import encoded
from tests.integration.dashboard_api_http.site import Site
from tests.integration.devices.listening import listening
from tests.waiting import until, wait_for

SAMPLES, EVERY_S, LIFE_S = 300, 0.005, 120.0
CHANGE_AT = {100, 200}
As = Callable[[str], httpx.Client]


def speaks(site: Site, made: dict[str, Any], where: Door, box: Path, change: Callable[[Device], None]) -> tuple[set[int], Account]:
    """A device says SAMPLES samples, and `change` happens twice meanwhile; the samples that came through, and its account."""
    account = Account()
    device = Device(where, Known(device=made["id"], password=made["password"], patient="p", ward="w"), account, box)

    with listening(site.broker, made["id"]) as seqs:
        asyncio.run(asyncio.wait_for(life(device, change), LIFE_S))
        wait_for(lambda: set(seqs) >= set(range(SAMPLES)), 30, "every sample")
    return set(seqs), account


async def life(device: Device, change: Callable[[Device], None]) -> None:
    """It is back from the first change when the second one comes: two in one pause would be one connection."""
    living = asyncio.create_task(device.live())
    for seq in range(SAMPLES):
        if seq in CHANGE_AT:
            await until(lambda: device.up, LIFE_S, "the connection")
            change(device)
        device.say(seq, 1, encoded(seq, 1_700_000_000_000, {"hr": 70}))
        await asyncio.sleep(EVERY_S)  # the device's cadence
    await until(lambda: device.up and not device.unsettled, LIFE_S, "every acknowledgement")
    await device.leave()
    living.cancel()


def mqtt_door(site: Site) -> MqttDoor:
    broker = site.broker
    return MqttDoor(broker.host, broker.port, broker.tls_port, broker.mtls_port, str(broker.ca_file))


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_devices_secret(site: Site, as_: As, tmp_path: Path, tls: bool) -> None:
    made = site.device()

    def change(device: Device) -> None:
        device.renew(password=as_("admin").post(f"/api/v1/devices/{made['id']}/secret").json()["password"])

    came, account = speaks(site, made, door(mqtt_door(site), tls), tmp_path / "box", change)
    assert (came, account.connects) == (set(range(SAMPLES)), 3)


def test_a_devices_certificate(site: Site, as_: As, tmp_path: Path) -> None:
    made, shown = site.device(), list[str]()

    def newest() -> Door:
        answer = as_("admin").post(f"/api/v1/devices/{made['id']}/certificate", json={"days": 1}).json()
        certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
        certificate.write_text(answer["certificate"])
        key.write_text(answer["key"])
        shown.append(answer["serial"])
        return certified_door(mqtt_door(site), certificate, key)

    came, account = speaks(site, made, newest(), tmp_path / "box", lambda device: device.renew(newest()))
    assert (came, account.connects, len(set(shown))) == (set(range(SAMPLES)), 3, 3)


def test_the_brokers_own_certificate(site: Site, tmp_path: Path) -> None:
    made, broker, shown = site.device(), site.broker, list[str]()
    assert broker.ca_file is not None
    folder = broker.ca_file.parent

    def fingerprint() -> str:
        pem = ssl.get_server_certificate((broker.host, broker.tls_port or 0))
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()

    def server_changes(_device: Device) -> None:
        assert broker.running is not None
        before = fingerprint()
        (folder / "server.pem").unlink()
        certificates.ensure(folder, ["localhost", "127.0.0.1"], datetime.now(UTC))
        os.kill(broker.running.pid, signal.SIGHUP)
        shown.append(wait_for(lambda: (now := fingerprint()) != before and now, 20, "the new certificate"))

    came, account = speaks(site, made, door(mqtt_door(site), True), tmp_path / "box", server_changes)
    assert (came, account.connects, len(set(shown))) == (set(range(SAMPLES)), 1, 2)
