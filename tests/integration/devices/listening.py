"""What the broker passes on of a device or a hub, as a gateway would hear it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt import publish
from paho.mqtt.enums import CallbackAPIVersion

from deploy.parts.mosquitto import Broker
from tests.waiting import wait_for


@contextmanager
def listening(broker: Broker, device: str) -> Iterator[list[int]]:
    """The sample numbers that the broker passes on to the gateway's account."""
    seqs: list[int] = []
    with _hearing(broker, f"{device}/vitals", lambda body: seqs.extend(s["seq"] for s in body.get("batch", [body]))):
        yield seqs


@contextmanager
def listening_to_hub(broker: Broker, hub: str) -> Iterator[set[tuple[str, int]]]:
    """(member, number) of what the broker passes on to the gateway's account."""
    said: set[tuple[str, int]] = set()

    def heard(body: dict[str, Any]) -> None:
        said.update((member, s["seq"]) for member, samples in body["devices"].items() for s in samples)

    with _hearing(broker, f"gateways/{hub}/vitals", heard):
        yield said


@contextmanager
def listening_to_status(broker: Broker, device: str) -> Iterator[list[dict[str, Any]]]:
    """What the broker passes on of the device's connection, its will too."""
    said: list[dict[str, Any]] = []
    with _hearing(broker, f"{device}/status", said.append):
        yield said


def tell(broker: Broker, device: str, reason: str) -> None:
    """What the gateway says to a device of a refusal."""
    login = {"username": "gateway", "password": broker.passwords["gateway"]}
    publish.single(f"vigil/v1/{device}/refused", json.dumps({"reason": reason}), 1, hostname=broker.host, port=broker.port, auth=login)


@contextmanager
def _hearing(broker: Broker, topic: str, heard: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    ready: list[bool] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.username_pw_set("gateway", broker.passwords["gateway"])
    client.on_message = lambda _client, _data, message: heard(json.loads(message.payload))
    client.on_connect = lambda c, *_: c.subscribe(f"vigil/v1/{topic}", 1)
    client.on_subscribe = lambda *_: ready.append(True)
    client.connect(broker.host, broker.port)
    client.loop_start()
    wait_for(lambda: ready, 30, "the subscription")
    yield
    client.disconnect()
    client.loop_stop()
