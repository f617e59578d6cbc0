"""The real servers, as the fixtures start them."""

import queue
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Consumer, Producer
from paho.mqtt.client import CallbackAPIVersion, Client

from deploy.parts import kafka as kafka_part
from deploy.parts import running
from deploy.parts.mosquitto import Broker
from vitals.topics import Topics


def test_kafka_keeps_what_it_acknowledged(kafka: str, topics: Topics) -> None:
    producer = Producer({"bootstrap.servers": kafka, "enable.idempotence": True})
    producer.produce(topics.findings, b"it", b"key", partition=2)
    assert producer.flush(10) == 0
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": topics.prefix, "auto.offset.reset": "earliest"})
    consumer.subscribe([topics.findings])
    record = consumer.poll(60)
    consumer.close()
    assert record is not None
    assert (record.value(), record.partition()) == (b"it", 2)


def test_a_broker_is_started_with_its_classes_laid_out_as_this_java_takes_them(tmp_path: Path) -> None:
    broker = kafka_part.prepare(tmp_path, running.free_port(), print)
    (archive,) = [option for option in broker.argv if "SharedArchiveFile" in option]
    strict = [broker.argv[0], "-Xshare:on", archive, *kafka_part.COLLECTOR, "-cp", f"{kafka_part.install(print)}/*", "-version"]
    assert subprocess.run(strict, check=False).returncode == 0


def test_a_database_is_migrated_and_has_timescaledb(database: str) -> None:
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT count(*) > 0 FROM timescaledb_information.hypertables").fetchone()
    assert row == (True,)


def test_two_databases_do_not_see_one_another(database: str, module_database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO clinical.ward (id, name) VALUES ('north', 'North')")
    with psycopg.connect(module_database) as connection:
        assert connection.execute("SELECT count(*) FROM clinical.ward").fetchone() == (0,)


@pytest.mark.parametrize("tls", [False, True])
def test_a_device_reaches_the_gateway_over_a_shared_subscription(
    mosquitto: Broker, device_account: Callable[[str], str], tls: bool
) -> None:
    device = f"dev-{'b' if tls else 'a'}00000000000"
    heard: queue.Queue[bytes] = queue.Queue()
    gateway = _client("gateway", mosquitto.passwords["gateway"])
    gateway.on_connect = lambda c, *_: c.subscribe("$share/vigil/vigil/v1/+/vitals", qos=1)
    subscribed: queue.Queue[int] = queue.Queue()
    gateway.on_subscribe = lambda _c, _d, _m, codes, _p: subscribed.put(codes[0].value)
    gateway.on_message = lambda _c, _d, message: heard.put(message.payload)
    gateway.connect(mosquitto.host, mosquitto.port)
    gateway.loop_start()
    assert subscribed.get(timeout=30) == 1
    sender = _client(device, device_account(device))
    assert mosquitto.tls_port
    if tls:
        sender.tls_set(str(mosquitto.ca_file), tls_version=ssl.PROTOCOL_TLS_CLIENT)
    sender.connect(mosquitto.host, mosquitto.tls_port if tls else mosquitto.port)
    sender.loop_start()
    sender.publish(f"vigil/v1/{device}/vitals", b"hello", qos=1).wait_for_publish(10)
    assert heard.get(timeout=30) == b"hello"
    for client in (sender, gateway):
        client.disconnect()
        client.loop_stop()


def test_a_device_cannot_speak_for_another(mosquitto: Broker, device_account: Callable[[str], str]) -> None:
    device = "dev-c00000000000"
    codes: queue.Queue[int] = queue.Queue()
    sender = _client(device, device_account(device))
    sender.on_publish = lambda _c, _d, _m, reason, _p: codes.put(reason.value)
    sender.connect(mosquitto.host, mosquitto.port)
    sender.loop_start()
    sender.publish("vigil/v1/dev-a00000000000/vitals", b"not mine", qos=1)
    assert codes.get(timeout=30) == 135
    sender.disconnect()
    sender.loop_stop()


def test_a_stranger_does_not_get_in(mosquitto: Broker) -> None:
    codes: queue.Queue[int] = queue.Queue()
    stranger = _client("nobody", "guess")
    stranger.on_connect = lambda _c, _d, _f, reason, _p: codes.put(reason.value)
    stranger.connect(mosquitto.host, mosquitto.port)
    stranger.loop_start()
    assert codes.get(timeout=30) == 135
    stranger.loop_stop()


def _client(username: str, password: str) -> Client:
    from paho.mqtt.client import MQTTv5

    client = Client(CallbackAPIVersion.VERSION2, client_id=f"{username}-test", protocol=MQTTv5)
    client.username_pw_set(username, password)
    return client
