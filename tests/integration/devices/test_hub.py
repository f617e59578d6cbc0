"""A hub on a real broker: what its members say arrives, in spite of breaks on either side of the hub, and the outbox empties."""

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path

from deploy.parts.mosquitto import Broker
from devices.account import Account
from devices.hub import Hub, Member
from devices.memory import Known
from devices.mqtt import Door
from devices.simulator.sample import encoded
from tests.integration.devices.listening import listening_to_hub, tell
from tests.waiting import until, wait_for

EVERY_S = 0.02


def played(broker: Broker, hub_id: str, password: str, box: Path) -> Account:
    """Forty samples of two members, of which the hub is cut off from the broker for some, and a member from the hub for some."""

    async def life() -> Account:
        account = Account()
        hub = Hub(Door(broker.host, broker.port), Known(device=hub_id, password=password, patient="", ward="w"), account, box)
        members = [Member(hub, Known(device=f"dev-{n}", password="", patient="p", ward="w")) for n in range(2)]
        living = asyncio.create_task(hub.live())
        async with asyncio.timeout(120):
            await until(lambda: hub.up, 120, "the connection")
            for seq in range(40):
                members[1].away = 5 <= seq < 15
                members[seq % 2].say(seq, 1, encoded(seq, 1_700_000_000_000, {"hr": 70}))
                if seq == 25:
                    hub.cut()
                await asyncio.sleep(EVERY_S)  # the device's cadence
            await until(lambda: hub.up and not hub.unsettled, 120, "every acknowledgement")
            await asyncio.to_thread(tell, broker, hub_id, "implausible")
            await until(lambda: account.refused, 120, "the notice of a refusal")
            await hub.leave()
        living.cancel()
        return account

    return asyncio.run(life())


def test_a_hubs_members_are_all_heard_in_spite_of_breaks(mosquitto: Broker, device_account: Callable[[str], str], tmp_path: Path) -> None:
    hub_id = f"dev-{uuid.uuid4().hex[:12]}"
    with listening_to_hub(mosquitto, hub_id) as said:
        account = played(mosquitto, hub_id, device_account(hub_id), tmp_path / "box")
        wait_for(lambda: said == {(f"dev-{seq % 2}", seq) for seq in range(40)}, 30)
    assert (account.samples, account.connects, (tmp_path / "box").exists()) == (40, 2, False)
    assert account.refused == {"implausible": 1}
