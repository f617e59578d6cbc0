"""Gateways that die, stand still and leave, under load: what was acknowledged is stored. Rounds of kills: test_kill_rounds.py."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import psycopg
import pytest
from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv5
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from deploy.parts.mosquitto import Broker
from ingest.mqtt import RECEIVE_MAXIMUM, TAKING
from tests.integration.ingest.gateways import ROOT, Gateway, enrol, refusals, stored
from tests.waiting import wait_for
from vitals.topics import Topics

DEVICES, MESSAGES, RATE = 20, 6_000, 1_500
QUIET_S = 4.0
"""Four times the pause in which a gateway says that it takes messages."""


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


@pytest.fixture
def standing(gateway: Gateway, database: str) -> Gateway:
    """The gateway, started, which knows the devices of the load."""
    enrol(database, *(f"bench-{i}" for i in range(DEVICES)))
    gateway.start()
    return gateway


@pytest.mark.slow
def test_of_two_gateways_one_may_die_and_return(standing: Gateway, mosquitto: Broker, kafka: str, topics: Topics) -> None:
    other = Gateway(standing.environ, mosquitto)
    other.start()
    said = load(mosquitto)
    wait_for(lambda: other.metric("vigil_ingest_samples_total") > 200, 60, "samples to come by the other")
    other.kill()
    assert said.wait(60) == 0
    other.start()
    wait_for(lambda: holds_all(kafka, topics), 60, "every sample to be stored")
    other.close()


@pytest.mark.slow
def test_nothing_is_acknowledged_to_the_broker_while_kafka_stands_still(
    standing: Gateway, mosquitto: Broker, kafka: str, topics: Topics
) -> None:
    server = kafka_process(kafka)
    server.send_signal(signal.SIGSTOP)
    try:
        said = load(mosquitto, 2 * RECEIVE_MAXIMUM, 0)
        assert said.wait(60) == 0
        wait_for(lambda: standing.metric("vigil_ingest_messages_total") >= RECEIVE_MAXIMUM, 60, "all that may be on its way")
        wait_for(lambda: standing.metric("vigil_behind_ms") > 1_000, 60, "the gateway to fall behind")
        held = (standing.metric("vigil_ingest_samples_total"), standing.metric("vigil_ingest_messages_total"))
    finally:
        server.send_signal(signal.SIGCONT)
    wait_for(lambda: holds_all(kafka, topics, 2 * RECEIVE_MAXIMUM), 60, "every sample to be stored")
    assert held == (0, RECEIVE_MAXIMUM)


@contextmanager
def hearing_takers(broker: Broker) -> Iterator[list[float]]:
    """The moments at which a gateway said that it takes messages."""
    moments, ready = list[float](), threading.Event()
    client = Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set("gateway", broker.passwords["gateway"])
    client.on_connect = lambda c, *_: c.subscribe(TAKING)
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = lambda *_: moments.append(time.monotonic())
    client.connect(broker.host, broker.port)
    client.loop_start()
    assert ready.wait(30), "the broker did not let us listen"
    yield moments
    client.disconnect()
    client.loop_stop()


@pytest.mark.slow
def test_a_gateway_that_cannot_give_messages_on_does_not_say_that_it_takes_them(standing: Gateway, mosquitto: Broker, kafka: str) -> None:
    with hearing_takers(mosquitto) as moments:
        wait_for(lambda: len(moments) > 2, 30, "the gateway to say that it takes messages")
        server = kafka_process(kafka)
        server.send_signal(signal.SIGSTOP)
        try:
            assert load(mosquitto, 100, 0).wait(60) == 0
            wait_for(lambda: time.monotonic() - moments[-1] > QUIET_S, 60, "the gateway to say it no more")
        finally:
            server.send_signal(signal.SIGCONT)
        silent = len(moments)
        wait_for(lambda: len(moments) > silent, 60, "the gateway to say it again")
    assert standing.metric("vigil_ingest_messages_total") == 100


def take_over(broker: Broker, client_id: str) -> None:
    """Connects once under another's name, which ends the other's connection, and goes, unless the other was quicker; the session stays."""
    client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTv5, manual_ack=True, reconnect_on_failure=False)
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.username_pw_set("gateway", broker.passwords["gateway"])
    lasting = Properties(PacketTypes.CONNECT)
    lasting.SessionExpiryInterval, lasting.ReceiveMaximum = 600, 1
    client.connect(broker.host, broker.port, clean_start=False, properties=lasting)
    client.loop_start()
    assert connected.wait(30), "the broker did not let us in"
    client.disconnect()
    client.loop_stop()


@pytest.mark.slow
def test_what_the_broker_delivers_again_is_stored_once_and_refused_never(
    standing: Gateway, mosquitto: Broker, kafka: str, topics: Topics
) -> None:
    server = kafka_process(kafka)
    server.send_signal(signal.SIGSTOP)
    try:
        assert load(mosquitto, 2_000, 0).wait(60) == 0
        wait_for(lambda: standing.metric("vigil_ingest_messages_total") == 2_000, 60)
        take_over(mosquitto, standing.name)
        wait_for(lambda: standing.metric("vigil_ingest_messages_total") == 4_000, 60, "the broker to deliver all of it again")
    finally:
        server.send_signal(signal.SIGCONT)
    wait_for(lambda: standing.metric("vigil_ingest_repeated_total") == 2_000, 60)
    wait_for(lambda: standing.metric("vigil_behind_ms") == 0, 60)
    assert (len(stored(kafka, topics)), refusals(kafka, topics)) == (2_000, [])


@pytest.mark.slow
def test_a_gateway_that_leaves_for_good_leaves_nothing_behind(standing: Gateway, mosquitto: Broker, kafka: str, topics: Topics) -> None:
    other = Gateway(standing.environ, mosquitto)
    other.start()
    other.kill()
    assert load(mosquitto).wait(60) == 0
    other.start(ready=False, options=("--leave",))
    assert other.process is not None
    assert other.process.wait(60) == 0
    wait_for(lambda: holds_all(kafka, topics), 60, "every sample to be stored")
    assert load(mosquitto, first_seq=MESSAGES).wait(60) == 0
    wait_for(lambda: len(set(stored(kafka, topics))) == 2 * MESSAGES, 60, "the one that stayed to take all")


LOCK = "LOCK TABLE clinical.device"


def waiting_for(connection: "psycopg.Connection[Any]") -> int:
    """How many wait for what this connection has locked."""
    query = "SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    return connection.execute(query).rowcount


@pytest.mark.slow
def test_a_gateway_that_is_stopped_while_it_leaves_keeps_its_session_for_what_is_not_durable(
    gateway: Gateway, mosquitto: Broker, database: str, kafka: str, topics: Topics
) -> None:
    gateway.start()
    gateway.kill()
    assert load(mosquitto, DEVICES, 0).wait(60) == 0
    with psycopg.connect(database) as after, psycopg.connect(database) as connection:
        connection.execute(LOCK)
        gateway.start(ready=False, options=("--leave",))
        wait_for(lambda: waiting_for(connection), 60, "the gateway to read its directory")
        behind = threading.Thread(target=after.execute, args=(LOCK,))
        behind.start()
        wait_for(lambda: waiting_for(connection) == 2, 60, "us to stand behind the gateway")
        connection.commit()  # the gateway has the table now; when it has read it, we have it: a newer directory it cannot read
        wait_for(lambda: gateway.metric("vigil_ingest_waiting") == DEVICES, 60, "what new devices said to wait for that newer directory")
        assert gateway.kill(signal.SIGTERM) == 0
        behind.join()
    enrol(database, *(f"bench-{i}" for i in range(DEVICES)))
    gateway.start()
    wait_for(lambda: holds_all(kafka, topics, DEVICES), 60, "every sample to be stored")
