"""Samples of a patient in the order of their times, all of them later: for a site where re-ordering must change nothing. Pure, no clock.

In: a partition's samples as they come; time. Out: those whose time is `for_ms` and a second past, oldest first; of equal times by device
and number. A patient's own clock is the newest `received_at` of its samples, or what time is said to be; the second is for what is on its
way through Kafka, so that no sample goes on of which time alone would not have said so: what time then finds hangs on no sample's way.
Promise: whatever comes within `for_ms` of its time goes on in one order, however it came, how often, in which batches, over which restarts:
also the first samples of a device and those after a pause, which nothing announces and for which `order` and `watermark` do not wait. What
comes later than that goes on at once, as it came. What is of a time to come waits `for_ms` longer at most. What waits is part of a
checkpoint. With `for_ms` 0 nothing waits, and it costs nothing.
Dropped: nothing, not even what comes twice. Beyond `MOST` samples of a patient, or `MOST_ALL` of a partition, the patient's oldest goes on.
"""

from bisect import insort_right
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from streams.detect.order import GRACE_MS
from streams.detect.waiting import Row, sample, spread
from vitals.batch import Batch

MOST, MOST_ALL = 512, 200_000
"""A minute of eight samples a second; a page of 64 such patients is 5 MB, and Kafka takes 8. All: some 100 MB."""

Held = tuple[int, str, Row]
"""When it was said, or had to be; by which device; what."""


class Queue(msgspec.Struct, array_like=True):
    """What waits of one patient, in order. clock: ms, its newest received_at."""

    clock: int = 0
    held: list[Held] = []


class HeldBack:
    """What waits of a partition's patients, by row. `count`: of all."""

    __slots__ = ("count", "for_ms", "of")

    def __init__(self, for_ms: int) -> None:
        self.for_ms = for_ms
        self.of: dict[int, Queue] = {}
        self.count = 0

    @property
    def needed(self) -> bool:
        """Whether anything may wait, or does."""
        return self.for_ms > 0 or self.count > 0

    @property
    def behind_ms(self) -> int:
        """How much earlier it is for whoever folds what goes on: all that was said before that has come."""
        return self.for_ms + GRACE_MS if self.for_ms else 0

    def restore(self, row: int, queue: Queue) -> None:
        """A patient's as it was saved."""
        self.of[row] = queue
        self.count += len(queue.held)

    def clear(self, row: int) -> None:
        """What waits of `row` is forgotten: nobody watches its patient any more."""
        self.count -= len(self.of.pop(row, Queue()).held)

    def arrived(self, rows: npt.NDArray[np.int64], batch: Batch) -> list[tuple[int, str, Row]]:
        """What goes on now that the samples (n,) of the patients at `rows` have come: row, device and sample, in order for each row."""
        found = []
        columns = (rows, batch.device, batch.observed_at, batch.received_at)
        for i, (row, device, t, r) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
            queue = self.of.setdefault(row, Queue())
            queue.clock = max(queue.clock, r)
            insort_right(queue.held, (min(t, r + self.for_ms), batch.devices[device], sample(batch, i)), key=_place)
            self.count += 1
            found += self._free(row, queue, queue.clock - self.behind_ms)
        return found

    def due(self, now_ms: int) -> list[tuple[int, str, Row]]:
        """What goes on because it is `now_ms`."""
        waiting, until = [(row, queue) for row, queue in sorted(self.of.items()) if queue.held], now_ms - self.behind_ms
        return [each for row, queue in waiting for each in self._free(row, queue, until)]

    def _free(self, row: int, queue: Queue, until: int) -> list[tuple[int, str, Row]]:
        n, held = 0, queue.held
        while n < len(held) and (held[n][0] <= until or len(held) - n > MOST or self.count - n > MOST_ALL):
            n += 1
        found = [(row, device, said) for _, device, said in held[:n]]
        del held[:n]
        self.count -= n
        return found


def together(patients: Sequence[str], released: Sequence[tuple[int, str, Row]]) -> Batch:
    """What goes on as a batch, in order. patients: the names of the rows."""
    who = sorted({row for row, _, _ in released})
    devices = sorted({device for _, device, _ in released})
    places = {row: k for k, row in enumerate(who)}, {device: k for k, device in enumerate(devices)}
    patient = np.array([places[0][row] for row, _, _ in released], dtype=np.int32)
    device = np.array([places[1][name] for _, name, _ in released], dtype=np.int32)
    said = [row for _, _, row in released]
    return Batch(tuple(patients[row] for row in who), patient, tuple(devices), device, *spread(said))


def _place(held: Held) -> tuple[int, str, int]:
    return held[0], held[1], held[2].seq
