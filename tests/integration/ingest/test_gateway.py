"""The gateway process on real Mosquitto, Kafka and PostgreSQL."""

import json
import signal
import time
import uuid
from collections.abc import Callable
from itertools import count

import psycopg
import pytest

from deploy.parts.mosquitto import Broker
from tests.integration.ingest.gateways import Device, Gateway, assign, enrol, records, refusals, stored
from tests.waiting import wait_for
from vitals.refusal import Reason
from vitals.topics import Topics


def sample(seq: int, at: object = None, **vitals: object) -> dict[str, object]:
    return {"seq": seq, "observed_at": at if at is not None else time.time_ns() // 1_000_000, "vitals": vitals or {"hr": 72, "spo2": 97}}


def test_what_a_device_says_is_in_kafka_on_its_patient_with_trace_and_schema(
    gateway: Gateway, device: Device, kafka: str, topics: Topics
) -> None:
    gateway.start()
    device.say(sample(1))
    device.say({"batch": [sample(2), sample(3)]})
    wait_for(lambda: gateway.metric("vigil_ingest_samples_total") == 3, 30)
    headers = [h for h, _ in records(kafka, topics.readings)]
    assert sorted(stored(kafka, topics)) == [(f"patient-of-{device.id}", device.id, seq) for seq in (1, 2, 3)]
    assert all(h["schema"] == b"vigil.readings.v1" and h["traceparent"].startswith(b"00-") for h in headers)


def test_every_reason_reaches_the_refused_topic_and_the_device(
    gateway: Gateway, device: Device, kafka: str, topics: Topics, mosquitto: Broker, database: str, device_account: Callable[[str], str]
) -> None:
    names = [f"dev-{uuid.uuid4().hex[:12]}" for _ in range(2)]
    stranger, nobody = (Device(mosquitto, name, device_account(name)) for name in names)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO clinical.device (id, kind) VALUES (%s, 'monitor')", (nobody.id,))
    gateway.start()
    device.say(b"{")
    device.say(b"x" * 10_000_000)
    device.say(sample(1, pH=7))
    device.say(sample(2, temp={"value": 300, "unit": "kg"}))
    device.say(sample(3, hr=999))
    device.say(sample(4, at="1970-01-01T00:00:00Z"))
    device.say(sample(5, at="2100-01-01T00:00:00Z"))
    device.say(sample(6))
    device.say(sample(6))
    stranger.say(sample(1))
    nobody.say(sample(1))
    wait_for(lambda: len(device.heard) == 8 and stranger.heard and nobody.heard, 60, f"the notices; heard {device.heard}")
    told = sorted(r["reason"] for r in (*device.heard, *stranger.heard, *nobody.heard))
    kept = sorted(r["reason"] for r in refusals(kafka, topics))
    stranger.close()
    nobody.close()
    assert (told, kept) == (sorted(r.value for r in Reason), sorted(r.value for r in Reason))


@pytest.mark.slow
def test_a_hub_speaks_for_its_own_devices_only(
    gateway: Gateway, kafka: str, topics: Topics, mosquitto: Broker, database: str, device_account: Callable[[str], str]
) -> None:
    hub, mine, other = (f"dev-{uuid.uuid4().hex[:12]}" for _ in range(3))
    enrol(database, hub, other)
    enrol(database, mine, gateway=hub)
    speaker = Device(mosquitto, hub, device_account(hub))
    gateway.start()
    speaker.say({"devices": {mine: [sample(1)], other: [sample(1)]}}, "hub")
    wait_for(lambda: gateway.metric("vigil_ingest_refused_total") == 1, 30)
    wait_for(lambda: gateway.metric("vigil_ingest_samples_total") == 1, 30)
    heard = wait_for(lambda: speaker.heard, 30, "the hub to be told")
    speaker.close()
    told = [(h["reason"], h["device"]) for h in heard]
    assert ([s[1:] for s in stored(kafka, topics)], told) == ([(mine, 1)], [("unknown_device", other)])


@pytest.mark.slow
def test_a_device_assigned_a_moment_ago_is_not_refused(gateway: Gateway, device: Device, database: str) -> None:
    new = f"dev-{uuid.uuid4().hex[:12]}"
    gateway.start()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DELETE FROM clinical.assignment WHERE device = %s", (device.id,))
        wait_for(lambda: gateway.metric("vigil_ready") == 1)
        device.say(sample(1))
        connection.execute("INSERT INTO clinical.patient (id, ward) VALUES (%s, 'north')", (new,))
        assign(connection, device.id, new)
        device.say(sample(2))
    wait_for(lambda: gateway.metric("vigil_ingest_samples_total") >= 1, 30, "the sample to be taken")
    assert [h["seq"] for h in device.heard] in ([], [1])


@pytest.mark.slow
def test_a_revoked_device_is_unknown_at_once(gateway: Gateway, device: Device, database: str) -> None:
    gateway.start()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE clinical.device SET revoked_at = now() WHERE id = %s", (device.id,))
    numbers = count()

    def is_refused() -> bool:
        device.say(sample(next(numbers)))  # the first may come before the gateway has heard and read, which takes it moments
        return bool(device.heard)

    wait_for(is_refused, 20, "a refusal, sooner than the gateway looks by itself")
    assert device.heard[0]["reason"] == "unknown_device"


def test_status_retained_before_the_gateway_came_becomes_a_link(gateway: Gateway, device: Device, kafka: str, topics: Topics) -> None:
    device.say({"state": "online", "battery": 0.81, "buffered": 120}, "status", retain=True)
    gateway.start()
    found = wait_for(lambda: [json.loads(v) for _, v in records(kafka, topics.links)], 30)
    device.say(b"", "status", retain=True)
    told = {"device": device.id, "state": "online", "battery": 0.81, "buffered": 120}
    assert {**found[-1], "at": 0} == {**told, "at": 0, "patient": f"patient-of-{device.id}", "ward": "north"}


@pytest.mark.slow
def test_a_stopped_gateway_has_finished_what_it_had_in_hand(gateway: Gateway, device: Device, kafka: str, topics: Topics) -> None:
    gateway.start()
    for seq in range(50):
        device.say(sample(seq))
    code = gateway.kill(signal.SIGTERM)
    gateway.start()
    wait_for(lambda: len({s[2] for s in stored(kafka, topics)}) == 50, 60)
    assert code == 0


@pytest.mark.slow
def test_a_gateway_that_starts_while_kafka_or_the_database_is_away_says_so_and_waits(gateway: Gateway) -> None:
    gateway.environ = {**gateway.environ, "VIGIL_DATABASE": "postgresql://nobody:nothing@127.0.0.1:9/none"}
    gateway.start(ready=False)
    wait_for(lambda: gateway.metric("vigil_ready") == 0, 60, "metrics while the database is away")
    assert gateway.kill(signal.SIGTERM) == 0


@pytest.mark.slow
def test_the_gateway_speaks_tls(gateway: Gateway, device: Device, mosquitto: Broker) -> None:
    url = f"mqtts://gateway:{mosquitto.passwords['gateway']}@127.0.0.1:{mosquitto.tls_port}"
    gateway.environ = {**gateway.environ, "VIGIL_MQTT": url, "VIGIL_MQTT_CA": str(mosquitto.ca_file)}
    gateway.start()
    device.say({"batch": [sample(n) for n in range(3_000)]})
    wait_for(lambda: gateway.metric("vigil_ingest_samples_total") == 3_000, 60)


@pytest.mark.slow
def test_samples_on_the_way_when_a_gateway_is_killed_are_all_stored(gateway: Gateway, device: Device, kafka: str, topics: Topics) -> None:
    gateway.start()
    for seq in range(1_500):
        device.say(sample(seq))
        if seq % 300 == 200:
            gateway.kill()
            gateway.start(ready=False)
    wait_for(lambda: len({s[2] for s in stored(kafka, topics)}) == 1_500, 120, "every sample to be stored")
    assert {s[2] for s in stored(kafka, topics)} == set(range(1_500))


def goes_on_until_it_babbles(device: Device, gateway: Gateway, first: int) -> None:
    numbers = iter(range(first, 1_000_000))

    def said_too_much() -> bool:
        device.say(sample(next(numbers)))
        return gateway.metric("vigil_ingest_babbling_total") >= 1

    wait_for(said_too_much, 120, "the device to babble")


@pytest.mark.slow
def test_what_the_broker_kept_while_the_gateway_was_away_is_no_babble_and_as_much_later_is(gateway: Gateway, device: Device) -> None:
    gateway.environ = {**gateway.environ, "VIGIL_QUOTA_RATE": "1", "VIGIL_QUOTA_BURST": "50", "VIGIL_QUOTA_WAITING": "10"}
    gateway.start()
    gateway.kill()
    for seq in range(300):
        device.say(sample(seq))
    gateway.start()
    wait_for(lambda: gateway.metric("vigil_ingest_samples_total") == 300, 60)
    kept = gateway.metric("vigil_ingest_babbling_total")
    goes_on_until_it_babbles(device, gateway, 300)
    assert kept == 0
