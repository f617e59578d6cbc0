"""What the broker passes on of a device, as a gateway would hear it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from deploy.parts.mosquitto import Broker
from tests.waiting import wait_for


@contextmanager
def listening(broker: Broker, device: str) -> Iterator[list[int]]:
    """The sample numbers that the broker passes on to the gateway's account."""
    seqs: list[int] = []
    ready: list[bool] = []

    def heard(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        body = json.loads(message.payload)
        seqs.extend(s["seq"] for s in body.get("batch", [body]))

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.username_pw_set("gateway", broker.passwords["gateway"])
    client.on_message = heard
    client.on_connect = lambda c, *_: c.subscribe(f"vigil/v1/{device}/vitals", 1)
    client.on_subscribe = lambda *_: ready.append(True)
    client.connect(broker.host, broker.port)
    client.loop_start()
    wait_for(lambda: ready, 10, "the subscription")
    yield seqs
    client.disconnect()
    client.loop_stop()
