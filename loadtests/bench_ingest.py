"""`./vigil bench ingest`: what the doors cost, and what one kind of load costs another.

Messages a CPU second of the door's process, from the first publish until Kafka holds all: vitals over MQTT plain and over TLS, an ECG's
seconds (250 Hz, 100 patients), HL7 over MLLP. Then the latency of live readings, from the moment a device says them until they are in
Kafka: a hundred devices with 300 a second, alone, beside 1,000 devices that come back with six hours each, and beside one that babbles.
Last the devices of one HL7 connection, alone and beside one that babbles through it.
"""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import psycopg
from confluent_kafka import Consumer

from loadtests.bench import Parts
from loadtests.bench_gateway import DEADLINE_S, ENROL, GATEWAY, process
from loadtests.figure import Figure
from loadtests.kafka import length
from loadtests.messages import BACKLOG_EVERY_S, BACKLOG_S, BATCH
from loadtests.usage import usage
from vitals.batch import decode
from vitals.topics import Topics

NAME = "ingest"
DEVICES, LIVE, RATE, LIVE_S = 1_101, 100, 300, 15
VITALS, CHUNKS, PATIENTS, ORUS, CONNECTIONS = 40_000, 6_000, 100, 2_000, 16
BABBLE = 20_000
ENGINE_S, ENGINE_RATE, ENGINE_QUOTA = 15, 30, {"VIGIL_QUOTA_RATE": "10", "VIGIL_QUOTA_BURST": "100"}
BACK = DEVICES - LIVE - 1
BACKLOG = BACK * (BACKLOG_S // BACKLOG_EVERY_S // BATCH)
QUIET_S = 3.0
BABBLER = f"bench-{DEVICES - 1}"


@dataclass(frozen=True, slots=True)
class Stage:
    """The parts with a database and topics of this benchmark's own."""

    parts: Parts
    environ: Mapping[str, str]
    topics: Topics

    def load(self, url: str, *words: object) -> "subprocess.Popen[bytes]":
        """A load generator under way."""
        return subprocess.Popen([sys.executable, "-m", "loadtests.mqtt", url, *map(str, words)])

    def held(self) -> int:
        """Samples and chunks in Kafka now. A record of `readings` may hold many: those are decoded by `Heard`."""
        return length(self.parts.kafka, self.topics.waveforms)


def run(parts: Parts) -> Iterable[Figure]:
    """All of them, in about three minutes."""
    with parts.fresh_database() as database, parts.fresh_topics() as prefix:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(ENROL.format(n=DEVICES).encode())
        environ = {"VIGIL_DATABASE": database, "VIGIL_TOPIC_PREFIX": prefix, "VIGIL_GATEWAY": GATEWAY, "VIGIL_KAFKA": parts.kafka}
        stage = Stage(parts, environ, Topics(prefix))
        with Heard(parts.kafka, stage.topics.readings) as heard:
            with process(["ingest.gateway_main"], {**environ, "VIGIL_MQTT": parts.mqtt}, parts) as pid:
                yield from _vitals("vitals, MQTT", stage, pid, heard, (parts.mqtt, 0))
                yield from _waveforms(stage, pid)
                yield from _latencies(stage, heard)
            url, ca = parts.mqtt_tls
            with process(["ingest.gateway_main"], {**environ, "VIGIL_MQTT": url, "VIGIL_MQTT_CA": ca}, parts) as pid:
                yield from _vitals("vitals, MQTT over TLS", stage, pid, heard, (url, 1_000_000, "--ca", ca))
            yield from _mllp(stage, heard)
            yield from _engine(stage)


class Heard:
    """`readings` as they come: how many samples, and how late those of the live devices were (record's time - observed_at, ms)."""

    def __init__(self, kafka: str, topic: str) -> None:
        self._consumer = Consumer({"bootstrap.servers": kafka, "group.id": f"bench-{time.time_ns()}", "auto.offset.reset": "earliest"})
        self._consumer.subscribe([topic])
        self._live = {f"bench-{n}" for n in range(LIVE)}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self.samples, self.babbled = 0, 0
        self.late: list[int] = []

    def __enter__(self) -> "Heard":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def until(self, samples: int, what: str) -> None:
        """Waits until so many have come since the benchmark began."""
        end = time.monotonic() + DEADLINE_S
        while self.samples < samples:
            if time.monotonic() > end:
                raise TimeoutError(f"{what}: {self.samples} of {samples} samples are in Kafka")
            time.sleep(0.05)

    def _listen(self) -> None:
        while not self._stop.is_set():
            message = self._consumer.poll(0.2)
            if message is None or message.error() is not None:
                continue
            batch = decode(message.value())
            mine = np.array([d in self._live for d in batch.devices])[batch.device]
            self.late += (message.timestamp()[1] - batch.observed_at[mine]).tolist()
            self.babbled += int(np.array([d == BABBLER for d in batch.devices])[batch.device].sum())
            self.samples += len(batch)


def _vitals(name: str, stage: Stage, pid: int, heard: Heard, load: tuple[object, ...]) -> Iterator[Figure]:
    url, first_seq, *rest = load
    before, used = heard.samples, usage(pid).cpu_s
    stage.load(str(url), DEVICES, VITALS, 0, first_seq, *rest).wait(DEADLINE_S)
    heard.until(before + VITALS, name)
    yield Figure(name, round(VITALS / (usage(pid).cpu_s - used)), "messages/CPU-s")


def _waveforms(stage: Stage, pid: int) -> Iterator[Figure]:
    used, end = usage(pid).cpu_s, time.monotonic() + DEADLINE_S
    stage.load(stage.parts.mqtt, PATIENTS, CHUNKS, 0, 0, "--kind", "waveform").wait(DEADLINE_S)
    while stage.held() < CHUNKS:
        if time.monotonic() > end:
            raise TimeoutError(f"waveforms: {stage.held()} of {CHUNKS} chunks are in Kafka")
        time.sleep(0.1)
    cpu = usage(pid).cpu_s - used
    yield Figure("waveform, ECG at 250 Hz, a second a message", round(CHUNKS / cpu), "messages/CPU-s")
    yield Figure(f"waveform, {PATIENTS} patients' ECG, share of a core", round(100 * PATIENTS * cpu / CHUNKS, 1), "%")


def _latencies(stage: Stage, heard: Heard) -> Iterator[Figure]:
    """The hundred alone, then beside each of two kinds of trouble."""
    other = {
        "alone": (),
        f"beside {BACK:,} devices' six hours": (BACK, BACKLOG, 0, 100_000, "--kind", "backlog", "--first", LIVE),
        "beside a babbling device": (1, BABBLE, 0, 200_000, "--first", DEVICES - 1),
    }
    for turn, (name, words) in enumerate(other.items()):
        heard.late.clear()
        samples = heard.samples
        live = stage.load(stage.parts.mqtt, LIVE, RATE * LIVE_S, RATE, 300_000 + turn * 10_000, "--kind", "live")
        trouble = stage.load(stage.parts.mqtt, *words) if words else None
        began = time.monotonic()
        live.wait(DEADLINE_S)
        if trouble is not None:
            trouble.wait(DEADLINE_S)
        if "six hours" in name:
            heard.until(samples + RATE * LIVE_S + BACKLOG * BATCH, name)
            yield Figure(f"backlog, {BACKLOG * BATCH:,} samples until in Kafka", round(time.monotonic() - began, 1), "s")
        time.sleep(QUIET_S)
        for quantile in (50, 99):
            yield Figure(f"live readings {name}: said to Kafka, p{quantile}", float(np.percentile(heard.late, quantile)), "ms")
    yield Figure(f"messages of the babbling device let in, of {BABBLE:,}", float(heard.babbled), "messages")


@contextmanager
def _door(stage: Stage, quota: Mapping[str, str] = MappingProxyType({})) -> Iterator[tuple[int, int]]:
    """The MLLP door's process: (its id, its port)."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    with process(["ingest.mllp_main"], {**stage.environ, **quota, "VIGIL_MLLP_PORT": str(port)}, stage.parts) as pid:
        yield pid, port


def _mllp(stage: Stage, heard: Heard) -> Iterator[Figure]:
    with _door(stage) as (pid, port):
        before, used = heard.samples, usage(pid).cpu_s
        words = ["127.0.0.1", str(port), str(CONNECTIONS), str(ORUS)]
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "loadtests.mllp", *words], check=True, timeout=DEADLINE_S)
        took, cpu = time.monotonic() - began, usage(pid).cpu_s - used
        heard.until(before + ORUS, "MLLP")
    yield Figure("MLLP, six OBX a message, acknowledged when durable", round(ORUS / cpu), "messages/CPU-s")
    yield Figure(f"MLLP, {CONNECTIONS} senders, each waiting for its ACK", round(ORUS / took), "messages/s")


def _engine(stage: Stage) -> Iterator[Figure]:
    """Twenty devices' messages through one connection, alone and beside one that says three times its quota through it."""
    for name, rate in {"alone": 0, "beside a babbling device": ENGINE_RATE}.items():
        with _door(stage, ENGINE_QUOTA) as (_, port):
            words = ["127.0.0.1", str(port), "engine", str(ENGINE_S), str(rate)]
            told = json.loads(subprocess.check_output([sys.executable, "-m", "loadtests.mllp", *words], timeout=DEADLINE_S))
        for quantile in (50, 99):
            waited = float(np.percentile(told["waited"], quantile))
            yield Figure(f"MLLP, 20 devices through one connection, {name}: due to ACK, p{quantile}", waited, "ms")
    yield Figure(f"messages of that babbling device taken, of {ENGINE_S * ENGINE_RATE}", float(told["taken"]), "messages")
