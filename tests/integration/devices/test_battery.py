"""A device whose battery runs flat on a real broker: what detection says of it when it is gone."""

import asyncio
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from deploy.parts.mosquitto import Broker
from devices.account import Account
from devices.device import Device
from devices.memory import Known
from devices.mqtt import Door
from ingest import directory
from ingest.gather import Message
from ingest.seen import Seen
from ingest.translate import translate
from tests.integration.devices.listening import listening_to_status
from tests.unit.streams.detect.readings import T0
from tests.unit.streams.detect.test_worker_parts import TOPICS, record, worker
from tests.waiting import until, wait_for

LONG_S = 120.0


async def runs_flat(broker: Broker, known: Known, box: Path) -> None:
    """It connects fully charged, says that it is nearly empty, and is gone."""
    device = Device(Door(broker.host, broker.port), known, Account(), box)
    living = asyncio.create_task(device.live())
    async with asyncio.timeout(LONG_S):
        await until(lambda: device.up and not device.unsettled, LONG_S, "the connection")
        device.battery = 0.02
        device.status()
        await until(lambda: not device.unsettled, LONG_S, "the acknowledgement")
        device.away = True
        await until(lambda: not device.up, LONG_S, "the end")
    living.cancel()


def detected(device: str, said: list[dict[str, Any]]) -> list[tuple[str, str, str | None]]:
    """(rule, phase, cause) of a device that was heard for twenty seconds before it said this, and then no more."""
    who = directory.directory([directory.Device(device)], [directory.Assignment(device, "p", 0)], {}, 4, T0 + 60_000)
    topic, detection, out = f"vigil/v1/{device}/status".encode(), *worker()
    asyncio.run(detection.take(0, [record([("p", device, n, T0 + n * 1000, {"hr": 80.0}) for n in range(20)])], T0 + 19_000))
    messages = [Message(topic, json.dumps(body).encode(), T0 + 20_000 + n) for n, body in enumerate(said)]
    for link in translate(messages, who, Seen()).links:
        detection.context(TOPICS.links, msgspec.json.encode(link), link.at)
    detection.tick(0, T0 + 41_000)
    return [(f.rule, f.phase, f.evidence.get("cause")) for f in out.said]


def test_a_flat_battery_stays_told_when_the_device_is_gone_and_is_the_cause_of_its_silence(
    mosquitto: Broker, device_account: Callable[[str], str], tmp_path: Path
) -> None:
    device = f"dev-{uuid.uuid4().hex[:12]}"
    known = Known(device=device, password=device_account(device), patient="p", ward="w")
    with listening_to_status(mosquitto, device) as said:
        asyncio.run(runs_flat(mosquitto, known, tmp_path / "box"))
        wait_for(lambda: said and said[-1]["state"] == "offline", 30, "the will")
    assert detected(device, said) == [("battery", "start", None), ("silence", "start", "battery")]
