"""The detecting worker on a real Kafka: killed anywhere, joined by another; nothing is lost and nothing told twice."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import msgspec
import numpy as np
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from streams.detect.memory import empty
from streams.detect.order import HOLD_MS
from streams.detect.rules import default
from streams.detect.step import step
from tests.unit.streams.detect.readings import batch
from tests.waiting import wait_for
from vitals.batch import SCHEMA_ID, encode
from vitals.context import PatientContext
from vitals.finding import Finding
from vitals.topics import Topics, partition_of

pytestmark = pytest.mark.slow

PARTITIONS = 4
PATIENTS = [f"p{i:03d}" for i in range(60)]
DECODER = msgspec.json.Decoder(Finding)
START = 4_000_000_000_000
"""In 2096: a worker that has caught up also lets its own clock pass, which is not to end what the pieces to come go on with."""


def story(seconds: int, seed: int = 1) -> list[tuple]:
    """Samples of a ward, one a second and patient; each patient's heart races now and then."""
    rng = np.random.default_rng(seed)
    samples = []
    racing = {p: sorted(rng.integers(0, seconds, 3).tolist()) for p in PATIENTS}
    for second in range(seconds):
        for p in PATIENTS:
            fast = any(begin <= second < begin + 45 for begin in racing[p])
            samples.append((p, f"dev-{p}", second, START + second * 1000, {"hr": 150.0 if fast else 80.0, "spo2": 97.0}))
    return samples


def story_of_many(seconds: int, seed: int = 3) -> list[tuple]:
    """Samples of patients with a monitor, a sample a second, a watch, one in five, and a band, one in two, with a pulse of its own.

    Each is ill for a while early on, and well again.
    """
    rng, samples = np.random.default_rng(seed), []
    for p in PATIENTS:
        begin, length = int(rng.integers(10, seconds // 4)), int(rng.integers(20, 200))
        for second in range(seconds):
            ill = begin <= second < begin + length
            samples.append(
                (p, f"monitor-{p}", second, START + second * 1000, {"hr": 135.0 if ill else 80.0, "spo2": 90.0 if ill else 97.0})
            )
            if second % 5 == 0:
                rest = {"rr": 23.0 if ill else 15.0, "sbp": 95.0 if ill else 120.0, "temp": 37.0, "acvpu": 0.0}
                samples.append((p, f"watch-{p}", second // 5, START + second * 1000 + 200, rest))
            if second % 2 == 0:
                samples.append((p, f"band-{p}", second // 2, START + second * 1000 + 500, {"hr": 135.0 if ill else 80.0}))
    return sorted(samples, key=lambda s: s[3])


def shuffled(samples: list[tuple], rng: np.random.Generator) -> list[tuple]:
    """A fifth of them late by up to a minute, but for each device's first two, and a fifth twice."""
    late = [(*s, s[3] + 50 + (int(rng.integers(0, 60_000)) if s[2] > 1 and rng.random() < 0.2 else 0)) for s in samples]
    late += [(*s[:5], s[5] + int(rng.integers(0, 60_000))) for s in late if rng.random() < 0.2]
    return sorted(late, key=lambda s: s[5])


def all_shuffled(samples: list[tuple], rng: np.random.Generator) -> list[tuple]:
    """Every one late by up to a minute, each device's first too, and a fifth twice."""
    late = [(*s, s[3] + int(rng.integers(50, 60_000))) for s in samples]
    late += [(*s[:5], s[5] + int(rng.integers(0, 60_000))) for s in late if rng.random() < 0.2]
    return sorted(late, key=lambda s: s[5])


def records(samples: list[tuple], seconds_each: int) -> list[tuple[int, bytes]]:
    """(partition, record) in order."""
    out = []
    for at in range(0, len(samples), seconds_each * len(PATIENTS)):
        piece = samples[at : at + seconds_each * len(PATIENTS)]
        for partition in range(PARTITIONS):
            mine = [s for s in piece if partition_of(s[0], PARTITIONS) == partition]
            if mine:
                out.append((partition, encode(batch(mine))))
    return out


def send(kafka: str, topics: Topics, found: list[tuple[int, bytes]]) -> None:
    producer = Producer({"bootstrap.servers": kafka})
    for partition, value in found:
        producer.produce(topics.readings, value, None, partition, headers=[("schema", SCHEMA_ID)])
        producer.poll(0)
    assert producer.flush(20) == 0


def said(kafka: str, topic: str) -> list[bytes]:
    """Every record of a topic now."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "said", "enable.auto.commit": False})
    places = [TopicPartition(topic, p, 0) for p in range(PARTITIONS)]
    ends = {p.partition: consumer.get_watermark_offsets(p, timeout=10)[1] for p in places}
    consumer.assign(places)
    values: list[bytes] = []
    while len(values) < sum(ends.values()):
        values += [m.value() for m in consumer.consume(500, 1.0) if m.error() is None]
    consumer.close()
    return values


def changes(kafka: str, topics: Topics, rules: tuple[str, ...] = ("limits",)) -> set[tuple[str, str]]:
    """(id, phase) of every finding told of `rules`."""
    found = [DECODER.decode(v) for v in said(kafka, topics.findings)]
    return {(f.id, f.phase) for f in found if f.rule in rules}


def told(kafka: str, topics: Topics) -> set[str]:
    """The rules of which anything is told."""
    return {DECODER.decode(v).rule for v in said(kafka, topics.findings)}


def expected(samples: list[tuple], rules: tuple[str, ...] = ("limits",)) -> set[tuple[str, str]]:
    """Of samples in order: the limits of each device by itself, as the worker folds them; of the rest nothing waits."""
    apart, plain = (step(empty(default(), hold_ms=hold_ms), batch(samples), 0) for hold_ms in (HOLD_MS, 0))
    found = [f for f in apart if f.rule == "limits"] + [f for f in plain if f.rule != "limits"]
    return {(f.id, f.phase) for f in found if f.rule in rules}


@contextmanager
def worker(kafka: str, topics: Topics, instance: str = "0", back_s: int = 0) -> Iterator[subprocess.Popen[bytes]]:
    environ = os.environ | {
        "VIGIL_KAFKA": kafka,
        "VIGIL_TOPIC_PREFIX": topics.prefix,
        "VIGIL_INSTANCE": instance,
        "VIGIL_CHECKPOINT_S": "0.5",
        "VIGIL_HOLD_BACK_S": str(back_s),
    }
    process = subprocess.Popen([sys.executable, "-m", "streams.detect_app", "worker"], env=environ)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_the_worker_tells_what_the_fold_finds(kafka, topics):
    samples = story(200)
    due = expected(samples)
    send(kafka, topics, records(samples, 5))
    with worker(kafka, topics):
        wait_for(lambda: changes(kafka, topics) >= due, 120, "all findings")
    assert changes(kafka, topics) == due


def test_readings_out_of_order_and_twice_are_told_as_in_order(kafka, topics):
    samples = story(200)
    due = expected(samples)
    send(kafka, topics, records(shuffled(samples, np.random.default_rng(9)), 5))
    with worker(kafka, topics):
        wait_for(lambda: changes(kafka, topics) >= due, 120, "all findings")
    assert changes(kafka, topics) == due


def spans(kafka: str, topics: Topics) -> set[tuple[str, int, int | None]]:
    """Whose limits were broken from when to when, by the last word on each finding; not what was withdrawn."""
    last = {f.id: f for f in map(DECODER.decode, said(kafka, topics.findings)) if f.rule == "limits"}
    return {(f.patient, f.started_at, f.ended_at) for f in last.values() if f.ended_at != f.started_at}


def test_what_begins_with_late_samples_is_put_right_by_default(kafka, topics):
    racing = [*range(60), *range(150, 200)]
    samples = [
        (p, f"dev-{p}", second, START + second * 1000, {"hr": 150.0 if second in racing else 80.0, "spo2": 97.0})
        for second in range(400)
        for p in PATIENTS
    ]
    send(kafka, topics, records(all_shuffled(samples, np.random.default_rng(9)), 5))
    begun = {(p, START + begin * 1000, START + end * 1000) for p in PATIENTS for begin, end in ((0, 60), (150, 200))}
    with worker(kafka, topics):
        wait_for(lambda: spans(kafka, topics) == begun, 120, "all spans as in order")


def test_killed_anywhere_nothing_is_lost_and_nothing_else_is_told(kafka, topics):
    samples = story(1200)
    pieces, due = records(samples, 5), expected(samples)
    rng = np.random.default_rng(5)
    sent = 0
    for _ in range(4):
        with worker(kafka, topics) as process:
            upto = sent + len(pieces) // 5
            before = len(said(kafka, topics.findings))
            send(kafka, topics, pieces[sent:upto])
            sent = upto
            more = before + int(rng.integers(1, 40))
            wait_for(lambda more=more: len(said(kafka, topics.findings)) >= more, 60, "some findings")
            process.send_signal(signal.SIGKILL)
    send(kafka, topics, pieces[sent:])
    with worker(kafka, topics):
        wait_for(lambda: changes(kafka, topics) >= due, 120, "all findings")
    assert changes(kafka, topics) == due


def test_two_workers_share_and_take_over(kafka, topics):
    samples = story(900, seed=2)
    pieces, due = records(samples, 5), expected(samples)
    third = len(pieces) // 3
    with worker(kafka, topics, "a") as first:
        send(kafka, topics, pieces[:third])
        wait_for(lambda: len(said(kafka, topics.findings)) > 5, 60, "some findings")
        with worker(kafka, topics, "b"):
            send(kafka, topics, pieces[third : 2 * third])
            wait_for(lambda: len(said(kafka, topics.findings)) > 100, 60, "more findings")
            first.send_signal(signal.SIGKILL)
            send(kafka, topics, pieces[2 * third :])
            wait_for(lambda: changes(kafka, topics) >= due, 120, "all findings")
    assert changes(kafka, topics) == due


def test_a_rolling_restart_loses_nothing_and_tells_nothing_else(kafka, topics):
    samples = story(600, seed=3)
    pieces, due = records(samples, 5), expected(samples)
    third = len(pieces) // 3
    with ExitStack() as running:
        now = {name: running.enter_context(worker(kafka, topics, name)) for name in "ab"}
        for turn, name in enumerate("ab"):
            before = len(said(kafka, topics.findings))
            send(kafka, topics, pieces[turn * third : (turn + 1) * third])
            wait_for(lambda before=before: len(said(kafka, topics.findings)) > before, 60, "some findings")
            now[name].send_signal(signal.SIGTERM)
            assert now[name].wait(90) in (0, -signal.SIGTERM)
            now[name] = running.enter_context(worker(kafka, topics, name))
        send(kafka, topics, pieces[2 * third :])
        wait_for(lambda: changes(kafka, topics) >= due, 120, "all findings")
    assert changes(kafka, topics) == due


def test_a_record_that_is_no_batch_is_refused_and_stops_nothing(kafka, topics):
    producer = Producer({"bootstrap.servers": kafka})
    for partition in range(PARTITIONS):
        producer.produce(topics.readings, b"not a batch", None, partition, headers=[("schema", SCHEMA_ID)])
    producer.flush(20)
    samples = story(120)
    due = expected(samples)
    send(kafka, topics, records(samples, 10))
    with worker(kafka, topics):
        wait_for(lambda: changes(kafka, topics) >= due, 120, "all findings")
        wait_for(lambda: len(said(kafka, topics.refused)) >= PARTITIONS, 60, "the refusals")


def test_a_patients_context_and_new_rules_are_taken_up(kafka, topics):
    producer = Producer({"bootstrap.servers": kafka})
    for patient in PATIENTS:
        context = PatientContext(patient=patient, version=1, ward="north", age_band="0-3m")
        producer.produce(topics.patients, msgspec.json.encode(context), patient, partition_of(patient, PARTITIONS))
    rules = msgspec.json.decode(msgspec.json.encode(default())) | {"version": 7}
    producer.produce(topics.rules, msgspec.json.encode(rules), "site", 0)
    producer.flush(20)
    p = PATIENTS[0]
    samples = [(p, "d", s, START + s * 1000, {"hr": 195.0}) for s in range(60)]
    send(kafka, topics, records(samples, 60))
    with worker(kafka, topics):
        wait_for(lambda: said(kafka, topics.findings), 60, "a finding")
    found = DECODER.decode(said(kafka, topics.findings)[0])
    assert (found.ward, found.rule_version, found.title) == ("north", 7, "Heart rate above 189 /min")


@pytest.mark.parametrize(("come", "back_s"), [(shuffled, 0), (all_shuffled, 60)], ids=["as by default", "all late and held back"])
def test_several_devices_out_of_order_and_twice_are_told_as_in_order_though_the_worker_is_killed(kafka, topics, come, back_s):
    rules, samples, rng = ("limits", "news2", "news2-single"), story_of_many(600), np.random.default_rng(9)
    pieces, due = records(come(samples, rng), 5), expected(samples, rules)
    with worker(kafka, topics, back_s=back_s) as process:
        send(kafka, topics, pieces[: len(pieces) // 3])
        wait_for(lambda: "news2" in told(kafka, topics), 60, "a score")
        process.send_signal(signal.SIGKILL)
    send(kafka, topics, pieces[len(pieces) // 3 :])
    with worker(kafka, topics, back_s=back_s):
        wait_for(lambda: changes(kafka, topics, rules) >= due, 120, "all findings")
    assert changes(kafka, topics, rules) == due
