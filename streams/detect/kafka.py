"""Kafka as detection needs it beside Faust: the context topics, the checkpoint topic, and what it tells.

`Context` reads all partitions of `patients`, `links` and `rules` from the beginning, without a group, on a thread of its own: every
worker knows every patient, device and rule. `Pages` writes and reads checkpoints. `Out` tells findings, scores and refusals,
idempotently and to the partition that it is given. Promise: `Out.flush` and `Pages.write` return only when Kafka has
acknowledged everything, else they raise PartAway. Dropped: nothing.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from streams.detect.checkpoint import PageError, included_of
from vitals.errors import PartAway
from vitals.finding import SITE, Finding
from vitals.refusal import Refusal
from vitals.score import ScoreUpdate
from vitals.topics import Topics, partition_of
from vitals.trace import continued

_TIMEOUT_S = 10.0
_READ_S = 60.0
_ENCODER = msgspec.json.Encoder()
PRODUCER: Mapping[str, str | int | bool] = MappingProxyType(
    {
        "enable.idempotence": True,
        "compression.type": "lz4",
        "linger.ms": 5,
        "message.timeout.ms": 0,  # never: a finding given up would be told by nobody, for the page that includes it follows
        "message.max.bytes": 8_000_000,  # Kafka's own is 8 MiB; a page of 64 patients whose samples all wait comes close to 1 MB
        "queue.buffering.max.messages": 200_000,
        "log_level": 0,
    }
)

Taken = Callable[[str, bytes], None]
"""(topic, value) of a context record."""


def _consumer(bootstrap: str, group: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )


def _from_the_beginning(consumer: Consumer, topics: Sequence[str]) -> list[TopicPartition]:
    found = [
        TopicPartition(topic, p, OFFSET_BEGINNING)
        for topic in topics
        for p in consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions
    ]
    consumer.assign(found)
    return found


class Context:
    """The context topics, followed for ever; `known` is set once what was there at the start has been handed on."""

    def __init__(self, bootstrap: str, topics: Topics, take: Taken) -> None:
        self.known = threading.Event()
        self._stopping = threading.Event()
        self._take = take
        self._consumer = _consumer(bootstrap, f"{topics.prefix}-detect-context")
        self._topics = (topics.rules, topics.patients, topics.links)
        self._thread = threading.Thread(target=self._run, name="context", daemon=True)

    def start(self) -> None:
        """Begins to read, on its own thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_TIMEOUT_S)
        self._consumer.close()

    def _run(self) -> None:
        left = self._begun()
        while not self._stopping.is_set():
            if not left:
                self.known.set()
            for message in self._consumer.consume(500, 0.2):
                place, value = (message.topic() or "", message.partition() or 0), message.value()
                if message.error() is not None:
                    left -= {place} if _is_end(message) else set()
                elif value is not None:
                    self._take(place[0], value)

    def _begun(self) -> set[tuple[str, int]]:
        """What has to be read to its end before detection may begin; waits for Kafka as long as that takes."""
        while not self._stopping.is_set():
            try:
                return {(p.topic, p.partition) for p in _from_the_beginning(self._consumer, self._topics)}
            except KafkaException:
                self._stopping.wait(1.0)
        return set()


def _is_end(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF


class Out:
    """What detection tells."""

    def __init__(self, bootstrap: str, topics: Topics) -> None:
        self._topics = topics
        self._failures: list[KafkaError] = []
        self._producer = Producer({"bootstrap.servers": bootstrap, **PRODUCER})
        self._refusal_partitions, self._finding_partitions = (self._partitions(topic) for topic in (topics.refused, topics.findings))

    def findings(self, partition: int, found: Sequence[tuple[Finding, bytes | None]]) -> None:
        """Queues findings with the trace of what led to them; those of the site go where all of the site's go."""
        for finding, trace in found:
            to = partition_of(SITE, self._finding_partitions) if finding.patient == SITE else partition
            self._send(self._topics.findings, to, finding.patient, _ENCODER.encode(finding), _headers(b"vigil.finding.v1", trace))

    def _partitions(self, topic: str) -> int:
        return len(self._producer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions) or 1

    def scores(self, partition: int, updates: Sequence[ScoreUpdate]) -> None:
        """Queues score updates."""
        headers = _headers(b"vigil.score.v1", None)
        for update in updates:
            self._send(self._topics.scores, partition, update.patient, _ENCODER.encode(update), headers)

    def refusals(self, refused: Sequence[tuple[Refusal, bytes | None]]) -> None:
        """Queues refusals of whole records."""
        for refusal, trace in refused:
            partition = partition_of("", self._refusal_partitions)
            self._send(self._topics.refused, partition, "", _ENCODER.encode(refusal), _headers(b"vigil.refusal.v1", trace))

    def pages(self, partition: int, pages: Mapping[int, bytes]) -> None:
        """Queues pages of a checkpoint."""
        for number, page in pages.items():
            self._send(self._topics.checkpoints, partition, f"page-{number}", page, _headers(b"vigil.checkpoint.v1", None))

    def flush(self) -> None:
        """Waits until all is acknowledged. Raises PartAway when Kafka does not take it; what is queued stays queued."""
        left = self._producer.flush(_TIMEOUT_S)
        failures, self._failures = self._failures, []
        if left or failures:
            raise PartAway(f"Kafka did not take {left + len(failures)} records: {failures[:1]}")

    def poll(self) -> None:
        """Lets acknowledgements in."""
        self._producer.poll(0)

    def _send(self, topic: str, partition: int, key: str, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, partition, on_delivery=self._delivered, headers=headers)
                return
            except BufferError:
                self._producer.poll(0.1)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failures.append(error)


def _headers(schema: bytes, trace: bytes | None) -> list[tuple[str, bytes]]:
    return [("schema", schema), ("traceparent", continued(trace, os.urandom(24)))]


def read_pages(bootstrap: str, topics: Topics, partition: int) -> dict[int, bytes]:
    """The newest page of each number, by what it includes: a worker that was slow to die may have written an older one after it.

    Raises PartAway when Kafka does not answer.
    """
    consumer = _consumer(bootstrap, f"{topics.prefix}-detect-pages")
    place = TopicPartition(topics.checkpoints, partition, OFFSET_BEGINNING)
    pages: dict[int, tuple[int, bytes]] = {}
    until = time.monotonic() + _READ_S
    try:
        consumer.assign([place])
        while time.monotonic() < until:
            for message in consumer.consume(100, 0.5):
                if _is_end(message):
                    return {number: data for number, (_, data) in pages.items()}
                _newest(pages, message)
    except KafkaException as error:
        raise PartAway(f"Kafka: {error}") from error
    finally:
        consumer.close()
    raise PartAway(f"Kafka did not hand out {topics.checkpoints} to its end in {_READ_S:g} s")


def _newest(pages: dict[int, tuple[int, bytes]], message: Message) -> None:
    key, value = message.key(), message.value()
    if message.error() is not None or key is None or value is None:
        return
    number = int((key if isinstance(key, str) else key.decode()).removeprefix("page-"))
    try:
        included = included_of(value)
    except PageError:
        return
    if number not in pages or pages[number][0] <= included:
        pages[number] = (included, value)
