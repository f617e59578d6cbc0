"""SIGKILL and SIGSTOP of each part in turn, under load: what was acknowledged is stored."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv5
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from deploy.parts import mosquitto as mosquitto_part
from deploy.parts import running
from deploy.parts.mosquitto import Broker
from ingest.mqtt import RECEIVE_MAXIMUM
from tests.integration.ingest.gateways import ROOT, Gateway, enrol, refusals, stored
from tests.waiting import wait_for
from vitals.topics import Topics

DEVICES, MESSAGES, RATE = 20, 6_000, 1_500


def load(broker: Broker, messages: int = MESSAGES, rate: int = RATE, first_seq: int = 0) -> "subprocess.Popen[bytes]":
    """The load of `loadtests.mqtt`, running beside the test."""
    numbers = [str(n) for n in (DEVICES, messages, rate, first_seq)]
    return subprocess.Popen([sys.executable, "-m", "loadtests.mqtt", broker.url("gateway"), *numbers], cwd=ROOT)


def holds_all(kafka: str, topics: Topics, messages: int = MESSAGES) -> bool:
    """Whether every sample of the load is in `readings`."""
    said = {(f"bench-{i % DEVICES}", i // DEVICES) for i in range(messages)}
    return {(device, seq) for _, device, seq in stored(kafka, topics)} == said


def kafka_process(kafka: str) -> psutil.Process:
    """The process that listens where Kafka is."""
    port = int(kafka.rsplit(":", 1)[1])
    return next(psutil.Process(c.pid) for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr.port == port and c.pid)


@pytest.mark.slow
def test_a_gateway_killed_again_and_again_loses_nothing(
    gateway: Gateway, mosquitto: Broker, database: str, kafka: str, topics: Topics
) -> None:
    enrol(database, *(f"bench-{i}" for i in range(DEVICES)))
    gateway.start()
    said = load(mosquitto)
    for _ in range(3):
        wait_for(lambda: gateway.metric("vigil_ingest_samples_total") > 200 or said.poll() is not None, 20)
        gateway.kill()
        gateway.start()
    assert said.wait(60) == 0
    wait_for(lambda: holds_all(kafka, topics), 60, "every sample to be stored")


@pytest.mark.slow
def test_of_two_gateways_one_may_die_and_return(gateway: Gateway, mosquitto: Broker, database: str, kafka: str, topics: Topics) -> None:
    enrol(database, *(f"bench-{i}" for i in range(DEVICES)))
    other = Gateway(gateway.environ, mosquitto)
    gateway.start()
    other.start()
    said = load(mosquitto)
    wait_for(lambda: other.metric("vigil_ingest_samples_total") > 200, 20)
    other.kill()
    assert said.wait(60) == 0
    other.start()
    wait_for(lambda: holds_all(kafka, topics), 60, "every sample to be stored")
    other.close()


@pytest.mark.slow
def test_nothing_is_acknowledged_to_the_broker_while_kafka_stands_still(
    gateway: Gateway, mosquitto: Broker, database: str, kafka: str, topics: Topics
) -> None:
    enrol(database, *(f"bench-{i}" for i in range(DEVICES)))
    gateway.start()
    server = kafka_process(kafka)
    server.send_signal(signal.SIGSTOP)
    try:
        said = load(mosquitto, 2 * RECEIVE_MAXIMUM, 0)
        assert said.wait(60) == 0
        wait_for(lambda: gateway.metric("vigil_behind_ms") > 1_000, 20, "the gateway to fall behind")
        held = (gateway.metric("vigil_ingest_samples_total"), gateway.metric("vigil_ingest_messages_total"))
    finally:
        server.send_signal(signal.SIGCONT)
    wait_for(lambda: holds_all(kafka, topics, 2 * RECEIVE_MAXIMUM), 60, "every sample to be stored")
    assert held == (0, RECEIVE_MAXIMUM)


def take_over(broker: Broker, client_id: str) -> None:
    """Connects under another's name, which ends the other's connection, and goes; the session stays."""
    client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTv5, manual_ack=True)
    client.username_pw_set("gateway", broker.passwords["gateway"])
    lasting = Properties(PacketTypes.CONNECT)
    lasting.SessionExpiryInterval, lasting.ReceiveMaximum = 600, 1
    client.connect(broker.host, broker.port, clean_start=False, properties=lasting)
    client.loop_start()
    wait_for(client.is_connected, 10)
    client.disconnect()
    client.loop_stop()


@pytest.mark.slow
def test_what_the_broker_delivers_again_is_stored_once_and_refused_never(
    gateway: Gateway, mosquitto: Broker, database: str, kafka: str, topics: Topics
) -> None:
    enrol(database, *(f"bench-{i}" for i in range(DEVICES)))
    gateway.start()
    server = kafka_process(kafka)
    server.send_signal(signal.SIGSTOP)
    try:
        assert load(mosquitto, 2_000, 0).wait(60) == 0
        wait_for(lambda: gateway.metric("vigil_ingest_messages_total") == 2_000, 20)
        take_over(mosquitto, gateway.name)
        wait_for(lambda: gateway.metric("vigil_ingest_messages_total") == 4_000, 20, "the broker to deliver all of it again")
    finally:
        server.send_signal(signal.SIGCONT)
    wait_for(lambda: gateway.metric("vigil_ingest_repeated_total") == 2_000, 30)
    wait_for(lambda: gateway.metric("vigil_behind_ms") == 0, 30)
    assert (len(stored(kafka, topics)), refusals(kafka, topics)) == (2_000, [])


@pytest.mark.slow
def test_a_gateway_that_leaves_for_good_leaves_nothing_behind(
    gateway: Gateway, mosquitto: Broker, database: str, kafka: str, topics: Topics
) -> None:
    enrol(database, *(f"bench-{i}" for i in range(DEVICES)))
    other = Gateway(gateway.environ, mosquitto)
    gateway.start()
    other.start()
    other.kill()
    assert load(mosquitto).wait(60) == 0
    other.start(ready=False, options=("--leave",))
    assert other.process is not None
    assert other.process.wait(60) == 0
    wait_for(lambda: holds_all(kafka, topics), 60, "every sample to be stored")
    assert load(mosquitto, first_seq=MESSAGES).wait(60) == 0
    wait_for(lambda: len(set(stored(kafka, topics))) == 2 * MESSAGES, 60, "the one that stayed to take all")


@pytest.fixture
def own_mosquitto(tmp_path: Path) -> Iterator[tuple[list[Broker], Path, mosquitto_part.Ports]]:
    """A Mosquitto of one's own, to be killed."""
    ports = mosquitto_part.Ports(running.free_port(), running.free_port())
    brokers = [mosquitto_part.start(tmp_path, ports, datetime.now(UTC), print)]
    yield brokers, tmp_path, ports
    for broker in brokers:
        if broker.running is not None:
            broker.running.stop()


def devices_saying(broker: Broker, acknowledged: set[tuple[str, int]], stop: threading.Event) -> list[Client]:
    """Twenty devices that say a sample every 20 ms, reconnect, and note what was acknowledged to them."""
    clients = []
    for i in range(DEVICES):
        client = Client(CallbackAPIVersion.VERSION2, f"own-{i}", protocol=MQTTv5)
        client.username_pw_set("gateway", broker.passwords["gateway"])
        client.reconnect_delay_set(1, 2)
        sent: dict[int, int] = {}
        client.on_publish = lambda _c, _u, mid, *_, sent=sent, i=i: acknowledged.add((f"bench-{i}", sent[mid])) if mid in sent else None
        client.connect(broker.host, broker.port)
        client.loop_start()
        clients.append(client)

        def say(client: Client = client, sent: dict[int, int] = sent, i: int = i) -> None:
            for seq in range(100_000):
                if stop.wait(0.02):
                    return
                at = time.time_ns() // 1_000_000
                payload = json.dumps({"seq": seq, "observed_at": at, "vitals": {"hr": 72}})
                sent[client.publish(f"vigil/v1/bench-{i}/vitals", payload, qos=1).mid] = seq

        threading.Thread(target=say, daemon=True).start()
    return clients


@pytest.mark.slow
def test_mosquitto_killed_loses_nothing_that_it_acknowledged(
    own_mosquitto: tuple[list[Broker], Path, mosquitto_part.Ports], database: str, kafka: str, topics: Topics
) -> None:
    brokers, home, ports = own_mosquitto
    enrol(database, *(f"bench-{i}" for i in range(DEVICES)))
    environ = {
        "VIGIL_KAFKA": kafka,
        "VIGIL_DATABASE": database,
        "VIGIL_MQTT": brokers[0].url("gateway"),
        "VIGIL_TOPIC_PREFIX": topics.prefix,
    }
    gateway = Gateway(environ, brokers[0])
    gateway.start()
    acknowledged: set[tuple[str, int]] = set()
    stop = threading.Event()
    clients = devices_saying(brokers[0], acknowledged, stop)
    for enough in (1_500, 3_000, 4_500):
        wait_for(lambda enough=enough: len(acknowledged) > enough, 30)  # type: ignore[misc]  # bound in the loop
        assert brokers[-1].running is not None
        os.kill(brokers[-1].running.pid, signal.SIGKILL)
        brokers[-1].running.process.wait()
        brokers.append(mosquitto_part.start(home, ports, datetime.now(UTC), print))
    stop.set()
    known = wait_for(lambda: set(acknowledged))
    wait_for(lambda: gateway.metric("vigil_ready") == 1, 30)
    kept = wait_for(lambda: (lambda s: s if known <= s else None)({(d, n) for _, d, n in stored(kafka, topics)}), 20, "all acknowledged")
    for client in clients:
        client.loop_stop()
    gateway.close()
    assert known <= kept
