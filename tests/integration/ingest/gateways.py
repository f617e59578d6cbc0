"""Real gateway processes, devices on the real broker, and what Kafka then holds."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from confluent_kafka import Consumer, KafkaException, TopicPartition
from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv5
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from deploy.parts import running
from deploy.parts.mosquitto import Broker
from tests.waiting import wait_for
from vitals.batch import decode
from vitals.topics import Topics

ROOT = Path(__file__).parents[3]


@dataclass
class Gateway:
    """One gateway process; started again under the same name it goes on with its session."""

    environ: Mapping[str, str]
    broker: Broker
    name: str = field(default_factory=lambda: f"gw-{uuid.uuid4().hex[:8]}")
    process: subprocess.Popen[bytes] | None = None
    metrics_port: int = 0

    def start(self, ready: bool = True, options: tuple[str, ...] = ()) -> None:
        """Starts it, and waits until it takes work."""
        self.metrics_port = running.free_port()
        environ = {**os.environ, **self.environ, "VIGIL_GATEWAY": self.name, "VIGIL_METRICS_PORT": str(self.metrics_port)}
        self.process = subprocess.Popen([sys.executable, "-m", "ingest.gateway_main", *options], cwd=ROOT, env=environ)
        if ready:
            wait_for(lambda: self.metric("vigil_ready") == 1, 90, "the gateway to be ready")

    def metric(self, name: str) -> float:
        """A metric's value now; -1 when the process does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=2) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return -1
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == name)

    def kill(self, how: signal.Signals = signal.SIGKILL) -> int:
        """Ends it; its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(60)

    def close(self) -> None:
        """Ends it and takes its session back, so that the shared subscription has no dead member."""
        if self.process is not None and self.process.poll() is None:
            self.kill(signal.SIGTERM)
        forget(self.broker, self.name)


def forget(broker: Broker, client_id: str) -> None:
    """Takes a client's session off the broker."""
    client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTv5)
    client.username_pw_set("gateway", broker.passwords["gateway"])
    gone = Properties(PacketTypes.CONNECT)
    gone.SessionExpiryInterval = 0
    with contextlib.suppress(OSError):
        client.connect(broker.host, broker.port, clean_start=True, properties=gone)
        client.loop_start()
        wait_for(client.is_connected, 30, "the session to be taken back")
        client.disconnect()
        client.loop_stop()


class Device:
    """A device on the real broker: says things and hears of refusals."""

    def __init__(self, broker: Broker, device: str, password: str, username: str = "") -> None:
        self.id, self.heard = device, list[dict[str, Any]]()
        ready = list[bool]()
        self._client = Client(CallbackAPIVersion.VERSION2, f"{device}-{uuid.uuid4().hex[:6]}", protocol=MQTTv5)
        self._client.username_pw_set(username or device, password)
        self._client.on_message = lambda _c, _u, m: self.heard.append(json.loads(m.payload))
        self._client.on_subscribe = lambda *_: ready.append(True)
        self._client.on_connect = lambda c, *_: c.subscribe(f"vigil/v1/{device}/refused", qos=1)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        wait_for(lambda: ready, 30, "the device to be connected")

    def say(self, payload: object, leaf: str = "vitals", retain: bool = False) -> None:
        """Publishes at QoS 1 and waits for the broker's PUBACK."""
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        root = "vigil/v1/gateways" if leaf == "hub" else "vigil/v1"
        topic = f"{root}/{self.id}/{'vitals' if leaf == 'hub' else leaf}"
        self._client.publish(topic, data, qos=1, retain=retain).wait_for_publish(20)

    def close(self) -> None:
        """Goes."""
        self._client.disconnect()
        self._client.loop_stop()


def records(kafka: str, topic: str) -> Iterator[tuple[dict[str, bytes], bytes]]:
    """(headers, value) of every record that the topic holds now."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": uuid.uuid4().hex, "enable.auto.commit": False})
    try:
        ends = wait_for(lambda: _ends(consumer, topic), 60, f"Kafka to lead {topic}")
        left = sum(high - low for low, high in ends.values())
        consumer.assign([TopicPartition(topic, p, low) for p, (low, _) in ends.items()])
        while left:
            message = consumer.poll(30)
            assert message is not None, f"{left} records of {topic} are missing"
            assert message.error() is None, message.error()
            left -= 1
            yield dict(message.headers() or []), message.value()
    finally:
        consumer.close()


def _ends(consumer: Consumer, topic: str) -> dict[int, tuple[int, int]]:
    """(first, after the last) offset of each partition; {} while a Kafka that stood still does not lead all of them again."""
    try:
        parts = consumer.list_topics(topic, 10).topics[topic].partitions
        return {p: consumer.get_watermark_offsets(TopicPartition(topic, p), 10) for p in parts}
    except KafkaException:
        return {}


def stored(kafka: str, topics: Topics) -> list[tuple[str, str, int]]:
    """(patient, device, seq) of every sample in `readings`."""
    found = []
    for _, value in records(kafka, topics.readings):
        b = decode(value)
        found += [(b.patients[b.patient[i]], b.devices[b.device[i]], int(b.seq[i])) for i in range(len(b))]
    return found


def refusals(kafka: str, topics: Topics) -> list[dict[str, Any]]:
    """Every record of `refused`."""
    return [json.loads(value) for _, value in records(kafka, topics.refused)]


def conditions(kafka: str, topics: Topics) -> list[tuple[str, str, str]]:
    """(rule, phase, patient) of what the doors noticed themselves."""
    told = [json.loads(value) for _, value in records(kafka, topics.findings)]
    return [(f["rule"], f["phase"], f["patient"]) for f in told]


def enrol(database: str, *devices: str, gateway: str | None = None, patient: str = "") -> None:
    """Devices in the directory, each on a patient of its own (or `patient`) since long ago."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO clinical.ward (id, name) VALUES ('north', 'North') ON CONFLICT DO NOTHING")
        for device in devices:
            who = patient or f"patient-of-{device}"
            connection.execute("INSERT INTO clinical.patient (id, ward) VALUES (%s, 'north') ON CONFLICT DO NOTHING", (who,))
            connection.execute("INSERT INTO clinical.device (id, kind, gateway) VALUES (%s, 'monitor', %s)", (device, gateway))
            assign(connection, device, who)


def assign(connection: psycopg.Connection[Any], device: str, patient: str) -> None:
    """The device is on the patient, since long ago."""
    connection.execute(
        "INSERT INTO clinical.assignment (device, n, patient, during, author) VALUES (%s, 1, %s, '[2001-01-01,)', 'test')",
        (device, patient),
    )
