"""`./vigil bench alerts`: the alert worker on a real Kafka and a real PostgreSQL, as the process that runs in service.

Findings a CPU second (each a new alert, then an update and an end of it: event, projection, outbox, topic); from the gateway's stamp to
the pager's door, singly and in a flood of 500 patients; how many pages the flood's end and a gateway's loss with 40 devices make; the
worker's memory and pace with 100,000 open alerts in the table.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import msgspec
import numpy as np
import psycopg
from confluent_kafka import Producer

from loadtests.bench import Parts
from loadtests.figure import Figure
from loadtests.pager import Pager
from loadtests.usage import usage
from vitals.finding import Finding, Phase, Priority, finding_id
from vitals.topics import Topics, partition_of

NAME = "alerts"
PARTITIONS = 4
PATIENTS = 3_000
SINGLE = 200
FLOOD = 500
FLOOD_PAGES = 55
DEVICES = 40
OPEN = 100_000
DEADLINE_S = 180.0


def now_ms() -> int:
    """ms since 1970."""
    return time.time_ns() // 1_000_000


def finding(patient: str, ward: str, priority: Priority, start: int, phase: Phase = "start") -> Finding:
    """One record as detection makes it."""
    at = now_ms()
    return Finding(
        id=finding_id(patient, "limits", "hr", start), phase=phase, patient=patient, ward=ward, rule="limits", rule_version=1,
        alert_class="physiological", priority=priority, title="Heart rate 151 /min, above 140", subject="hr", started_at=start, at=at,
        received_at=at, detected_at=at, evidence={"value": 151.0, "unit": "/min", "limit": 140.0, "lasted_ms": 15_000},
    )  # fmt: skip


def silent(patient: str, device: str, start: int) -> Finding:
    """A device's silence, as detection says it."""
    return msgspec.structs.replace(
        finding(patient, "hub", "medium", start), id=finding_id(patient, "silence", device, start), rule="silence", subject=device,
        alert_class="technical", title="No readings for 60 s", evidence={"cadence_s": 1.0},
    )  # fmt: skip


class Bench:
    """One worker with its topics and database."""

    def __init__(self, parts: Parts, prefix: str, database: str, pager: Pager) -> None:
        self.topics, self.database, self.pager = Topics(prefix), database, pager
        self._producer = Producer({"bootstrap.servers": parts.kafka, "linger.ms": 5})
        servers = {"VIGIL_KAFKA": parts.kafka, "VIGIL_DATABASE": database}
        self._environ = servers | {"VIGIL_TOPIC_PREFIX": prefix, "VIGIL_WEBHOOK_URL": pager.url}

    def say(self, findings: Iterable[Finding]) -> None:
        """Produces them."""
        for one in findings:
            body = msgspec.json.encode(one)
            self._producer.produce(self.topics.findings, body, one.patient.encode(), partition_of(one.patient, PARTITIONS))
            self._producer.poll(0)
        self._producer.flush(30)

    @contextmanager
    def worker(self) -> Iterator[int]:
        """The worker's pid."""
        process = subprocess.Popen([sys.executable, "-m", "alerts.alerts_main"], env=os.environ | self._environ, stderr=subprocess.DEVNULL)
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait(30)

    def wait(self, sql: str, value: object, least: int) -> None:
        """Until the count that the query gives is there. Raises TimeoutError."""
        end = time.monotonic() + DEADLINE_S
        with psycopg.connect(self.database, autocommit=True) as connection:
            while True:
                row = connection.execute(sql.encode(), [value]).fetchone()
                if row is not None and row[0] >= least:
                    return
                if time.monotonic() > end:
                    raise TimeoutError(f"{row} of {least}: {sql}")
                time.sleep(0.05)

    def count(self, sql: str, value: object) -> int:
        """What a counting query gives."""
        with psycopg.connect(self.database) as connection:
            row = connection.execute(sql.encode(), [value]).fetchone()
            return int(row[0]) if row else 0

    def keys(self, prefix: str) -> dict[str, int]:
        """Page -> when its alert's finding came in, of the patients with this prefix."""
        sql = (
            "SELECT p.id, (a.body->'delays'->>'received')::bigint FROM alerting.page p JOIN alerting.alert a ON a.id = p.alert"
            " WHERE a.patient LIKE %s AND p.kind IN ('raised', 'waited')"
        )
        with psycopg.connect(self.database) as connection:
            return dict(connection.execute(sql, [f"{prefix}%"]).fetchall())


RAISED = "SELECT count(*) FROM alerting.alert WHERE patient LIKE %s"
ENDED = "SELECT count(*) FROM alerting.alert WHERE patient LIKE %s AND ended_at IS NOT NULL"
PAGED = "SELECT count(*) FROM alerting.page p JOIN alerting.alert a ON a.id = p.alert WHERE a.patient LIKE %s"
SETTLE_S = 3.0  # longer than a held high waits, and many ticks
EVENTS = (
    "SELECT count(*) FROM alerting.event e JOIN alerting.alert a ON a.id = e.alert"
    " WHERE a.patient LIKE %s AND e.kind IN ('raised', 'updated', 'ended')"
)
DELIVERED = "SELECT count(*) FROM alerting.page p JOIN alerting.alert a ON a.id = p.alert WHERE a.patient LIKE %s AND p.state = 'delivered'"
FILL = """
INSERT INTO alerting.alert
    (id, version, patient, ward, class, priority, state, rule, subject, started_at, raised_at, partition, body, memory)
SELECT 'old' || n, 1, 'old' || n, 'old', 'physiological', 'low', 'acknowledged', 'limits', 'hr', now(), now(), n %% 4,
       a.body || jsonb_build_object('id', 'old' || n, 'patient', 'old' || n), a.memory
FROM generate_series(1, %s) n, (SELECT body, memory FROM alerting.alert LIMIT 1) a
"""


def throughput(bench: Bench, pid: int, what: str, prefix: str, patients: int) -> Iterable[Figure]:
    """Start, update and end of a low alert for each patient; each patient a ward of its own, so that nothing is held."""
    start = now_ms()
    before, begun = usage(pid).cpu_s, time.monotonic()
    phases: Sequence[Phase] = ("start", "update", "end")
    bench.say(finding(f"{prefix}{n}", f"{prefix}{n}", "medium", start + n, phase) for phase in phases for n in range(patients))
    bench.wait(EVENTS, f"{prefix}%", 3 * patients)
    took, used = time.monotonic() - begun, usage(pid)
    yield Figure(f"alerts: findings {what}, wall", 3 * patients / took, "findings/s")
    yield Figure(f"alerts: findings {what}", 3 * patients / (used.cpu_s - before), "findings/CPU-s")
    yield Figure(f"alerts: worker's memory {what}", used.rss_mb, "MB")


def delays(bench: Bench, prefix: str) -> list[int]:
    """ms from the gateway's stamp to the pager, of every page."""
    return [bench.pager.came[key] - received for key, received in bench.keys(prefix).items() if key in bench.pager.came]


def percentiles(what: str, found: Sequence[int]) -> Iterable[Figure]:
    """p50 and p99, and of how many."""
    yield Figure(f"alerts: {what}, pages", float(len(found)), "pages")
    yield Figure(f"alerts: {what}, reading to page p50", float(np.percentile(found, 50)), "ms")
    yield Figure(f"alerts: {what}, reading to page p99", float(np.percentile(found, 99)), "ms")


def singles(bench: Bench) -> Iterable[Figure]:
    """High alerts one after another, 20 a second."""
    for n in range(SINGLE):
        bench.say([finding(f"single{n}", f"single{n}", "high", now_ms())])
        time.sleep(0.05)
    bench.wait(DELIVERED, "single%", SINGLE)
    yield from percentiles("high, 20 a second", delays(bench, "single"))


def flood(bench: Bench) -> Iterable[Figure]:
    """500 patients of five wards, high, at once: ten pages a ward and one for the others."""
    start = now_ms()
    bench.say(finding(f"flood{n}", f"flood-ward{n % 5}", "high", start) for n in range(FLOOD))
    bench.wait(DELIVERED, "flood%", FLOOD_PAGES)
    yield from percentiles("flood of 500 patients, high", delays(bench, "flood"))
    bench.say(finding(f"flood{n}", f"flood-ward{n % 5}", "high", start, "end") for n in range(FLOOD))
    bench.wait(ENDED, "flood%", FLOOD)
    time.sleep(SETTLE_S)
    yield Figure("alerts: the flood's end, further pages", float(bench.count(PAGED, "flood%") - FLOOD_PAGES), "pages")


def gateway_lost(bench: Bench) -> Iterable[Figure]:
    """40 devices of as many patients fall silent with the gateway through which they speak."""
    with psycopg.connect(bench.database) as connection:
        connection.execute("INSERT INTO clinical.ward (id, name) VALUES ('hub', 'Hub')")
        connection.execute("INSERT INTO clinical.device (id, kind, ward) VALUES ('hub', 'gateway', 'hub')")
        for n in range(DEVICES):
            connection.execute("INSERT INTO clinical.device (id, kind, gateway) VALUES (%s, 'monitor', 'hub')", [f"hub-{n}"])
    start = now_ms()
    bench.say(silent(f"hub{n}", f"hub-{n}", start) for n in range(DEVICES))
    bench.wait(RAISED, "hub%", DEVICES)
    bench.wait(DELIVERED, "hub%", 1)
    time.sleep(SETTLE_S)
    yield Figure("alerts: 40 devices lost with one gateway", float(bench.count(PAGED, "hub%")), "pages")


def fill(database: str) -> None:
    """100,000 open alerts of as many patients."""
    with psycopg.connect(database) as connection:
        connection.execute(FILL, [OPEN])


def run(parts: Parts) -> Iterable[Figure]:
    """All of it, one worker after another on one database."""
    with parts.fresh_topics(PARTITIONS) as prefix, parts.fresh_database() as database, Pager() as pager:
        bench = Bench(parts, prefix, database, pager)
        with bench.worker() as pid:
            bench.say([finding("warm", "warm", "low", now_ms())])
            bench.wait(EVENTS, "warm", 1)
            yield from singles(bench)
            yield from flood(bench)
            yield from gateway_lost(bench)
            yield from throughput(bench, pid, "taken", "many", PATIENTS)
        fill(database)
        with bench.worker() as pid:
            bench.say([finding("again", "again", "low", now_ms())])
            bench.wait(EVENTS, "again", 1)
            yield from throughput(bench, pid, "with 100,000 open alerts", "more", PATIENTS)
