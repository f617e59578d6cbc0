"""Broker accounts of devices, for tests that need one without the API: over Mosquitto's dynamic-security control topic."""

import contextlib
import json
import threading
import uuid
from typing import Any

from paho.mqtt.client import CallbackAPIVersion, Client, MQTTMessage

from deploy.parts.mosquitto import Broker

CONTROL = "$CONTROL/dynamic-security/v1"


def control(broker: Broker, *commands: dict[str, Any]) -> list[dict[str, Any]]:
    """Carry out dynamic-security commands as `admin`; the plugin's responses."""
    answered, answers, ready = threading.Event(), list[dict[str, Any]](), threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, client_id=f"test-admin-{uuid.uuid4().hex[:8]}")
    client.username_pw_set("admin", broker.passwords["admin"])

    def on_message(_client: Client, _data: Any, message: MQTTMessage) -> None:
        answers.extend(json.loads(message.payload)["responses"])
        answered.set()

    client.on_connect = lambda c, *_: c.subscribe(f"{CONTROL}/response", qos=1)
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = on_message
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        assert ready.wait(10), "Mosquitto did not let admin subscribe"
        client.publish(CONTROL, json.dumps({"commands": list(commands)}), qos=1)
        assert answered.wait(10), "Mosquitto's dynamic-security plugin did not answer"
    finally:
        client.disconnect()
        client.loop_stop()
    return answers


def enrol(broker: Broker, device: str) -> str:
    """Make an account for `device` that may speak under its own topics only; its password."""
    password, mine = uuid.uuid4().hex, [f"vigil/v1/{device}", f"vigil/v1/gateways/{device}"]
    writes = [("publishClientSend", f"{root}/{leaf}") for root in mine for leaf in ("vitals", "waveform", "status")]
    reads = [(kind, f"{root}/refused") for root in mine for kind in ("publishClientReceive", "subscribePattern")]
    acls = [{"acltype": kind, "topic": topic, "allow": True} for kind, topic in [*writes, *reads]]
    answers = control(
        broker,
        {"command": "createRole", "rolename": device, "acls": acls},
        {"command": "createClient", "username": device, "password": password, "roles": [{"rolename": device}]},
    )
    errors = [answer for answer in answers if answer.get("error")]
    assert not errors, errors
    return password


def silence(broker: Broker, device: str, password: str) -> None:
    """Take the device's retained status off the broker: the next test's gateway would hear it of a device it does not know."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=f"{device}-silenced")
    client.username_pw_set(device, password)
    ready = threading.Event()
    client.on_connect = lambda *_: ready.set()
    with contextlib.suppress(OSError):
        client.connect(broker.host, broker.port)
        client.loop_start()
        if ready.wait(5):
            client.publish(f"vigil/v1/{device}/status", b"", qos=1, retain=True).wait_for_publish(5)
        client.disconnect()
        client.loop_stop()


def forget_statuses(broker: Broker) -> None:
    """Take every retained status off the broker: a gateway would hear them of devices that its test does not know."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=f"test-statuses-{uuid.uuid4().hex[:8]}")
    client.username_pw_set("gateway", broker.passwords["gateway"])
    mark, heard, done = f"vigil/v1/{uuid.uuid4().hex}/status", list[str](), threading.Event()

    def on_message(_client: Client, _data: Any, message: MQTTMessage) -> None:
        heard.append(message.topic)
        if message.topic == mark:  # comes after all that was retained when we subscribed
            done.set()

    client.on_connect = lambda c, *_: c.subscribe("vigil/v1/+/status", qos=1)
    client.on_subscribe = lambda c, *_: c.publish(mark, b"{}", qos=1)
    client.on_message = on_message
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        assert done.wait(10), "Mosquitto did not hand out what it retains"
        for topic in {*heard} - {mark}:
            client.publish(topic, b"", qos=1, retain=True).wait_for_publish(5)
    finally:
        client.disconnect()
        client.loop_stop()
