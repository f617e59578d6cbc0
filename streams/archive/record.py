"""A Kafka record as the archive sees it, which of a handful are due, and what became of them. Pure.

Promise: a record below the stored offset is skipped (it is stored already); a hole between the stored offset and the first record is
told as a `Gap`, and nothing of that partition is taken; a topic that began anew (its end lies below the stored offset) starts afresh,
once Kafka was asked for the end: the one that a record remembers may be old.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vitals.errors import World

BOUNDLESS = 2**63
"""A partition's end that is not known."""


@dataclass(frozen=True, slots=True)
class Record:
    """`schema`, `traceparent` and `again` (of readings: they may have come before) are headers; `timestamp` in ms.

    `end` is the partition's end offset when the record came in.

    `first`: what Kafka had deleted lies below it, as far as known; no hole up to there can be filled. `asked`: `end` is Kafka's answer of
    just now.
    """

    topic: str
    partition: int
    offset: int
    value: bytes
    schema: bytes = b""
    traceparent: str | None = None
    timestamp: int = 0
    end: int = BOUNDLESS
    first: int = 0
    asked: bool = False
    again: bool = False


class Doubtful(World):
    """By what their records remember, these partitions were made anew; or the records waited here while another process stored on."""

    def __init__(self, partitions: set[int]) -> None:
        super().__init__(f"the end of partitions {sorted(partitions)} lies below what is stored")
        self.partitions = partitions


@dataclass(frozen=True, slots=True)
class Gap:
    """The partition must be read again from `next_offset`."""

    partition: int
    next_offset: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What one transaction did. `rows` of readings (or refusals, links); `refused`: reason -> samples refused by the archive.

    again: samples that were given again on the way here and are stored already.
    """

    rows: int = 0
    skipped: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    staged: bool = False
    again: int = 0


@dataclass(frozen=True, slots=True)
class Due:
    """`next_offsets`: partition -> where the store will stand once `records` are in."""

    records: tuple[Record, ...]
    skipped: int
    gaps: tuple[Gap, ...]
    next_offsets: Mapping[int, int]


def due(records: Sequence[Record], stored: Mapping[int, int], dense: bool) -> Due:
    """What to take of `records` (rising within a partition) where `stored` has partition -> next offset.

    `dense` False: a compacted topic, whose offsets have holes by nature. Raises Doubtful.
    """
    doubted = {r.partition for r in records if not r.asked and r.end < stored.get(r.partition, 0)}
    if doubted:
        raise Doubtful(doubted)
    following = dict(stored)
    taken: list[Record] = []
    gaps: dict[int, Gap] = {}
    for record in records:
        partition = record.partition
        expected = following.get(partition)
        if expected is not None and record.end < expected and partition not in gaps:
            expected = None  # the topic was made anew: its offsets start again
        if expected is not None:
            expected = max(expected, record.first)
        if partition in gaps or (expected is not None and record.offset < expected):
            continue
        if dense and expected is not None and record.offset > expected:
            gaps[partition] = Gap(partition, expected)
            continue
        taken.append(record)
        following[partition] = record.offset + 1
    skipped = sum(r.partition not in gaps for r in records) - sum(r.partition not in gaps for r in taken)
    return Due(tuple(taken), skipped, tuple(gaps.values()), following)
