"""The waveform worker on a real Kafka: a heart that stops is told once, also when the worker is killed in between."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import numpy as np
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.unit.streams.detect.test_waveform_hearing import spans
from tests.unit.streams.detect.test_waveform_held_back import shaken
from tests.unit.streams.detect.test_waveform_watch import CALM, chunks, heart
from tests.unit.streams.detect.test_waveform_watch import told as told_in_order
from tests.waiting import wait_for
from vitals.context import PatientContext
from vitals.finding import Finding
from vitals.topics import Topics, partition_of
from vitals.waveform import SCHEMA_ID, Waveform, encode

PARTITIONS = 4
DECODER = msgspec.json.Decoder(Finding)


@contextmanager
def worker(kafka: str, topics: Topics, back_s: int = 0) -> Iterator[subprocess.Popen[bytes]]:
    environ = os.environ | {"VIGIL_KAFKA": kafka, "VIGIL_TOPIC_PREFIX": topics.prefix, "VIGIL_HOLD_BACK_S": str(back_s)}
    process = subprocess.Popen([sys.executable, "-m", "streams.waveform_app", "worker"], env=environ)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(60)


def send(kafka: str, topic: str, key: str, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": kafka})
    for value in values:
        producer.produce(topic, value, key, partition_of(key, PARTITIONS), headers=[("schema", SCHEMA_ID)])
    assert producer.flush(20) == 0


def said(kafka: str, topic: str, key: str) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "said", "enable.auto.commit": False})
    place = TopicPartition(topic, partition_of(key, PARTITIONS), 0)
    end = consumer.get_watermark_offsets(place, timeout=10)[1]
    consumer.assign([place])
    values: list[bytes] = []
    while len(values) < end:
        values += [m.value() for m in consumer.consume(500, 1.0) if m.error() is None]
    consumer.close()
    return values


def found(kafka: str, topics: Topics) -> list[Finding]:
    return [DECODER.decode(v) for v in said(kafka, topics.findings, "p")]


def told(kafka: str, topics: Topics) -> list[tuple[str, str, str]]:
    return [(f.rule, f.phase, f.ward) for f in found(kafka, topics)]


def stopping_heart() -> tuple[list[Waveform], list[Waveform]]:
    """An ECG up to 10 s into an asystole, and what follows: the beat returns."""
    whole = chunks(heart([*CALM, 12.0, *CALM]))
    return whole[:58], whole[58:]


def test_a_killed_worker_goes_on_where_it_was(kafka: str, topics: Topics) -> None:
    before, after = stopping_heart()
    send(kafka, topics.patients, "p", [msgspec.json.encode(PatientContext(patient="p", version=1, ward="north"))])
    send(kafka, topics.waveforms, "p", [encode(c) for c in before])
    with worker(kafka, topics) as first:
        wait_for(lambda: said(kafka, topics.watches, "p"), 120, "the asystole and its mark")
        first.kill()
        first.wait(60)
    send(kafka, topics.waveforms, "p", [b"not a chunk"] + [encode(c) for c in after])
    with worker(kafka, topics):
        wait_for(lambda: len(told(kafka, topics)) >= 2, 120, "the end of the asystole")
    assert sorted(set(told(kafka, topics))) == [("ecg_asystole", "end", "north"), ("ecg_asystole", "start", "north")]


def test_chunks_out_of_order_and_twice_are_told_with_the_spans_of_the_order(kafka: str, topics: Topics) -> None:
    stream = chunks(heart([*CALM, 12.0, *CALM]))
    late = shaken(stream, np.random.default_rng(2))
    send(kafka, topics.waveforms, "p", [encode(c) for c in late])
    with worker(kafka, topics):
        wait_for(lambda: spans(found(kafka, topics)) == spans(told_in_order(stream)), 120, "the asystole, from its begin to its end")


def test_held_back_chunks_out_of_order_and_twice_are_told_as_in_order_though_the_worker_is_killed(kafka: str, topics: Topics) -> None:
    late = shaken(chunks(heart([*CALM, 12.0, *CALM])), np.random.default_rng(2))
    send(kafka, topics.patients, "p", [msgspec.json.encode(PatientContext(patient="p", version=1, ward="north"))])
    send(kafka, topics.waveforms, "p", [encode(c) for c in late])
    for _ in range(2):
        with worker(kafka, topics, back_s=60) as running:
            wait_for(lambda: len(set(told(kafka, topics))) >= 2, 120, "the asystole and its end")
            running.kill()
            running.wait(60)
    assert sorted(set(told(kafka, topics))) == [("ecg_asystole", "end", "north"), ("ecg_asystole", "start", "north")]
