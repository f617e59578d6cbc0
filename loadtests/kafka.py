"""Kafka as the benchmarks need it: topics of their own, and how long a topic is."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from vitals.topics import Topics

_SECONDS = 30.0


@contextmanager
def fresh_topics(bootstrap: str, partitions: int) -> Iterator[str]:
    """A prefix under which every topic of Vigil exists, empty; they are deleted at the end."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    prefix = f"bench-{uuid.uuid4().hex[:8]}"
    wanted = Topics(prefix).settings()
    made = admin.create_topics([NewTopic(name, partitions, 1, config=dict(config)) for name, config in wanted.items()])
    for future in made.values():
        future.result(_SECONDS)
    try:
        yield prefix
    finally:
        for future in admin.delete_topics(list(wanted)).values():
            future.result(_SECONDS)


def length(bootstrap: str, topic: str) -> int:
    """Records ever written to `topic`, over all its partitions."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench-length"})
    try:
        partitions = consumer.list_topics(topic, timeout=_SECONDS).topics[topic].partitions
        return sum(int(consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=_SECONDS)[1]) for p in partitions)
    finally:
        consumer.close()


def values_of(bootstrap: str, topic: str) -> Iterator[bytes]:
    """Every record that `topic` has now."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"bench-{uuid.uuid4().hex[:8]}", "enable.auto.commit": False})
    try:
        partitions = consumer.list_topics(topic, timeout=_SECONDS).topics[topic].partitions
        places = [TopicPartition(topic, p, 0) for p in partitions]
        left = sum(int(consumer.get_watermark_offsets(place, timeout=_SECONDS)[1]) for place in places)
        consumer.assign(places)
        while left:
            for message in consumer.consume(1000, _SECONDS):
                value = message.value()
                if message.error() is None and value is not None:
                    left -= 1
                    yield value
    finally:
        consumer.close()
