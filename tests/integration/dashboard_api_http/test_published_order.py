"""Two API processes publish at once: the last record on a compacted topic is the newest version all the same."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from confluent_kafka import Consumer, TopicPartition

from dashboard_api.contexts import Contexts
from dashboard_api.kafka import Kafka
from dashboard_api.metrics import Metrics
from dashboard_api.rule_sets import RuleSets
from dashboard_api.timescale import Database, json_value
from vitals.topics import Topics, partition_of

RULE_SET = "INSERT INTO clinical.rule_set (version, body, author, reason, at) VALUES (%s, %s, 'a', '', now())"
WARD = "INSERT INTO clinical.ward (id, name) VALUES ('north', 'North') ON CONFLICT DO NOTHING"
PATIENT = "INSERT INTO clinical.patient (id, ward, bed, age_band, version) VALUES ('p', 'north', '1', 'adult', 5)"


class Overtaken(Kafka):
    """A producer whose first record is on its way while `meanwhile` happens."""

    def __init__(self, bootstrap: str, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__(bootstrap)
        self._meanwhile: Callable[[], Awaitable[None]] | None = meanwhile

    async def give(self, topic: str, key: str, value: bytes, schema: str, partition: int | None = None) -> None:
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        await super().give(topic, key, value, schema, partition)


async def overtaken(kafka: str, database: Database, topics: Topics, name: str) -> None:
    """One process publishes version 5 while another makes and publishes version 6."""
    quick = Kafka(kafka)

    async def newer() -> None:
        if name == "rules":
            await database.do(RULE_SET, [6, json_value({"version": 6})])
            await RuleSets(database, quick, topics, Metrics()).publish()
        else:
            await database.do("UPDATE clinical.patient SET version = 6")
            await Contexts(database, quick, topics, Metrics()).publish("p")

    slow = Overtaken(kafka, newer)
    polls = [asyncio.create_task(each.run()) for each in (quick, slow)]
    if name == "rules":
        await RuleSets(database, slow, topics, Metrics()).publish(again=True)
    else:
        await Contexts(database, slow, topics, Metrics()).publish("p")
    for poll in polls:
        poll.cancel()


async def versions(kafka: str, address: str, topics: Topics, name: str) -> list[Any]:
    database = Database(address)
    await database.open()
    for sql, parameters in ((RULE_SET, [5, json_value({"version": 5})]), (WARD, []), (PATIENT, [])):
        await database.do(sql, parameters)
    await overtaken(kafka, database, topics, name)
    await database.close()
    return said(kafka, TopicPartition(getattr(topics, name), 0 if name == "rules" else partition_of("p", 4), 0))


def said(kafka: str, place: TopicPartition) -> list[Any]:
    """The versions of all records of one partition, in order."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "said", "enable.auto.commit": False})
    _, end = consumer.get_watermark_offsets(place, timeout=10)
    consumer.assign([place])
    found: list[Any] = []
    while len(found) < end:
        found += [msgspec.json.decode(m.value() or b"")["version"] for m in consumer.consume(end, 1.0) if m.error() is None]
    consumer.close()
    return found


@pytest.mark.parametrize("name", ["rules", "patients"])
def test_a_version_that_was_overtaken_on_its_way_is_not_the_last_word(kafka: str, database: str, topics: Topics, name: str) -> None:
    assert asyncio.run(versions(kafka, database, topics, name))[-1] == 6
