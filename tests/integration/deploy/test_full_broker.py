"""A broker that nobody takes messages from says no while it still has room, so that whoever spoke keeps what it said."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from paho.mqtt.client import CallbackAPIVersion, Client, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from deploy.parts import mosquitto, running
from devices.account import Account
from devices.device import Device
from devices.memory import Known
from devices.mqtt import Door
from devices.simulator.sample import encoded
from ingest.mqtt import TAKING
from tests.accounts import control, enrol
from tests.parts import say
from tests.waiting import until, wait_for

DEVICE, AT_ONCE, CHANGES = "dev-full00000000", 500, 100
ROOM = mosquitto.Room(most_mib=16, quiet_s=3)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mosquitto.Broker]:
    """A broker that keeps 16 MiB; not the session's, for it refuses."""
    ports = mosquitto.Ports(running.free_port(), running.free_port())
    one = mosquitto.start(tmp_path_factory.mktemp("full"), ports, datetime.now(UTC), say, room=ROOM)
    yield one
    if one.running:
        one.running.stop()


@pytest.fixture(scope="module")
def secret(broker: mosquitto.Broker) -> str:
    """The device's."""
    return enrol(broker, DEVICE)


class Gateway:
    """A gateway's session that takes everything at once while it is there, and says that it takes when it is told to."""

    def __init__(self, broker: mosquitto.Broker) -> None:
        self.heard: Counter[bytes] = Counter()
        self._broker, self._ready = broker, False
        self._client = Client(CallbackAPIVersion.VERSION2, "full-gateway", protocol=MQTTv5)
        self._client.username_pw_set("gateway", broker.passwords["gateway"])
        self._client.on_connect = lambda c, *_: c.subscribe("$share/vigil/vigil/v1/+/vitals", qos=1)
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._took

    def come(self) -> None:
        """Is there, with all that waited for it on its way."""
        lasting = Properties(PacketTypes.CONNECT)
        lasting.SessionExpiryInterval = 600
        self._client.connect(self._broker.host, self._broker.port, clean_start=False, properties=lasting)
        self._client.loop_start()
        wait_for(lambda: self._ready, 30, "the gateway to be there")

    def takes(self) -> None:
        """Says so."""
        self._client.publish(TAKING, qos=1).wait_for_publish(30)

    def go(self) -> None:
        """Goes; its session stays."""
        self._client.disconnect()
        self._client.loop_stop()

    def _subscribed(self, *_: object) -> None:
        self._ready = True

    def _took(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.heard[message.payload] += 1


class Speaker:
    """A device: what it said, what of it was acknowledged, how often it was cut off."""

    def __init__(self, broker: mosquitto.Broker, secret: str, version: MQTTProtocolVersion) -> None:
        self.said: dict[int, bytes] = {}
        self.taken: set[int] = set()
        self.cut_off = 0
        self._client = Client(CallbackAPIVersion.VERSION2, DEVICE, protocol=version, reconnect_on_failure=False)
        self._client.username_pw_set(DEVICE, secret)
        self._client.on_publish = self._acknowledged
        self._client.on_disconnect = self._gone
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        wait_for(self._client.is_connected, 30, "the device to be let in")

    @property
    def kept(self) -> set[bytes]:
        """What was acknowledged."""
        return {self.said[mid] for mid in self.taken}

    def say(self, leaf: str, payload: bytes) -> None:
        """At QoS 1."""
        self.said[self._client.publish(f"vigil/v1/{DEVICE}/{leaf}", payload, qos=1).mid] = payload

    def close(self) -> None:
        """Goes, if it is still there."""
        self._client.disconnect()
        self._client.loop_stop()

    def _acknowledged(self, _client: Client, _data: object, mid: int, _reason: object, _properties: object) -> None:
        self.taken.add(mid)

    def _gone(self, _client: Client, _data: object, _flags: object, reason: object, _properties: object) -> None:
        self.cut_off += getattr(reason, "is_failure", False)


def is_cut_off(speaker: Speaker, times: int = AT_ONCE) -> bool:
    """Says more, until it is answered or cut off."""
    for _ in range(times):
        speaker.say("vitals", b"%06d" % len(speaker.said) + b"." * 5_000)
    wait_for(lambda: speaker.cut_off or len(speaker.taken) == len(speaker.said), 30, "an answer to everything")
    return bool(speaker.cut_off)


def has_room(broker: mosquitto.Broker, secret: str, gateway: Gateway) -> bool:
    """Whether a message is taken, the gateway having said a moment ago that it takes them."""
    speaker = Speaker(broker, secret, MQTTv5)
    gateway.takes()
    speaker.say("vitals", b"again")
    wait_for(lambda: speaker.taken or speaker.cut_off, 30, "an answer")
    speaker.close()
    return bool(speaker.taken)


async def spoken_to_nobody(device: Device, account: Account, samples: int) -> None:
    """Samples of a device that is let in, cut off, and comes back for more."""
    living = asyncio.create_task(device.live())
    for seq in range(samples):
        device.say(seq, 1, encoded(seq, 1_700_000_000_000, {"hr": 70}))
    await until(lambda: account.connects > 2 and not device.up, 60, "the broker to break it off again and again")
    living.cancel()


@pytest.fixture(scope="module")
def full(broker: mosquitto.Broker, secret: str) -> tuple[Gateway, Speaker]:
    """A gateway that went, and a device that spoke on until the broker broke it off."""
    gateway = Gateway(broker)
    gateway.come()
    gateway.go()
    speaker = Speaker(broker, secret, MQTTv5)
    wait_for(lambda: is_cut_off(speaker), 60, "the broker to be full")
    speaker.close()
    return gateway, speaker


def test_a_broker_that_holds_little_takes_what_is_said_however_often_secrets_changed(broker: mosquitto.Broker, secret: str) -> None:
    control(broker, *[{"command": "setClientPassword", "username": DEVICE, "password": secret}] * CHANGES)
    began = time.monotonic()
    speaker = Speaker(broker, secret, MQTTv5)
    wait_for(lambda: is_cut_off(speaker, 1) or time.monotonic() - began > 2 * ROOM.quiet_s, 60, "as long as a gateway may be quiet, twice")
    speaker.close()
    assert speaker.cut_off == 0


def test_a_full_broker_leaves_something_unacknowledged(full: tuple[Gateway, Speaker]) -> None:
    _, speaker = full
    assert 0 < len(speaker.taken) < len(speaker.said)


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("version", [MQTTv5, MQTTv311])
def test_a_device_is_cut_off_unacknowledged(broker: mosquitto.Broker, secret: str, version: MQTTProtocolVersion) -> None:
    speaker = Speaker(broker, secret, version)
    speaker.say("vitals", b"too much")
    wait_for(lambda: speaker.cut_off, 30, "the broker to break it off")
    speaker.close()
    assert speaker.taken == set()


@pytest.mark.usefixtures("full")
def test_its_links_state_is_taken_still(broker: mosquitto.Broker, secret: str) -> None:
    speaker = Speaker(broker, secret, MQTTv5)
    speaker.say("status", b'{"state":"online"}')
    wait_for(lambda: speaker.taken or speaker.cut_off, 30, "an answer to the status")
    speaker.close()
    assert (len(speaker.taken), speaker.cut_off) == (1, 0)


@pytest.mark.usefixtures("full")
def test_a_device_that_stores_has_all_of_it_still(broker: mosquitto.Broker, secret: str, tmp_path: Path) -> None:
    account = Account()
    device = Device(Door(broker.host, broker.port), Known(device=DEVICE, password=secret, patient="p", ward="w"), account, tmp_path / "box")
    asyncio.run(spoken_to_nobody(device, account, 20))
    assert (account.acked, device.unsettled, account.denied) == (0, 20, 0)


def test_a_gateway_that_returns_gets_all_that_was_acknowledged_once_and_there_is_room_again(
    broker: mosquitto.Broker, secret: str, full: tuple[Gateway, Speaker]
) -> None:
    gateway, before = full
    gateway.come()
    wait_for(lambda: has_room(broker, secret, gateway), 60, "room")
    wait_for(lambda: set(gateway.heard) >= before.kept | {b"again"}, 60, "everything to come")
    gateway.go()
    beyond = set(gateway.heard) - set(before.said.values()) - {b"again"}  # what was cut off may have been taken: its answer was cut off too
    assert (beyond, max(gateway.heard.values())) == (set(), 1)
