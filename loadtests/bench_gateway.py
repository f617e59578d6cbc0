"""`./vigil bench gateway`: MQTT QoS 1 to Kafka acknowledged, decoded, checked and attributed, beside a bare bridge that does none of it.

One gateway process, one load generator (its CPU is not counted), six vitals a message, 1,000 devices. CPU is that of the
gateway's process with all its threads. First as fast as it goes, then at 1,500 messages a second, where a flush is small.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import psycopg
from confluent_kafka import Consumer
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from loadtests.bench import Parts
from loadtests.figure import Figure
from loadtests.kafka import length
from loadtests.usage import usage
from vitals.batch import decode
from vitals.settings import broker
from vitals.topics import Topics

NAME = "gateway"
DEVICES, MESSAGES, PACED, RATE = 1_000, 200_000, 30_000, 1_500
GATEWAY = "bench-gateway"
DEADLINE_S = 180.0

ENROL = """
INSERT INTO clinical.ward (id, name) VALUES ('bench', 'Bench');
INSERT INTO clinical.patient (id, ward) SELECT gen_random_uuid(), 'bench' FROM generate_series(1, {n});
INSERT INTO clinical.device (id, kind) SELECT 'bench-' || i, 'monitor' FROM generate_series(0, {n} - 1) i;
INSERT INTO clinical.assignment (device, n, patient, during, author)
SELECT 'bench-' || (row_number() OVER () - 1), 1, id, '[2001-01-01,)', 'bench' FROM clinical.patient"""


def run(parts: Parts) -> Iterable[Figure]:
    """The gateway, then the bare bridge."""
    with parts.fresh_database() as database, parts.fresh_topics() as prefix:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(ENROL.format(n=DEVICES).encode())
        topics = Topics(prefix)
        environ = {"VIGIL_DATABASE": database, "VIGIL_TOPIC_PREFIX": prefix, "VIGIL_GATEWAY": GATEWAY}
        with process(["ingest.gateway_main"], {**environ, "VIGIL_KAFKA": parts.kafka, "VIGIL_MQTT": parts.mqtt}, parts) as pid:
            stored = Stored(parts.kafka, topics.readings)
            for name, messages, rate in (("as fast as it goes", MESSAGES, 0), (f"at {RATE}/s", PACED, RATE)):
                yield from measured(f"gateway, six vitals decoded and checked, {name}", pid, parts, (messages, rate), stored.count)
    with parts.fresh_topics() as prefix:
        topic = Topics(prefix).readings
        with process(["loadtests.paho_bridge", parts.mqtt, parts.kafka, topic], {}, parts) as pid:
            for name, messages, rate in (("as fast as it goes", MESSAGES // 4, 0), (f"at {RATE}/s", PACED, RATE)):
                yield from measured(f"rival: bare paho bridge, {name}", pid, parts, (messages, rate), lambda: length(parts.kafka, topic))


class Stored:
    """Samples in `readings`, counted from the records themselves as they come."""

    def __init__(self, kafka: str, topic: str) -> None:
        self._consumer = Consumer({"bootstrap.servers": kafka, "group.id": f"bench-{time.time_ns()}", "auto.offset.reset": "earliest"})
        self._consumer.subscribe([topic])
        self._seen: set[tuple[str, int]] = set()

    def count(self) -> int:
        """Different samples so far."""
        while (message := self._consumer.poll(0.2)) is not None:
            if message.error() is None:
                batch = decode(message.value())
                self._seen.update(zip((batch.devices[d] for d in batch.device.tolist()), batch.seq.tolist(), strict=True))
        return len(self._seen)


def measured(name: str, pid: int, parts: Parts, load: tuple[int, int], stored: Callable[[], int]) -> Iterator[Figure]:
    """Messages a CPU second of `pid`, from the first publish until Kafka holds all; and its memory."""
    messages, rate = load
    before, used, began = stored(), usage(pid).cpu_s, time.monotonic()
    command = [sys.executable, "-m", "loadtests.mqtt", parts.mqtt, str(DEVICES), str(messages), str(rate), str(before)]
    subprocess.run(command, check=True, timeout=DEADLINE_S)
    while stored() - before < messages:
        if time.monotonic() - began > DEADLINE_S:
            raise TimeoutError(f"{name}: {stored() - before} of {messages} messages are in Kafka")
        time.sleep(0.1)
    cpu = usage(pid).cpu_s - used
    yield Figure(name, round(messages / cpu), "messages/CPU-s")
    yield Figure(f"{name}, CPU", round(cpu, 2), "s")
    yield Figure(f"{name}, memory", round(usage(pid).rss_mb), "MB")


@contextmanager
def process(argv: list[str], environ: dict[str, str], parts: Parts) -> Iterator[int]:
    """A Python module running, subscribed; its session is taken off the broker at the end."""
    forget(parts.mqtt, GATEWAY)
    child = subprocess.Popen([sys.executable, "-m", *argv], env={**os.environ, **environ}, stderr=subprocess.DEVNULL)
    try:
        time.sleep(4)  # to be subscribed: neither process can be asked without a port of its own
        yield child.pid
    finally:
        child.terminate()
        child.wait(30)
        forget(parts.mqtt, GATEWAY)


def forget(url: str, client_id: str) -> None:
    """Takes a session off the broker: a dead member of the shared subscription would still be given its share."""
    to = broker(url)
    client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTv5)
    client.username_pw_set(to.username, to.password)
    client.connect(to.host, to.port, clean_start=True)
    client.loop_start()
    until = time.monotonic() + 10
    while not client.is_connected() and time.monotonic() < until:
        time.sleep(0.02)
    client.disconnect()
    client.loop_stop()
