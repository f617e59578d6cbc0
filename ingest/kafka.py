"""Kafka: an idempotent producer that says when all of a flush is durable.

In: records. Out: a call for each flush when the last of its records is acknowledged by all in-sync replicas, in the order of the flushes.
Promise: a record is never given up: what fails is produced again until it is stored or the process ends (then nothing of it was
acknowledged to the broker). A producer that can never again produce (a fatal error) raises PartAway out of `serve`: the process ends and
its successor gets everything anew. Dropped: nothing.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from vitals.errors import PartAway


@dataclass(frozen=True, slots=True)
class Record:
    """One record to be. `headers`: name and bytes."""

    topic: str
    partition: int
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    key: str | None = None


@dataclass(slots=True)
class _Flush:
    left: int
    done: Callable[[], None]


class Kafka:
    """One producer. Not thread-safe: `serve` runs the callbacks in the caller's thread."""

    def __init__(self, bootstrap: str, log: Callable[[str], None]) -> None:
        self._log = log
        self._flushes: deque[_Flush] = deque()
        self._waiting: deque[tuple[Record, _Flush]] = deque()
        self._fatal = ""
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "compression.type": "lz4",
                "linger.ms": 0,
                "message.timeout.ms": 0,  # never: what is not durable is not acknowledged, and it is ours to keep trying
                "queue.buffering.max.messages": 50_000,
                "queue.buffering.max.kbytes": 262_144,
                "reconnect.backoff.ms": 50,
                "reconnect.backoff.max.ms": 1_000,
                "error_cb": self._on_error,
                "log_level": 2,
            }
        )

    @property
    def in_flight(self) -> int:
        """Flushes that are not durable yet."""
        return len(self._flushes)

    def partitions(self, topic: str, timeout: float = 5.0) -> int:
        """How many partitions the topic has. Raises PartAway when Kafka or the topic is not there."""
        try:
            found = self._producer.list_topics(topic, timeout).topics[topic]
        except KafkaException as error:
            raise PartAway(f"Kafka does not answer: {error.args[0].name()}") from error
        if found.error is not None or not found.partitions:
            raise PartAway(f"topic {topic} is not there")
        return len(found.partitions)

    def send(self, records: Sequence[Record], done: Callable[[], None]) -> None:
        """Produces a flush; `done` is called from `serve`, after those of all earlier flushes."""
        flush = _Flush(len(records), done)
        self._flushes.append(flush)
        self._waiting.extend((record, flush) for record in records)
        self._produce_waiting()

    def serve(self, timeout: float = 0.0) -> None:
        """Takes Kafka's answers, for up to `timeout` seconds if there are none. Raises PartAway after a fatal error."""
        self._producer.poll(timeout)
        if self._fatal:
            raise PartAway(f"the producer cannot go on: {self._fatal}")
        if self._waiting:
            self._produce_waiting()
        while self._flushes and self._flushes[0].left == 0:
            self._flushes.popleft().done()

    def _produce_waiting(self) -> None:
        while self._waiting:
            record, flush = self._waiting[0]
            try:
                self._producer.produce(
                    record.topic,
                    record.value,
                    record.key,
                    record.partition,
                    on_delivery=self._delivered(record, flush),
                    headers=list(record.headers),
                )
            except BufferError:
                return
            self._waiting.popleft()

    def _delivered(self, record: Record, flush: _Flush) -> Callable[[Any, Any], None]:
        def delivered(error: Any, _message: Any) -> None:
            if error is None:
                flush.left -= 1
            else:
                self._log(f"event=produce_again topic={record.topic} error={error.name()}")
                self._waiting.append((record, flush))

        return delivered

    def _on_error(self, error: KafkaError) -> None:
        self._log(f"event=kafka_trouble error={error.name()} fatal={error.fatal()}")
        if error.fatal():
            self._fatal = error.name()
