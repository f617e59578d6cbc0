"""Chunks of a patient in the order of their times, all of them later: for a site where re-ordering must change nothing. Pure, no clock.

As `streams.detect.held_back`, of chunks, whose time is that of their end. In: records as they come, each a chunk of a partition; time. Out:
those whose time is `for_ms` and a second past, oldest first, of equal times by device, channel and number. What is no chunk goes on at
once, to be refused.
Promise: what comes within `for_ms` goes on in one order, however it came. What comes later goes on at once; what is of a time to come waits
`for_ms` longer at most. Kept in hand alone: what waits is not acknowledged, and comes again after a restart.
Dropped: nothing. Beyond `MOST` chunks of a patient the oldest goes on.
"""

import heapq
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from streams.detect.order import GRACE_MS
from vitals.errors import WireFormatError
from vitals.waveform import Waveform, decode

T = TypeVar("T")
MOST = 1_024
"""A minute of eight channels at two chunks a second, some 3 MB."""
_Held = tuple[int, str, str, int, int, T]


@dataclass(slots=True)
class _Queue(Generic[T]):
    clock: int = 0
    held: list[_Held[T]] = field(default_factory=list)


@dataclass(slots=True)
class HeldBack(Generic[T]):
    """What waits, by partition and patient; `taken` counts, to tell repeats apart."""

    for_ms: int
    of: dict[tuple[int, str], _Queue[T]] = field(default_factory=dict)
    taken: int = 0

    def arrived(self, partition: int, value: bytes, record: T) -> list[T]:
        """What goes on now that `record`, whose bytes are `value`, has come."""
        if not self.for_ms:
            return [record]
        try:
            chunk = decode(value)
            due = min(end_of(chunk), chunk.received_at + self.for_ms)
        except (WireFormatError, ArithmeticError, ValueError):  # no chunk, or one whose rate is no number or 0
            return [record]
        self.taken += 1
        queue = self.of.setdefault((partition, chunk.patient), _Queue())
        queue.clock = max(queue.clock, chunk.received_at)
        heapq.heappush(queue.held, (due, chunk.device, chunk.channel, chunk.seq, self.taken, record))
        return self._free(queue, queue.clock)

    def due(self, partition: int, now_ms: int) -> list[T]:
        """What of a partition goes on because it is `now_ms`; a patient of whom nothing waits is forgotten."""
        found = []
        for key in [key for key in self.of if key[0] == partition]:
            found += self._free(self.of[key], now_ms)
            if not self.of[key].held:
                del self.of[key]
        return found

    def _free(self, queue: _Queue[T], moment: int) -> list[T]:
        found, until = [], moment - self.for_ms - GRACE_MS
        while queue.held and (queue.held[0][0] <= until or len(queue.held) > MOST):
            found.append(heapq.heappop(queue.held)[-1])
        return found


def end_of(chunk: Waveform) -> int:
    """The time of a chunk's end, ms."""
    return chunk.observed_at + round(500.0 * len(chunk.samples) / chunk.rate_hz)
