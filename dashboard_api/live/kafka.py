"""The live feed's ear on Kafka: every partition of its topics, from chosen offsets, without a consumer group.

In: bootstrap address, topics. Out: records in lists, handed to `take` on the event loop, in order within a partition. Promise:
nothing between `Start.begin` and now is left out; a Kafka that is away is waited for by the client itself, and `seen_at` says when it
last answered.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import OFFSET_END, Consumer, KafkaException, Message, TopicPartition

from vitals.errors import PartAway

log = logging.getLogger("live.kafka")
READINGS_TAIL_MS = 120_000
READINGS_TAIL_MAX_MS = 3_600_000
TAIL_RECORDS = 20_000
WAVEFORMS = 5
"""The kind after cursor.KINDS: waveforms are passed on, not kept."""
_PROBE_S = 2.0


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record; `at` is Kafka's own timestamp, ms; `schema` its header of that name, empty when it has none."""

    kind: int
    partition: int
    offset: int
    at: int
    value: bytes
    schema: bytes = b""


@dataclass(frozen=True, slots=True)
class Start:
    """Where the tail begins and ended when asked; rows by kind, columns by partition. `epoch` names this Kafka and these topics."""

    epoch: str
    partitions: int
    begin: tuple[tuple[int, ...], ...]
    end: tuple[tuple[int, ...], ...]


class Tail:
    """Reads `topics` (in the order of cursor.KINDS, then waveforms) until `stop`."""

    def __init__(self, bootstrap: str, topics: tuple[str, ...], monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._topics = topics
        self._kind = {name: kind for kind, name in enumerate(topics)}
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "vigil-live-no-group",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
                "fetch.error.backoff.ms": 100,
                "queued.max.messages.kbytes": 65536,
                "reconnect.backoff.max.ms": 2000,
            },
            logger=log,
        )
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.seen_at = 0.0

    def start_offsets(self, now: int, stored: dict[int, int]) -> Start:
        """Asks Kafka where to begin: what the archive has not `stored` (partition -> next offset) and the recent past.

        Raises PartAway when Kafka does not answer or a topic is not there yet.
        """
        try:
            known = self._consumer.list_topics(timeout=5)
            missing = [t for t in self._topics[:WAVEFORMS] if t not in known.topics or known.topics[t].error]
            if missing:
                raise PartAway(f"topics {missing} are not there yet")
            partitions = len(known.topics[self._topics[0]].partitions)
            marks = [[self._marks(topic, p) for p in range(partitions)] for topic in self._topics[:WAVEFORMS]]
            recent = self._at(self._topics[0], partitions, now - READINGS_TAIL_MS)
            oldest = self._at(self._topics[0], partitions, now - READINGS_TAIL_MAX_MS)
        except KafkaException as error:
            raise PartAway(f"Kafka: {error}") from error
        self.seen_at = self._monotonic()
        end = tuple(tuple(high for _, high in row) for row in marks)
        begin = [[max(low, high - TAIL_RECORDS) for low, high in row] for row in marks]
        for p in range(partitions):
            recent_p, oldest_p = (end[0][p] if o < 0 else o for o in (recent[p], oldest[p]))
            begin[0][p] = max(marks[0][p][0], min(recent_p, max(oldest_p, stored.get(p, recent_p))))
        return Start(f"{known.cluster_id}/{self._topics[0]}", partitions, tuple(map(tuple, begin)), end)

    def run(self, start: Start, take: Callable[[list[Record]], None], loop: asyncio.AbstractEventLoop) -> None:
        """Begins reading at `start` on a thread of its own."""
        assigned = [
            TopicPartition(topic, p, start.begin[kind][p])
            for kind, topic in enumerate(self._topics[:WAVEFORMS])
            for p in range(start.partitions)
        ]
        assigned += [TopicPartition(topic, p, OFFSET_END) for topic in self._topics[WAVEFORMS:] for p in range(start.partitions)]
        self._consumer.assign(assigned)
        self._thread = threading.Thread(target=self._read, args=(take, loop), name="kafka-tail", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and closes the client."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)
        self._consumer.close()

    def _read(self, take: Callable[[list[Record]], None], loop: asyncio.AbstractEventLoop) -> None:
        while not self._stop.is_set():
            first = self._consumer.poll(0.25)
            if first is not None:
                messages = [first, *self._consumer.consume(1000, 0)]
                records = [r for r in map(self._record, messages) if r is not None]
                if records:
                    self.seen_at = self._monotonic()
                    loop.call_soon_threadsafe(take, records)
            elif self._monotonic() - self.seen_at > _PROBE_S:
                self._probe()

    def _record(self, message: Message) -> Record | None:
        if message.error():
            log.warning("event=kafka_error error=%s", message.error())
            return None
        schema = dict(message.headers() or ()).get("schema") or b""
        place = (self._kind[message.topic()], message.partition(), message.offset(), message.timestamp()[1])
        return Record(*place, message.value() or b"", schema)

    def _probe(self) -> None:
        """A quiet topic and a dead Kafka look the same: ask."""
        try:
            self._consumer.get_watermark_offsets(TopicPartition(self._topics[0], 0), timeout=1, cached=False)
            self.seen_at = self._monotonic()
        except KafkaException as error:
            log.warning("event=kafka_away error=%s", error)

    def _marks(self, topic: str, partition: int) -> tuple[int, int]:
        low, high = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=5)
        return low, high

    def _at(self, topic: str, partitions: int, ms: int) -> list[int]:
        asked = [TopicPartition(topic, p, ms) for p in range(partitions)]
        return [found.offset for found in self._consumer.offsets_for_times(asked, timeout=5)]
