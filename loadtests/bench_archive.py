"""The archive: rows a second into TimescaleDB on one connection, each exactly once, beside a bare COPY into the same table in the same run.

The work: 1,000 patients at 1 Hz with six vitals each, in batches as the gateway makes them, 20,000 readings a transaction. "Idempotent"
is all that the worker does: decode, the ledger of sample numbers, refusals, rows, roll-up to-do, offsets. "Bare" is psycopg's COPY of
bytes made ahead, rows in the same order. The two take turns, and the figures are over all turns. Then the worker itself, from Kafka.
Roll-ups are not part of it.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import psycopg
from confluent_kafka import Producer

from loadtests.bench import Parts
from loadtests.figure import Figure
from loadtests.usage import usage
from streams.archive import pgcopy
from streams.archive.readings import Readings
from streams.archive.record import Record
from streams.archive.rows import Samples, joined, present, rows_of
from streams.archive.timescale import Session
from vitals.batch import SCHEMA_ID, Batch, decode, encode
from vitals.registry import V
from vitals.topics import Topics

NAME = "archive"
PATIENTS, PARTITIONS, VITALS = 1000, 4, (0, 1, 2, 3, 5, 6)
SECONDS, ROUNDS, PER_TRANSACTION = 30, 6, 27
START_MS = 1_790_000_000_000
COPY = f"COPY telemetry.reading ({', '.join(pgcopy.COLUMNS)}) FROM STDIN (FORMAT BINARY)"


def run(parts: Parts) -> Iterable[Figure]:
    """The figures."""
    with parts.fresh_database() as url:
        peopled(url)
        yield from in_turns(url)
    with parts.fresh_database() as url, parts.fresh_topics(PARTITIONS) as prefix:
        peopled(url)
        yield from whole_worker(parts.kafka, url, prefix)


def peopled(url: str) -> None:
    """Patients and devices 0 to 999, whose numbers are one more."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO clinical.ward (id, name) VALUES ('bench', 'Bench')")
        for table, prefix, column, value in (("patient", "patient-", "ward", "bench"), ("device", "dev-", "kind", "monitor")):
            statement = f"INSERT INTO clinical.{table} (id, {column}) SELECT '{prefix}' || lpad(n::text, 12, '0'), '{value}' FROM generate_series(0, {PATIENTS - 1}) AS n"  # noqa: S608, E501 - constants
            connection.execute(statement.encode())


def batch(people: np.ndarray, second: int) -> Batch:
    """One sample of each of `people`, (n,) numbers."""
    n = len(people)
    values = np.full((n, V), np.nan)
    values[:, VITALS] = np.random.default_rng(second).normal(80, 5, (n, len(VITALS)))
    at = START_MS + second * 1000 + people
    return Batch(
        patients=tuple(f"patient-{i:012d}" for i in people),
        patient=np.arange(n, dtype=np.int32),
        devices=tuple(f"dev-{i:012d}" for i in people),
        device=np.arange(n, dtype=np.int32),
        seq=np.full(n, second, np.int64),
        observed_at=at,
        received_at=at + 300,
        clock_ms=np.zeros(n, np.int32),
        values=values,
        quality=np.full((n, V), np.nan, np.float32),
        no_value=np.zeros(n, np.uint32),
    )


def records(first: int, count: int, topic: str) -> list[Record]:
    """`count` seconds of everybody, from second `first`, two records a partition and second: 125 samples, 750 readings each."""
    found = []
    for second in range(first, first + count):
        for partition in range(PARTITIONS):
            for half in range(2):
                people = np.arange(partition + PARTITIONS * half, PATIENTS, PARTITIONS * 2)
                body = encode(batch(people, second))
                found.append(Record(topic, partition, (second * 2) + half, body, SCHEMA_ID, end=2**40))
    return found


def streams_of(made: Sequence[Record]) -> list[bytes]:
    """The same rows as COPY streams, a transaction each, made ahead."""
    return [_stream(made[at : at + PER_TRANSACTION]) for at in range(0, len(made), PER_TRANSACTION)]


def _stream(made: Sequence[Record]) -> bytes:
    batches = [decode(record.value) for record in made]
    numbered = joined([_numbered(each) for each in batches])
    return pgcopy.encode(rows_of(numbered, present(numbered)))


def _numbered(b: Batch) -> Samples:
    patients = np.array([int(p.rpartition("-")[2]) + 1 for p in b.patients])[b.patient]
    return Samples(patients, patients, b.seq, b.observed_at, b.received_at, b.clock_ms, b.values, b.quality, b.no_value)


def in_turns(url: str) -> Iterator[Figure]:
    """Idempotent and bare, round about."""
    sink = Readings(Session(url, "bench-archive"), "bench", lambda _noted: None)
    sink.store(records(0, 1, "bench"))
    rows = SECONDS * PATIENTS * len(VITALS)
    ours, bare, cpu = 0.0, 0.0, 0.0
    second = 1
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(ROUNDS):
            made, ahead = records(second, SECONDS, "bench"), streams_of(records(second + 10**6, SECONDS, "bench"))
            second += SECONDS
            started, used = time.perf_counter(), time.process_time()
            stored = sum(sink.store(made[at : at + PER_TRANSACTION]).rows for at in range(0, len(made), PER_TRANSACTION))
            ours, cpu = ours + time.perf_counter() - started, cpu + time.process_time() - used
            if stored != rows:
                raise AssertionError(f"stored {stored} of {rows} rows")
            started = time.perf_counter()
            for stream in ahead:
                with connection.cursor() as cursor, cursor.copy(COPY.encode()) as copy:
                    copy.write(stream)
            bare += time.perf_counter() - started
    yield Figure("archive, idempotent, one connection", ROUNDS * rows / ours, "rows/s")
    yield Figure("archive, bare COPY into the same table", ROUNDS * rows / bare, "rows/s")
    yield Figure("archive, idempotent, its own CPU", ROUNDS * rows / cpu, "rows/CPU-s")


def whole_worker(bootstrap: str, url: str, prefix: str) -> Iterator[Figure]:
    """Everything from Kafka: the worker finds two minutes' readings waiting for it."""
    made = records(0, SECONDS * 4, Topics(prefix).readings)
    producer = Producer({"bootstrap.servers": bootstrap, "compression.type": "lz4"})
    for record in made:
        producer.produce(record.topic, record.value, partition=record.partition, headers=[("schema", SCHEMA_ID)])
        producer.poll(0)
    producer.flush(60)
    rows = len(made) * PATIENTS // (PARTITIONS * 2) * len(VITALS)
    environ = os.environ | {"VIGIL_KAFKA": bootstrap, "VIGIL_DATABASE": url, "VIGIL_TOPIC_PREFIX": prefix, "VIGIL_ROLLUP_S": "3600"}
    with worker(environ) as pid, psycopg.connect(url, autocommit=True) as connection:
        first = _waited(connection, 1)
        idle = usage(pid)
        last = _waited(connection, rows)
        end = usage(pid)
    yield Figure("archive, worker from Kafka", (rows - first[1]) / max(last[0] - first[0], 1e-3), "rows/s")
    yield Figure("archive, worker from Kafka, its own CPU", (rows - first[1]) / max(end.cpu_s - idle.cpu_s, 1e-3), "rows/CPU-s")
    yield Figure("archive, worker's memory", end.rss_mb, "MB")


@contextmanager
def worker(environ: dict[str, str]) -> Iterator[int]:
    """The worker's process id."""
    process = subprocess.Popen([sys.executable, "-m", "streams.archive_app", "worker"], env=environ)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _waited(connection: psycopg.Connection[tuple[int]], rows: int) -> tuple[float, int]:
    """When at least `rows` were there, and how many."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        found = connection.execute("SELECT count(*) FROM telemetry.reading").fetchone()
        if found and found[0] >= rows:
            return time.monotonic(), found[0]
        time.sleep(0.05)
    raise TimeoutError(f"no {rows} rows within 300 s")
