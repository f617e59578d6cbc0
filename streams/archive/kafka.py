"""What the archive tells and asks Kafka: its own refusals, on `vitals.refused` for whoever follows that topic; and where a topic ends.

Promise: `tell` returns once Kafka has acknowledged all of them, or raises PartAway. The archive itself does not count them again: they
are in the database in the transaction that told them (door `archive`). Each goes on with the trace of the record that it came from, or
begins one where that had none.
What Kafka did not take is purged, and with it the producer: its sequence numbers would have a hole, and Kafka, back again, would refuse
as out of order whatever that producer said next.
"""

import os
from collections.abc import Sequence

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from streams.archive.sift import Noted
from vitals.errors import PartAway
from vitals.topics import Topics, partition_of
from vitals.trace import continued

_TIMEOUT_S = 10.0


class RefusalProducer:
    """One idempotent producer at a time, used by one thread. Kafka is given `patience_s` to take what is told."""

    def __init__(self, bootstrap: str, topics: Topics, patience_s: float = _TIMEOUT_S) -> None:
        self._topic = topics.refused
        self._bootstrap = bootstrap
        self._patience_s = patience_s
        self._producer = self._made()
        self._partitions = 0

    def tell(self, noted: Sequence[Noted]) -> None:
        """Sends them all and waits. Raises PartAway when Kafka does not take them."""
        failures: list[KafkaError] = []

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failures.append(error)

        try:
            for each in noted:
                self._send(each, delivered)
            left = self._producer.flush(self._patience_s)
        except (BufferError, KafkaException) as error:
            self._give_up()
            raise PartAway(f"Kafka: {error}") from error
        if failures or left:
            self._give_up()
            raise PartAway(f"Kafka did not take {len(failures) + left} refusals")

    def _give_up(self) -> None:
        self._producer.purge()
        self._producer = self._made()

    def _made(self) -> Producer:
        return Producer(
            {
                "bootstrap.servers": self._bootstrap,
                "enable.idempotence": True,
                "compression.type": "lz4",
                "linger.ms": 5,
                "log_level": 0,
                "reconnect.backoff.ms": 50,
                "reconnect.backoff.max.ms": 500,  # 10 s otherwise, for which the readings would wait when Kafka is back
            }
        )

    def _send(self, noted: Noted, delivered: object) -> None:
        key = noted.refusal.device or ""
        parent = noted.traceparent.encode() if noted.traceparent else None
        headers = [("schema", b"vigil.refusal.v1"), ("traceparent", continued(parent, os.urandom(24)))]
        place = partition_of(key, self._partition_count())
        body = msgspec.json.encode(noted.refusal)
        for _ in range(2):
            try:
                self._producer.produce(self._topic, body, key, place, on_delivery=delivered, headers=headers)
                return
            except BufferError:
                self._producer.flush(self._patience_s)
        raise BufferError("the producer's buffer stays full")

    def _partition_count(self) -> int:
        if not self._partitions:
            self._partitions = len(self._producer.list_topics(self._topic, timeout=self._patience_s).topics[self._topic].partitions) or 1
        return self._partitions


def end_now(bootstrap: str, topic: str, partition: int) -> int:
    """The offset that the partition's next record will have. Raises PartAway, also where there is no such topic (yet)."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"{topic}-end", "enable.auto.commit": False, "log_level": 0})
    try:
        return int(consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_TIMEOUT_S)[1])
    except KafkaException as error:
        raise PartAway(f"Kafka: {error}") from error
    finally:
        consumer.close()
