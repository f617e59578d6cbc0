"""Kafka: one idempotent producer; a record is given when Kafka has acknowledged it.

In: topic, key, value. Out: the record on the partition of its key (`vitals.topics.partition_of`), with schema and traceparent headers.
Promise: `give` returns after the acknowledgement, or raises PartAway. Drops nothing.
"""

import asyncio
import secrets
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from vitals.errors import PartAway
from vitals.topics import partition_of
from vitals.trace import traceparent

_TIMEOUT_MS = 10_000


class Kafka:
    """A producer with its own polling task."""

    def __init__(self, bootstrap: str) -> None:
        settings = {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 2,
            "delivery.timeout.ms": _TIMEOUT_MS,
            "topic.metadata.refresh.interval.ms": 60_000,
            "log_level": 2,
        }
        self._producer = Producer(settings)
        self._partitions: dict[str, int] = {}

    async def run(self) -> None:
        """Serves delivery reports until cancelled."""
        while True:
            await asyncio.to_thread(self._producer.poll, 0.2)

    async def give(self, topic: str, key: str, value: bytes, schema: str, partition: int | None = None) -> None:
        """One record, acknowledged. `partition` None: the one of its key."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def report(error: KafkaError | None, _: Any) -> None:
            loop.call_soon_threadsafe(_settle, done, error)

        count = await self.partitions(topic)
        where = partition_of(key, count) if partition is None else partition
        headers = [("traceparent", traceparent(secrets.token_bytes(24))), ("schema", schema.encode())]
        try:
            self._producer.produce(topic, value, key.encode(), partition=where, headers=headers, on_delivery=report)
            await asyncio.wait_for(done, _TIMEOUT_MS / 1000 + 2)
        except (BufferError, KafkaException, TimeoutError) as error:
            raise PartAway("Kafka does not answer") from error

    async def partitions(self, topic: str) -> int:
        """How many partitions the topic has. Raises PartAway when Kafka does not say, or has no such topic."""
        if topic not in self._partitions:
            self._partitions[topic] = await asyncio.to_thread(self._ask, topic)
        return self._partitions[topic]

    async def answers(self, topic: str) -> bool:
        """Whether Kafka is there and knows the topic."""
        try:
            return await asyncio.to_thread(self._ask, topic) > 0
        except PartAway:
            return False

    async def close(self) -> None:
        """Flushes what is in hand."""
        await asyncio.to_thread(self._producer.flush, 5.0)

    def _ask(self, topic: str) -> int:
        try:
            found = self._producer.list_topics(topic, timeout=3.0).topics[topic]
        except KafkaException as error:
            raise PartAway("Kafka does not answer") from error
        if found.error is not None or not found.partitions:
            raise PartAway(f"Kafka has no topic {topic}")
        return len(found.partitions)


def _settle(done: "asyncio.Future[None]", error: KafkaError | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(PartAway("Kafka did not take the record"))
