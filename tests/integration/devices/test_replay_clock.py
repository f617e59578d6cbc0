"""A recording is played through its devices no faster than its times come."""

import asyncio
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from deploy.parts.mosquitto import Broker
from devices.account import Account
from devices.device import Device
from devices.memory import Known
from devices.mqtt import Door
from devices.replay.player import play
from devices.replay.recording import Entry
from tests.integration.devices.listening import listening
from tests.waiting import wait_for


def test_nothing_is_said_before_its_time_has_come_however_fast_it_is_played(
    mosquitto: Broker, device_account: Callable[[str], str], tmp_path: Path
) -> None:
    name, now = f"dev-{uuid.uuid4().hex[:12]}", round(time.time() * 1000)
    known = Known(device=name, password=device_account(name), patient="p", ward="w", shift_ms=now)
    device = Device(Door(mosquitto.host, mosquitto.port), known, Account(), tmp_path / "box")
    entries = [Entry("s", "monitor", 1, -1000, {"hr": 70}), Entry("s", "monitor", 2, 2000, {"hr": 71})]
    with listening(mosquitto, name) as seqs:
        asyncio.run(play(entries, {("s", "monitor"): device}, None, lambda: round(time.time() * 1000)))
        assert time.time() * 1000 >= now + 2000
        wait_for(lambda: seqs == [1, 2], 10)
