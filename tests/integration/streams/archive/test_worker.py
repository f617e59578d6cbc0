"""The archiving worker as a process, on real Kafka and TimescaleDB: killed, cut off, started again."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

import msgspec
import pytest
from confluent_kafka import Producer

from deploy.parts import running
from tests.integration.streams.archive.outlet import Outlet
from tests.unit.streams.archive.made import Sample, batch
from tests.waiting import wait_for
from vitals.batch import SCHEMA_ID, encode
from vitals.link import Link
from vitals.refusal import Reason, Refusal
from vitals.topics import Topics

pytestmark = pytest.mark.slow
Ask = Callable[..., list[tuple[object, ...]]]
COUNTS = "SELECT count(*), count(DISTINCT (device_no, seq)) FROM telemetry.reading"
REFUSED = "SELECT reason, sum(times)::int FROM telemetry.refusal GROUP BY 1 ORDER BY 1"
PER_RECORD = 50


@dataclass
class Worker:
    """`python -m streams.archive_app worker`, started as often as a test wants."""

    environ: dict[str, str]
    port: int = field(default_factory=running.free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environ = os.environ | self.environ | {"VIGIL_METRICS_PORT": str(self.port), "VIGIL_ROLLUP_S": "1"}
        self.process = subprocess.Popen([sys.executable, "-m", "streams.archive_app", "worker"], env=environ)

    def end(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(90)

    def metric(self, name: str, label: str = "[^}]*") -> float:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=2) as answer:
                found = re.findall(rf"^{name}(?:{{{label}}})? (\S+)$", answer.read().decode(), re.MULTILINE)
        except OSError:
            return -1.0
        return sum(float(f) for f in found)


@pytest.fixture
def worker(kafka: str, known: str, topics: Topics) -> Iterator[Worker]:
    """Not started yet; killed at the end."""
    made = Worker({"VIGIL_KAFKA": kafka, "VIGIL_DATABASE": known, "VIGIL_TOPIC_PREFIX": topics.prefix})
    yield made
    if made.process is not None and made.process.poll() is None:
        made.end(signal.SIGKILL)


@pytest.fixture
def send(kafka: str, topics: Topics) -> Callable[[int, int], None]:
    """`send(first, last)`: records of device d1 to d4, each on its own partition, PER_RECORD samples of two vitals in each."""
    producer = Producer({"bootstrap.servers": kafka})

    def sent(first: int, last: int) -> None:
        for number in range(first, last):
            for n in range(4):
                body = encode(batch([sample(n, number * PER_RECORD + i) for i in range(PER_RECORD)]))
                producer.produce(topics.readings, body, partition=n, headers=[("schema", SCHEMA_ID)])
        producer.flush(30)

    return sent


def sample(n: int, seq: int) -> Sample:
    return f"p{n + 1}", f"d{n + 1}", seq, 1_700_000_000_000 + seq * 1000, {0: 70.0, 2: 97.0}


def expected(records: int) -> list[tuple[int, int]]:
    """(rows, samples) when so many records of each partition are in."""
    return [(records * PER_RECORD * 4 * 2, records * PER_RECORD * 4)]


def test_killed_again_and_again_in_the_middle_it_stores_everything_once(worker: Worker, send: Callable[[int, int], None], ask: Ask) -> None:
    sent = 0
    for _ in range(3):
        worker.start()
        send(sent, sent + 40)
        sent += 40
        count = ask(COUNTS)[0][0]
        wait_for(lambda count=count: ask(COUNTS)[0][0] > count, 90)
        worker.end(signal.SIGKILL)
    worker.start()
    wait_for(lambda: ask(COUNTS) == expected(sent), 90)
    wait_for(lambda: ask("SELECT sum(n)::int FROM telemetry.rollup_1m") == [(expected(sent)[0][0],)], 90)
    assert (worker.end(signal.SIGTERM), ask(COUNTS), ask(REFUSED)) == (0, expected(sent), [])


def test_with_the_database_away_it_waits_and_takes_up_where_it_was(
    worker: Worker, send: Callable[[int, int], None], ask: Ask, known: str
) -> None:
    with closing(Outlet(known)) as outlet:
        worker.environ["VIGIL_DATABASE"] = outlet.url
        worker.environ["VIGIL_ARCHIVE_MOST_MB"] = "1"
        outlet.away()
        worker.start()
        send(0, 100)
        wait_for(lambda: worker.metric("vigil_archive_retries_total", 'topic="readings"') >= 2 and worker.metric("vigil_behind_ms") > 0, 90)
        away = (worker.metric("vigil_ready"), worker.metric("vigil_archive_in_hand_bytes") <= 2_000_000)
        outlet.back()
        wait_for(lambda: ask(COUNTS) == expected(100), 90)
        outlet.away()
        send(100, 150)
        stopped = worker.end(signal.SIGTERM)
        outlet.back()
        worker.start()
        wait_for(lambda: ask(COUNTS) == expected(150), 90)
        wait_for(lambda: worker.metric("vigil_ready") == 1 and worker.metric("vigil_behind_ms") == 0, 90)
    assert (away, stopped, ask(COUNTS), ask(REFUSED)) == ((0.0, True), 0, expected(150), [])


def test_refusals_links_and_duplicates_arrive_counted_once(
    worker: Worker, send: Callable[[int, int], None], ask: Ask, kafka: str, topics: Topics
) -> None:
    producer = Producer({"bootstrap.servers": kafka})
    refusal = Refusal(reason=Reason.MALFORMED, detail="no JSON", door="mqtt", source="t", received_at=5000, payload=b"x")
    for _ in range(3):
        producer.produce(topics.refused, msgspec.json.encode(refusal), partition=0)
    producer.produce(topics.links, msgspec.json.encode(Link(device="d1", state="online", at=9000)), key="d1", partition=0)
    producer.produce(topics.readings, b"no batch", partition=0)
    producer.flush(30)
    send(0, 2)
    send(0, 1)
    worker.start()
    wait_for(lambda: ask(REFUSED) == [("duplicate", 4 * PER_RECORD), ("malformed", 4)], 90)
    wait_for(lambda: ask("SELECT device FROM telemetry.link") == [("d1",)], 90)
    wait_for(lambda: worker.metric("vigil_archive_refused_total") == 4 * PER_RECORD + 1, 90)
    told = "SELECT sum(next_offset)::int FROM telemetry.progress WHERE topic = %s AND next_offset > 0"
    wait_for(lambda: ask(told, topics.refused) == [(3 + 4 * PER_RECORD + 1,)], 90)
    assert (ask(COUNTS), ask(REFUSED)) == (expected(2), [("duplicate", 4 * PER_RECORD), ("malformed", 4)])


def test_a_database_put_back_to_an_older_state_gets_from_kafka_what_it_lacks(
    worker: Worker, send: Callable[[int, int], None], ask: Ask
) -> None:
    worker.start()
    send(0, 20)
    wait_for(lambda: ask(COUNTS) == expected(20), 90)
    worker.end(signal.SIGTERM)
    ask("WITH a AS (DELETE FROM telemetry.reading), b AS (DELETE FROM telemetry.seen), c AS (DELETE FROM telemetry.seen_recent) SELECT 1")
    ask("WITH a AS (DELETE FROM telemetry.progress) SELECT 1")
    worker.start()
    send(20, 21)
    wait_for(lambda: ask(COUNTS) == expected(21), 90)
    assert (worker.metric("vigil_archive_gaps_total") >= 4, ask(REFUSED)) == (True, [])
