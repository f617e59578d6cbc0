"""The live feed: 500 dashboards on wards of 40 patients at 1 Hz from one process; then the same beside readers that do not read.

In: a real Kafka and database. Out: age of a value when a dashboard has it (p50, p99; from the hand-over to Kafka), CPU of the feed's
process as a share of one core, its memory. The dashboards run in a process of their own on the same machine.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import psutil
from confluent_kafka import Producer

from loadtests import doors
from loadtests.bench import Parts
from loadtests.figure import Figure
from vitals import batch, registry
from vitals.context import PatientContext
from vitals.topics import Topics, partition_of

NAME = "live"
WARDS, BEDS, DASHBOARDS, SECONDS, PARTITIONS = 13, 40, 500, 25.0, 4
FLUSHES = 20
"""A second; each carries the twentieth part of the patients, as a gateway's 50 ms would."""
_VITALS = [registry.index(name) for name in ("hr", "spo2", "rr", "sbp", "dbp", "temp")]


def run(parts: Parts) -> Iterable[Figure]:
    """Quiet first, then with one stalled reader."""
    with parts.fresh_database() as database, parts.fresh_topics(PARTITIONS) as prefix, tempfile.TemporaryDirectory() as folder:
        admitted(parts.kafka, prefix)
        token = doors.account(database)
        with doors.feed(parts, database, prefix, Path(folder)) as (address, process), beating(parts.kafka, prefix):
            yield from measured("live", address, token, process, 0)
            yield from measured("live, beside a stalled reader", address, token, process, 1)


def wards() -> list[str]:
    """Their names."""
    return [f"ward{n}" for n in range(WARDS)]


def patients() -> list[str]:
    """Their pseudonyms, ward by ward."""
    return [f"00000000-0000-4000-8000-{n:012d}" for n in range(WARDS * BEDS)]


def admitted(kafka: str, prefix: str) -> None:
    """Everybody's context on the topic."""
    producer = Producer({"bootstrap.servers": kafka})
    for n, patient in enumerate(patients()):
        context = PatientContext(patient=patient, version=1, ward=wards()[n // BEDS], bed=str(n % BEDS))
        producer.produce(Topics(prefix).patients, msgspec.json.encode(context), patient, partition=partition_of(patient, PARTITIONS))
    producer.flush(30)


@contextmanager
def beating(kafka: str, prefix: str) -> Iterator[None]:
    """Every patient's six vitals once a second, while within."""
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(kafka, Topics(prefix).readings, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(kafka: str, topic: str, over: threading.Event) -> None:
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 0})
    everyone = patients()
    turn, begun = 0, time.monotonic()
    while not over.wait(max(0.0, begun + turn / FLUSHES - time.monotonic())):
        mine = everyone[turn % FLUSHES :: FLUSHES]
        for partition in range(PARTITIONS):
            there = tuple(p for p in mine if partition_of(p, PARTITIONS) == partition)
            if there:
                producer.produce(topic, batch.encode(samples(there, turn)), partition=partition, headers=[("schema", batch.SCHEMA_ID)])
        producer.poll(0)
        turn += 1
    producer.flush(10)


def samples(there: tuple[str, ...], turn: int) -> batch.Batch:
    """One sample of each, now."""
    n, rows = len(there), np.arange(len(there), dtype=np.int32)
    values = np.full((n, registry.V), np.nan)
    values[:, _VITALS] = 80 + np.random.default_rng(turn).integers(0, 9, (n, len(_VITALS)))
    now = np.full(n, time.time_ns() // 1_000_000)
    quality = np.full((n, registry.V), np.nan, np.float32)
    zero = np.zeros(n, np.int32)
    return batch.Batch(there, rows, there, rows, np.full(n, turn), now, now, zero, values, quality, np.zeros(n, np.uint32))


def measured(name: str, address: str, token: str, process: psutil.Process, stalls: int) -> Iterator[Figure]:
    """One round of dashboards; CPU over the time in which all of them listen."""
    command = [sys.executable, "-m", "loadtests.dashboards", address, token, ",".join(wards()), str(DASHBOARDS), str(SECONDS), str(stalls)]
    clients = subprocess.Popen(command, stdout=subprocess.PIPE)
    time.sleep(6)
    before, at = process.cpu_times(), time.monotonic()
    time.sleep(SECONDS - 10)
    after, over = process.cpu_times(), time.monotonic()
    told = json.loads(clients.communicate(timeout=120)[0])
    busy = (after.user + after.system - before.user - before.system) / (over - at)
    yield Figure(f"{name}: {DASHBOARDS} dashboards, {WARDS * BEDS} patients at 1 Hz, update p50", told["p50"], "ms")
    yield Figure(f"{name}: update p99", told["p99"], "ms")
    yield Figure(f"{name}: of it the measuring's own lateness, p99", told["lag_p99"], "ms")
    yield Figure(f"{name}: CPU of the feed", 100 * busy, "% of one core")
    yield Figure(f"{name}: frames sent", told["messages"] / SECONDS, "frames/s")
    yield Figure(f"{name}: memory of the feed", process.memory_info().rss / 1e6, "MB")
