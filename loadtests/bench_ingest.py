"""`./vigil bench ingest`: what one babbling device costs the others at the gateway.

A hundred devices say 300 samples a second together, first alone, then beside one that sends 20,000 messages as fast as the broker takes
them. The figure is the time from a message's arrival at the gateway to its record in Kafka, of the hundred, and what the babbler got in.
"""

import subprocess
import sys
import time
from collections.abc import Iterable

import numpy as np
import psycopg
from confluent_kafka import Consumer

from loadtests.bench import Parts
from loadtests.bench_gateway import ENROL, GATEWAY, process
from loadtests.figure import Figure
from vitals.batch import decode
from vitals.topics import Topics

NAME = "ingest"
DEVICES, RATE, MESSAGES, BABBLE = 101, 300, 4_500, 20_000
BABBLER = "bench-0"
QUIET_S = 8.0


def run(parts: Parts) -> Iterable[Figure]:
    """The hundred alone, then with the babbler."""
    with parts.fresh_database() as database, parts.fresh_topics() as prefix:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(ENROL.format(n=DEVICES).encode())
        environ = {"VIGIL_DATABASE": database, "VIGIL_TOPIC_PREFIX": prefix, "VIGIL_GATEWAY": GATEWAY}
        with process(["ingest.gateway_main"], {**environ, "VIGIL_KAFKA": parts.kafka, "VIGIL_MQTT": parts.mqtt}, parts):
            dwell = Dwell(parts.kafka, Topics(prefix).readings)
            for seq, name in ((0, "alone"), (1_000, "beside a babbling device")):
                said = [_load(parts, DEVICES, MESSAGES, RATE, seq)]
                if seq:
                    said.append(_load(parts, 1, BABBLE, 0, 1_000_000))
                for one in said:
                    one.wait(180)
                others, babbled = dwell.taken()
                yield Figure(f"a hundred devices {name}: arrival to Kafka, p50", float(np.percentile(others, 50)), "ms")
                yield Figure(f"a hundred devices {name}: arrival to Kafka, p99", float(np.percentile(others, 99)), "ms")
        yield Figure(f"messages of the babbling device let in, of {BABBLE}", float(babbled), "messages")


class Dwell:
    """How long samples were in the gateway, from the records themselves."""

    def __init__(self, kafka: str, topic: str) -> None:
        self._consumer = Consumer({"bootstrap.servers": kafka, "group.id": f"bench-{time.time_ns()}", "auto.offset.reset": "earliest"})
        self._consumer.subscribe([topic])

    def taken(self) -> tuple[list[int], int]:
        """ms of each sample since the last call, but for the babbler's, which are counted; ends when nothing has come for QUIET_S."""
        others, babbled = list[int](), 0
        while (message := self._consumer.poll(QUIET_S)) is not None:
            if message.error() is None:
                batch = decode(message.value())
                waited = message.timestamp()[1] - batch.received_at
                mine = np.array([d == BABBLER for d in batch.devices])[batch.device]
                others += waited[~mine].tolist()
                babbled += int(mine.sum())
        return others, babbled


def _load(parts: Parts, devices: int, messages: int, rate: int, first_seq: int) -> "subprocess.Popen[bytes]":
    numbers = [str(n) for n in (devices, messages, rate, first_seq)]
    return subprocess.Popen([sys.executable, "-m", "loadtests.mqtt", parts.mqtt, *numbers])
