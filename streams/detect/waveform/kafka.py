"""The marks of the waveform worker on the compacted topic `vitals.watches`.

In: a patient's marks. Out: Kafka, durable before `keep` returns; and all marks of a partition. Raises PartAway when Kafka is away.
"""

import os

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition

from vitals.errors import PartAway
from vitals.topics import Topics
from vitals.trace import traceparent

_TIMEOUT_S = 10.0
SCHEMA_ID = b"vigil.watches.v1"


class Marks:
    """Writes marks."""

    def __init__(self, bootstrap: str, topics: Topics) -> None:
        self._topic = topics.watches
        self._producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 0, "log_level": 0})

    def keep(self, partition: int, patient: str, value: bytes) -> None:
        """Durable when it returns. Raises PartAway."""
        failures: list[object] = []
        headers = [("schema", SCHEMA_ID), ("traceparent", traceparent(os.urandom(24)))]
        self._producer.produce(
            self._topic, value, patient, partition, on_delivery=lambda e, _: failures.append(e) if e else None, headers=headers
        )
        if self._producer.flush(_TIMEOUT_S) or failures:
            raise PartAway(f"Kafka did not take the marks: {failures[:1]}")


def read_marks(bootstrap: str, topics: Topics, partition: int) -> dict[str, bytes]:
    """The newest marks of every patient of the partition. Raises PartAway."""
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": f"{topics.prefix}-waveform-marks", "enable.auto.commit": False, "log_level": 0}
    )
    place = TopicPartition(topics.watches, partition, OFFSET_BEGINNING)
    found: dict[str, bytes] = {}
    try:
        consumer.assign([place])
        low, high = consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)
        while high > low and consumer.position([place])[0].offset < high:
            for message in consumer.consume(500, 2.0):
                key, value = message.key(), message.value()
                if message.error() is None and key is not None and value is not None:
                    found[key if isinstance(key, str) else key.decode()] = value
    except KafkaException as error:
        raise PartAway(f"Kafka: {error}") from error
    finally:
        consumer.close()
    return found
