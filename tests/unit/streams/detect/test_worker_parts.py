"""The worker without Faust and without Kafka: what it takes up, by which moment, and what a rebalance takes away."""

import asyncio
import threading
from types import SimpleNamespace

import msgspec
import pytest
from faust.types import TP

from streams.detect import checkpoint
from streams.detect.memory import Waits, empty
from streams.detect.partition import Record
from streams.detect.step import step
from streams.detect.worker import Worker
from streams.detect_app import AMONG_MS, Gathering, pass_time
from tests.unit.streams.detect.readings import T0, batch, series
from vitals.batch import SCHEMA_ID, encode
from vitals.combination import Expression
from vitals.context import Limit, PatientContext
from vitals.rule_forms import CombinationRule
from vitals.rules import default
from vitals.topics import Topics

TOPICS = Topics()


class Heard:
    """Keeps what it is told."""

    def __init__(self):
        self.said = []

    def findings(self, partition, found):
        self.said += [f for f, _ in found]

    def scores(self, *_):
        """Not looked at here."""

    refusals = pages = flush = poll = scores


def worker(pages=None, now_ms=T0, restored=None):
    async def reread(partition, offset):
        return offset

    out = Heard()
    return Worker(default(), TOPICS, out, restored or (lambda number: pages or {}), reread, lambda: now_ms, Waits(0)), out


def record(samples, offset=1):
    return Record(offset, encode(batch(samples)), SCHEMA_ID, None, lambda: None)


def test_what_was_told_of_a_patient_who_was_discharged_meanwhile_ends_when_the_partition_is_taken_up():
    before = empty(default())
    step(before, batch(series("hr", [150.0] * 60)), T0)
    w, out = worker(checkpoint.save(before, [0], 0), T0 + 1_000_000)
    w.context(TOPICS.patients, msgspec.json.encode(PatientContext(patient="p", version=2, ward="north", active=False)), T0)
    asyncio.run(w.open(0))
    assert [(f.rule, f.phase) for f in out.said] == [("limits", "end")]


def test_who_is_taken_in_again_is_not_scored_by_the_readings_of_before():
    ill = {"hr": 140.0, "rr": 30.0, "spo2": 85.0, "sbp": 80.0, "temp": 40.0}
    w, out = worker()
    asyncio.run(w.take(0, [record([("p", "d", i, T0 + i * 1000, ill) for i in range(60)])], T0))
    later = T0 + 172_800_000
    for version, active in ((1, False), (2, True)):
        w.context(TOPICS.patients, msgspec.json.encode(PatientContext(patient="p", version=version, ward="north", active=active)), later)
    out.said.clear()
    w.tick(0, later + 500)
    assert "news2" not in {f.rule for f in out.said}


def test_what_a_rule_raised_that_went_meanwhile_ends_when_the_partition_is_taken_up():
    before = empty(default())
    step(before, batch(series("hr", [150.0] * 60)), T0)
    w, out = worker(checkpoint.save(before, [0], 0))
    limits = {name: limit for name, limit in default().limits.items() if name != "hr"}
    w.context(TOPICS.rules, msgspec.json.encode(msgspec.structs.replace(default(), version=2, limits=limits)), T0)
    asyncio.run(w.open(0))
    assert [(f.rule, f.subject, f.phase) for f in out.said] == [("limits", "hr", "end")]


def test_what_a_combination_raised_that_went_meanwhile_ends_when_the_partition_is_taken_up():
    high = CombinationRule(
        title="t", source="s", of=Expression(ratio=("hr", "sbp")), high=(1.0, 1.3), wait_s=(60, 60), clear_s=60, priority=("high", "high")
    )
    before = empty(msgspec.structs.replace(default(), combinations={"A": high}))
    step(before, batch([("p", "d", i, T0 + i * 1000, {"hr": 110.0, "sbp": 100.0}) for i in range(300)]), T0)
    w, out = worker(checkpoint.save(before, [0], 0))
    w.context(TOPICS.rules, msgspec.json.encode(msgspec.structs.replace(default(), combinations={})), T0)
    asyncio.run(w.open(0))
    assert [(f.subject, f.phase) for f in out.said if f.rule == "combination"] == [("A", "end")]


def test_a_partition_is_taken_up_with_the_limits_that_hold_by_then():
    context = PatientContext(patient="p", version=1, ward="north", limits={"hr": Limit(high=180, expires_at=T0)})
    before = empty(default(), {"p": context}, now_ms=T0)
    step(before, batch(series("hr", [150.0] * 60)), T0)
    w, out = worker(checkpoint.save(before, [0], 0))
    w.context(TOPICS.patients, msgspec.json.encode(context), T0)
    asyncio.run(w.take(0, [record(series("hr", [150.0] * 90, start=T0 + 60_000, first_seq=60))], T0))
    assert out.said == []


def test_the_discharge_of_all_whom_an_outage_silenced_ends_it():
    w, out = worker()
    beds = ("p", "q", "r")
    said = [(p, f"d-{p}", i, T0 + i * 1000, {"hr": 80.0}) for i in range(30) for p in beds]
    asyncio.run(w.take(0, [record(said)], T0))
    w.tick(0, T0 + 200_000)
    for p in beds:
        w.context(TOPICS.patients, msgspec.json.encode(PatientContext(patient=p, version=1, ward="", active=False)), T0 + 201_000)
    assert [(f.rule, f.phase) for f in out.said] == [("outage", "start"), ("outage", "end")]


def test_the_last_rule_set_told_is_in_force_also_one_of_a_restored_backup():
    w, _ = worker()
    opened = asyncio.run(w.open(0))
    for version in (5, 6, 3):
        w.context(TOPICS.rules, msgspec.json.encode(msgspec.structs.replace(default(), version=version)), T0)
    assert (opened.memory.rules.version, asyncio.run(w.open(1)).memory.rules.version) == (3, 3)


def test_a_rule_set_of_the_same_version_is_taken_up():
    w, _ = worker()
    opened = asyncio.run(w.open(0))
    w.context(TOPICS.rules, msgspec.json.encode(msgspec.structs.replace(default(), settle_s=7)), T0)
    assert opened.memory.rules.settle_s == 7


def test_what_a_rule_raised_that_is_gone_is_told_to_be_over():
    w, out = worker()
    asyncio.run(w.take(0, [record(series("hr", [150.0] * 60))], T0))
    rules = msgspec.structs.replace(default(), version=2, limits={})
    w.context(TOPICS.rules, msgspec.json.encode(rules), T0 + 60_000)
    assert [(f.rule, f.phase) for f in out.said] == [("limits", "start"), ("limits", "end")]


def taken_away_while_read(opening):
    """The worker after `opening(worker, assigned)`, during which both partitions go to another one."""
    assigned, asked = {TP(TOPICS.readings, number) for number in (0, 1)}, threading.Event()

    def restored(number):
        asked.wait(60)
        if assigned:
            w.revoked()
        assigned.clear()
        return {}

    w, _ = worker(restored=restored)

    async def opened():
        asking = asyncio.ensure_future(opening(w, assigned))
        for _ in range(3):  # until all that it begins has begun
            await asyncio.sleep(0)
        asked.set()
        return await asking

    return asyncio.run(opened()), w.partitions


def kafka_away(assigned, rebalancing=False):
    """As much of a Faust app as is asked: what is assigned, and no end of any partition."""

    async def following(tp):
        return None

    consumer = SimpleNamespace(assignment=lambda: set(assigned))
    return SimpleNamespace(
        consumer=consumer, rebalancing=rebalancing, consumer_generation_id=1, end_of=lambda tp: None, following=following
    )


def test_a_partition_that_is_taken_away_while_it_is_read_is_not_in_hand():
    assert taken_away_while_read(lambda w, _: w.open(0)) == (None, {})


def test_nor_is_it_for_who_waited_to_open_it():
    async def twice(w, _):
        return await asyncio.gather(w.open(0), w.open(0))

    assert taken_away_while_read(twice) == ([None, None], {})


def test_nor_are_its_records_folded():
    assert taken_away_while_read(lambda w, _: w.take(0, [record(series("hr", [80.0]))], T0)) == (None, {})


def test_time_passes_for_no_partition_that_was_taken_away_meanwhile():
    assert taken_away_while_read(lambda w, assigned: pass_time(kafka_away(assigned), w, TOPICS.readings)) == ([], {})


@pytest.mark.parametrize(("rebalancing", "numbers"), [(False, [0]), (True, [])])
def test_while_a_rebalance_goes_on_nothing_is_opened(rebalancing, numbers):
    w, _ = worker()
    asyncio.run(pass_time(kafka_away([TP(TOPICS.readings, 0), TP("other", 1)], rebalancing), w, TOPICS.readings))
    assert list(w.partitions) == numbers


def test_while_a_partition_is_behind_time_is_that_of_its_newest_readings_and_a_little_before(monkeypatch):
    w, _ = worker()
    asyncio.run(w.take(0, [record(series("hr", [80.0] * 10))], T0))
    app, passed = kafka_away([TP(TOPICS.readings, 0)]), []
    app.end_of = lambda tp: 100
    monkeypatch.setattr(w, "tick", lambda number, now_ms: passed.append((number, now_ms)))
    asyncio.run(pass_time(app, w, TOPICS.readings))
    assert passed == [(0, w.partitions[0].seen_ms - AMONG_MS)]


@pytest.mark.parametrize(("revoked", "numbers"), [(False, [0]), (True, [])])
def test_what_was_gathered_before_a_rebalance_is_given_up(revoked, numbers):
    w, _ = worker()
    app = kafka_away([])
    app.end_of = lambda tp: 100  # more is to come
    tp = TP(TOPICS.readings, 0)
    kept = SimpleNamespace(offset=1, value=encode(batch(series("hr", [80.0]))), headers=[("schema", SCHEMA_ID)])
    event = SimpleNamespace(message=SimpleNamespace(generation_id=1, partition=0, tp=tp, records=(kept,)), ack=lambda: None)

    async def gathered():
        gathering = Gathering(app, w)
        await gathering.take(event)
        if revoked:
            w.revoked()
        await gathering.fold()

    asyncio.run(gathered())
    assert list(w.partitions) == numbers
