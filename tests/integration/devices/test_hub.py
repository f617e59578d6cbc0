"""A hub on a real broker: what its members say arrives, in spite of breaks on either side of the hub, and the outbox empties."""

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from deploy.parts.mosquitto import Broker
from devices.account import Account
from devices.hub import Hub, Member
from devices.memory import Known
from devices.mqtt import Door
from devices.simulator.sample import encoded
from tests.waiting import wait_for


@contextmanager
def listening(broker: Broker, hub: str) -> Iterator[set[tuple[str, int]]]:
    """(member, number) of what the broker passes on to the gateway's account."""
    said, ready = set[tuple[str, int]](), list[bool]()

    def heard(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        said.update((member, s["seq"]) for member, samples in json.loads(message.payload)["devices"].items() for s in samples)

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.username_pw_set("gateway", broker.passwords["gateway"])
    client.on_message = heard
    client.on_connect = lambda c, *_: c.subscribe(f"vigil/v1/gateways/{hub}/vitals", 1)
    client.on_subscribe = lambda *_: ready.append(True)
    client.connect(broker.host, broker.port)
    client.loop_start()
    wait_for(lambda: ready, 10, "the subscription")
    yield said
    client.disconnect()
    client.loop_stop()


def played(broker: Broker, hub_id: str, password: str, box: Path) -> Account:
    """Forty samples of two members, of which the hub is cut off from the broker for some, and a member from the hub for some."""

    async def life() -> Account:
        account = Account()
        hub = Hub(Door(broker.host, broker.port), Known(device=hub_id, password=password, patient="", ward="w"), account, box)
        members = [Member(hub, Known(device=f"dev-{n}", password="", patient="p", ward="w")) for n in range(2)]
        living = asyncio.create_task(hub.live())
        async with asyncio.timeout(30):
            while not hub.up:
                await asyncio.sleep(0.02)
            for seq in range(40):
                members[1].away = 5 <= seq < 15
                members[seq % 2].say(seq, 1, encoded(seq, 1_700_000_000_000, {"hr": 70}))
                if seq == 25:
                    hub.cut()
                await asyncio.sleep(0.02)
            while hub.unsettled or not hub.up:
                await asyncio.sleep(0.02)
            await hub.leave()
        living.cancel()
        return account

    return asyncio.run(life())


def test_a_hubs_members_are_all_heard_in_spite_of_breaks(mosquitto: Broker, device_account: Callable[[str], str], tmp_path: Path) -> None:
    hub_id = f"dev-{uuid.uuid4().hex[:12]}"
    with listening(mosquitto, hub_id) as said:
        account = played(mosquitto, hub_id, device_account(hub_id), tmp_path / "box")
        wait_for(lambda: said == {(f"dev-{seq % 2}", seq) for seq in range(40)}, 10)
    assert (account.samples, account.connects, (tmp_path / "box").exists()) == (40, 2, False)
