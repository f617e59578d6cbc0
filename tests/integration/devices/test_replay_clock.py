"""A recording that is moved to now is said no sooner than its times come; one that keeps its times is said as it is."""

import asyncio
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.parts.mosquitto import Broker
from devices.account import Account
from devices.device import Device
from devices.memory import Known
from devices.mqtt import Door
from devices.replay.player import Clock, play
from devices.replay.recording import Entry
from tests.integration.devices.listening import listening
from tests.waiting import wait_for

CENTURY_MS = 3_155_760_000_000


def now_ms() -> int:
    return round(time.time() * 1000)


@pytest.mark.parametrize(
    ("last_ms", "clock", "least_ms"), [(2000, now_ms, 2000), (CENTURY_MS, None, 0)], ids=["moved to now", "as recorded"]
)
def test_nothing_that_is_moved_to_now_is_said_before_its_time_however_fast_it_is_played(
    mosquitto: Broker, device_account: Callable[[str], str], tmp_path: Path, last_ms: int, clock: Clock, least_ms: int
) -> None:
    name, now = f"dev-{uuid.uuid4().hex[:12]}", now_ms()
    known = Known(device=name, password=device_account(name), patient="p", ward="w", shift_ms=now)
    device = Device(Door(mosquitto.host, mosquitto.port), known, Account(), tmp_path / "box")
    entries = [Entry("s", "monitor", 1, -1000, {"hr": 70}), Entry("s", "monitor", 2, last_ms, {"hr": 71})]
    with listening(mosquitto, name) as seqs:
        asyncio.run(play(entries, {("s", "monitor"): device}, None, clock))
        assert now_ms() >= now + least_ms
        wait_for(lambda: seqs == [1, 2], 30)
