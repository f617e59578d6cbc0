"""The archive's own refusals, told on `vitals.refused` for whoever follows that topic.

Promise: `tell` returns once Kafka has acknowledged all of them, or raises PartAway. The archive itself does not count them again: they
are in the database in the transaction that told them (door `archive`).
"""

from collections.abc import Sequence

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.archive.sift import Noted
from vitals.errors import PartAway
from vitals.topics import Topics, partition_of

_TIMEOUT_S = 10.0


class RefusalProducer:
    """One idempotent producer, used by one thread."""

    def __init__(self, bootstrap: str, topics: Topics) -> None:
        self._topic = topics.refused
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "compression.type": "lz4",
                "linger.ms": 5,
                "log_level": 0,
                "reconnect.backoff.max.ms": 1_000,  # 10 s otherwise, for which the readings would wait when Kafka is back
            }
        )
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
            left = self._producer.flush(_TIMEOUT_S)
        except (BufferError, KafkaException) as error:
            raise PartAway(f"Kafka: {error}") from error
        if failures or left:
            self._producer.purge()
            raise PartAway(f"Kafka did not take {len(failures) + left} refusals")

    def _send(self, noted: Noted, delivered: object) -> None:
        key = noted.refusal.device or ""
        headers = [("schema", b"vigil.refusal.v1")]
        if noted.traceparent:
            headers.append(("traceparent", noted.traceparent.encode()))
        place = partition_of(key, self._partition_count())
        body = msgspec.json.encode(noted.refusal)
        for _ in range(2):
            try:
                self._producer.produce(self._topic, body, key, place, on_delivery=delivered, headers=headers)
                return
            except BufferError:
                self._producer.flush(_TIMEOUT_S)
        raise BufferError("the producer's buffer stays full")

    def _partition_count(self) -> int:
        if not self._partitions:
            self._partitions = len(self._producer.list_topics(self._topic, timeout=_TIMEOUT_S).topics[self._topic].partitions) or 1
        return self._partitions


def missing_topics(bootstrap: str, wanted: Sequence[str]) -> list[str]:
    """The topics of `wanted` that Kafka does not have (yet). Raises PartAway when it does not answer within 5 s."""
    try:
        known = Producer({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=5.0).topics
    except KafkaException as error:
        raise PartAway(f"Kafka: {error}") from error
    return [topic for topic in wanted if topic not in known]
