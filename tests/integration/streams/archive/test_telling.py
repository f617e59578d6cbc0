"""What the archive tells of what it refused, on a real Kafka."""

import re

import pytest
from confluent_kafka import Consumer, TopicPartition

from streams.archive.kafka import RefusalProducer
from streams.archive.sift import Noted
from tests.waiting import wait_for
from vitals.refusal import Reason, Refusal
from vitals.topics import Topics, partition_of

pytestmark = pytest.mark.slow

TRACE = "ab" * 16
DEVICE = "d1"


def traces(kafka: str, topics: Topics, n: int) -> list[str]:
    """The `traceparent` of the first n records about the device, in order."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "telling", "enable.auto.commit": False})
    partitions = len(consumer.list_topics(topics.refused, timeout=30).topics[topics.refused].partitions)
    consumer.assign([TopicPartition(topics.refused, partition_of(DEVICE, partitions), 0)])
    found: list[str] = []

    def all_of_them() -> bool:
        found.extend(dict(message.headers() or [])["traceparent"].decode() for message in consumer.consume(n, 1.0))
        return len(found) >= n

    wait_for(all_of_them, 60, "what was told")
    consumer.close()
    return found


def test_every_refusal_carries_a_trace_and_where_its_record_had_one_that(kafka: str, topics: Topics) -> None:
    refusal = Refusal(reason=Reason.DUPLICATE, detail="", door="archive", source="t", received_at=1, payload=b"", device=DEVICE)
    RefusalProducer(kafka, topics).tell([Noted(refusal, parent) for parent in (None, f"00-{TRACE}-{'cd' * 8}-01", "nonsense")])
    of = [re.fullmatch(r"00-([0-9a-f]{32})-[0-9a-f]{16}-01", trace) for trace in traces(kafka, topics, 3)]
    assert [match is not None and match[1] == TRACE for match in of] == [False, True, False]
    assert all(of)
