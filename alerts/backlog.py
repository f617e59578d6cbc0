"""What came from Kafka and is not yet written: kept in order, so that a silent database loses nothing and hides no new high alert.

In: records as they come. Out: the oldest ones to write; the high ones that have waited too long, to be told unwritten.
Promise: memory is bounded: past `most` records a partition's further ones are not kept; where to read again from is remembered.
Dropped: nothing; what is not kept is read again. One thread adds, another takes.
"""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from vitals.alert import Command
from vitals.finding import Finding


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a topic, decoded. `taken_at`: when it came in here (ms of a steady clock)."""

    topic: str
    partition: int
    offset: int
    item: Finding | Command | None
    trace: bytes | None
    taken_at: int


class Backlog:
    """See the module."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._records: deque[Record] = deque()
        self._hushed: set[str] = set()
        self._again: dict[tuple[str, int], int] = {}
        self._came = threading.Condition()

    def add(self, records: Iterable[Record]) -> list[Record]:
        """Takes new records; returns those that could not be kept."""
        with self._came:
            over: list[Record] = []
            for record in records:
                key = (record.topic, record.partition)
                if key in self._again or len(self._records) >= self._most:
                    self._again.setdefault(key, record.offset)
                    over.append(record)
                else:
                    self._records.append(record)
            self._came.notify_all()
            return over

    def first(self, count: int, wait_s: float) -> list[Record]:
        """The oldest records, left in place; waits up to `wait_s` for one."""
        with self._came:
            self._came.wait_for(lambda: bool(self._records), wait_s)
            return [self._records[i] for i in range(min(count, len(self._records)))]

    def done(self, records: Iterable[Record]) -> None:
        """These are written."""
        written = {id(record) for record in records}
        with self._came:
            while self._records and id(self._records[0]) in written:
                self._records.popleft()
            if not self._records:
                self._hushed.clear()

    def lose(self, partitions: set[tuple[str, int]]) -> None:
        """These partitions are another worker's now."""
        with self._came:
            self._records = deque(r for r in self._records if (r.topic, r.partition) not in partitions)
            for key in partitions:
                self._again.pop(key, None)

    def untold(self, before: int) -> list[Finding]:
        """New high findings taken before this time (steady ms) and not yet written, each once."""
        with self._came:
            found = [urgent(r) for r in self._records if r.taken_at < before]
            fresh = [f for f in found if f is not None and f.id not in self._hushed]
            self._hushed.update(f.id for f in fresh)
            return fresh

    def again(self) -> dict[tuple[str, int], int]:
        """(topic, partition) -> offset to read again from, once there is room; forgotten by this call."""
        with self._came:
            if self._records or not self._again:
                return {}
            taken, self._again = self._again, {}
            return taken

    def oldest(self) -> int | None:
        """When the oldest unwritten record came in."""
        with self._came:
            return self._records[0].taken_at if self._records else None


def urgent(record: Record) -> Finding | None:
    """The record's finding where it must be told even unwritten: a high one that began and is not history."""
    item = record.item
    if isinstance(item, Finding) and item.priority == "high" and item.phase == "start" and not item.retrospective:
        return item
    return None
