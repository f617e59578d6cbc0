"""Kafka, by confluent-kafka: findings and commands in, alerts out.

In: the partitions that the group gives this worker; both topics are assigned by range, so a number is one owner's in both.
Promise: offsets are committed only when the worker says that they are written, and reading begins no later than what is written, so
that a database restored from a backup is brought up to date; alerts are produced by an idempotent producer and
acknowledged by all replicas before `say` returns. Raises `PartAway` when Kafka does not take a record in time.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from alerts.wire import ALERT_SCHEMA
from vitals.errors import PartAway
from vitals.topics import partition_of
from vitals.trace import continued

Partitions = set[tuple[str, int]]
Offsets = Mapping[tuple[str, int], int]
"""(topic, partition) -> the offset after the last record."""
Written = Callable[[Partitions], Offsets]


COMMITTED_S = 5.0


@dataclass(frozen=True, slots=True)
class Raw:
    """One record as it came."""

    topic: str
    partition: int
    offset: int
    value: bytes
    trace: bytes | None


@dataclass(frozen=True, slots=True)
class Saying:
    """One alert to be said: its partition (None: by the patient), patient, body, and the trace that it continues."""

    partition: int | None
    patient: str
    body: bytes
    trace: bytes | None


class Intake:
    """The consumer of findings and commands. Used by one thread, but for `commit` and `again`."""

    def __init__(
        self,
        servers: str,
        group: str,
        instance: str,
        topics: Iterable[str],
        lost: Callable[[Partitions], None],
        written: Written = lambda _: {},
    ) -> None:
        settings = {
            "bootstrap.servers": servers, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest",
            "session.timeout.ms": 6_000, "heartbeat.interval.ms": 2_000, "max.poll.interval.ms": 300_000, "fetch.wait.max.ms": 20,
            "partition.assignment.strategy": "range", "topic.metadata.refresh.interval.ms": 5_000,
            "allow.auto.create.topics": False, "reconnect.backoff.max.ms": 2_000,
        }  # fmt: skip
        self._consumer = Consumer(settings | ({"group.instance.id": instance} if instance else {}))
        self._lost, self._written, self.owned = lost, written, set[tuple[str, int]]()
        self._noted, self._to_commit, self._to_seek = Lock(), dict[tuple[str, int], int](), dict[tuple[str, int], int]()
        self._consumer.subscribe(list(topics), on_assign=self._given, on_revoke=self._taken, on_lost=self._taken)

    def read(self, most: int, wait_s: float) -> list[Raw]:
        """What is there, waiting up to `wait_s` for the first. Errors of the moment are Kafka's to mend."""
        self._catch_up()
        first = self._consumer.poll(wait_s)
        if first is None:
            return []
        return [_raw(message) for message in (first, *self._consumer.consume(most - 1, 0)) if message.error() is None]

    def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Notes how far all is written. The reading thread says so: the client lets in one thread at a time, and would starve another."""
        with self._noted:
            self._to_commit.update(offsets)

    def again(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Reads again from these offsets, of the partitions that are still ours."""
        with self._noted:
            self._to_seek.update(offsets)

    def _catch_up(self) -> None:
        """Carries out what other threads noted; a failed commit only means that some is read again."""
        with self._noted:
            commits, seeks = self._to_commit, self._to_seek
            self._to_commit, self._to_seek = {}, {}
        for key, offset in seeks.items():
            if key in self.owned:
                self._consumer.seek(TopicPartition(*key, offset))
        owned = [TopicPartition(*key, offset) for key, offset in commits.items() if key in self.owned]
        if owned:
            with suppress(KafkaException):
                self._consumer.commit(offsets=owned, asynchronous=True)

    def close(self) -> None:
        """Says how far all is written and leaves the group."""
        self._catch_up()
        self._consumer.close()

    def _given(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        written = self._written({(p.topic, p.partition) for p in partitions})
        if written:
            with suppress(KafkaException):  # then it begins where Kafka's own note says
                consumer.assign([_begun(p, written) for p in consumer.committed(partitions, COMMITTED_S)])
        self.owned = self.owned | {(p.topic, p.partition) for p in partitions}

    def _taken(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        gone = {(p.topic, p.partition) for p in partitions}
        self.owned = self.owned - gone
        self._lost(gone)


class Outlet:
    """The producer of `vitals.alerts`."""

    def __init__(self, servers: str, topic: str) -> None:
        settings = {
            "bootstrap.servers": servers, "enable.idempotence": True, "acks": "all", "linger.ms": 1, "delivery.timeout.ms": 10_000,
            "reconnect.backoff.max.ms": 2_000,
        }  # fmt: skip
        self._producer, self._topic, self._partitions = Producer(settings), topic, 0

    def say(self, sayings: Iterable[Saying], wait_s: float) -> None:
        """Produces in order and waits until Kafka has all. Raises PartAway where it has not within `wait_s`."""
        failures: list[KafkaError] = []

        def told(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failures.append(error)

        for one in sayings:
            partition = self._partition(one) if one.partition is None else one.partition
            headers = [("traceparent", continued(one.trace, secrets.token_bytes(24))), ("schema", ALERT_SCHEMA)]
            try:
                self._producer.produce(self._topic, one.body, one.patient.encode(), partition, told, headers=headers)
            except (BufferError, KafkaException) as error:
                raise PartAway(f"Kafka takes no record: {error}") from error
        if self._producer.flush(wait_s) or failures:
            self._producer.purge()
            self._producer.flush(0)
            raise PartAway(f"Kafka did not acknowledge: {failures[0] if failures else 'no answer'}")

    def _partition(self, one: Saying) -> int:
        if not self._partitions:
            try:
                self._partitions = len(self._producer.list_topics(self._topic, 1.0).topics[self._topic].partitions)
            except KafkaException as error:
                raise PartAway(f"Kafka does not answer: {error}") from error
        if not self._partitions:
            raise PartAway(f"no topic {self._topic}")
        return partition_of(one.patient, self._partitions)


def _begun(committed: TopicPartition, written: Offsets) -> TopicPartition:
    """Where reading begins: what was committed, or less where less is written. Kafka without a commit is read from its beginning."""
    known = written.get((committed.topic, committed.partition))
    if known is None or committed.offset < 0:
        return committed
    return TopicPartition(committed.topic, committed.partition, min(known, committed.offset))


def _raw(message: Message) -> Raw:
    headers = dict(message.headers() or ())
    return Raw(message.topic(), message.partition(), message.offset(), message.value() or b"", headers.get("traceparent"))
