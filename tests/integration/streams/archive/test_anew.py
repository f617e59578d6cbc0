"""A topic that was made anew is told from records that waited here while another worker stored them, by asking Kafka for its end."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from confluent_kafka import Producer

from streams.archive.anew import Asking
from streams.archive.kafka import end_now
from streams.archive.readings import Readings
from streams.archive.record import Record
from streams.archive.sift import Noted
from streams.archive.timescale import Session
from tests.unit.streams.archive.made import record
from vitals.errors import PartAway
from vitals.topics import Topics

Ask = Callable[..., list[tuple[object, ...]]]
PROGRESS = "SELECT next_offset::int FROM telemetry.progress"


def records(topic: str, *offsets: int, end: int) -> list[Record]:
    """A sample in each; `end` is what Kafka said when they came in."""
    return [replace(record([("p1", "d1", n, 1_700_000_000_000 + n, {0: 70.0})], n, topic=topic), end=end) for n in offsets]


@pytest.fixture
def worker(kafka: str, known: str, topics: Topics, told: list[Noted]) -> Asking:
    """The sink of readings as the worker has it."""
    return Asking(Readings(Session(known, "worker"), topics.readings, told.extend), partial(end_now, kafka))


@pytest.fixture
def five_in_kafka(kafka: str, topics: Topics) -> None:
    """Partition 0 ends at 5."""
    producer = Producer({"bootstrap.servers": kafka})
    for _ in range(5):
        producer.produce(topics.readings, b"x", partition=0)
    producer.flush(30)


def test_what_waited_while_another_worker_stored_is_passed_over(
    five_in_kafka: None, worker: Asking, topics: Topics, told: list[Noted], ask: Ask
) -> None:
    worker.store(records(topics.readings, *range(5), end=5))
    done = worker.store(records(topics.readings, 1, 2, end=3))
    assert (done.rows, done.skipped, told, ask(PROGRESS)) == (0, 2, [], [(5,)])


def test_a_topic_that_was_made_anew_is_stored_from_its_start(five_in_kafka: None, worker: Asking, topics: Topics, ask: Ask) -> None:
    worker.store(records(topics.readings, *range(500, 510), end=510))
    done = worker.store(records(topics.readings, *range(5), end=5))
    assert (done.rows, ask(PROGRESS)) == (5, [(5,)])


def test_a_topic_that_kafka_does_not_have_has_no_end(kafka: str) -> None:
    with pytest.raises(PartAway):
        end_now(kafka, "made-by-nobody", 0)
