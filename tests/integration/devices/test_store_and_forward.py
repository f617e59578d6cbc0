"""A device on a real broker: what it says arrives once or more, in spite of breaks, and the outbox empties."""

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.parts.mosquitto import Broker
from devices.account import Account
from devices.device import Device
from devices.memory import Known
from devices.mqtt import Door
from tests.integration.devices.listening import listening
from tests.integration.devices.talking import talks
from tests.waiting import wait_for


def played(broker: Broker, device_id: str, password: str, box: Path, away: range) -> Account:
    """Forty samples, of which those in `away` are said while the device is cut off."""
    account = Account()
    device = Device(Door(broker.host, broker.port), Known(device=device_id, password=password, patient="p", ward="w"), account, box)

    def cut_off(seq: int) -> None:
        device.away = seq in away

    asyncio.run(talks(device, 40, 0.01, cut_off))
    return account


@pytest.mark.parametrize("away", [range(0), range(10, 30)], ids=["always there", "away for a while"])
def test_every_sample_arrives_and_the_outbox_is_empty(
    mosquitto: Broker, device_account: Callable[[str], str], tmp_path: Path, away: range
) -> None:
    device_id = f"dev-{uuid.uuid4().hex[:12]}"
    with listening(mosquitto, device_id) as seqs:
        account = played(mosquitto, device_id, device_account(device_id), tmp_path / "box", away)
        wait_for(lambda: set(seqs) >= set(range(40)), 30)
    unanswered = account.messages - account.acked - account.resent  # what was on its way at a break was said again
    assert (account.samples, unanswered, (tmp_path / "box").exists()) == (40, 0, False)
