"""Samples of several devices of one patient in the order of their times: each waits until the others have spoken past it. Pure, no clock.

In: a patient's samples as they go on from `order`, each device's by its numbers; time. Out: which go on now, oldest `observed_at` first. A
sample waits for every other device that, at its own pace, may have spoken by then: its watermark is the newest time that it has spoken of;
and for one of which samples stand behind a gap in its numbers (`order`); and for a minute where a device begins, or comes back, that is
late (`lateness`): what it said before may be on its way.
Nothing waits longer than `hold_ms` after it came in. Nor for a device that was not heard for so long that what it says would be history, or
that speaks of history (its backlog); nor for one that has spoken once only, whose pace is not known. What comes behind what went on already
goes at once: it is late.
Promise: decided sample by sample of one patient, so that no batching and no restart changes it. What waits is part of a checkpoint.
Dropped: nothing. Beyond `MOST` samples of a patient the oldest goes on; beyond `MOST_ALL` of a partition nothing waits.
"""

from bisect import insort_right
from collections.abc import Mapping, Set

import msgspec

from streams.detect.order import GRACE_MS, MOST_ALL
from streams.detect.waiting import Row

MOST = 1_024
"""Samples that wait of one patient: four devices at four a second, for a minute."""
_ROOM, _EARLY = 0.6, 2
"""A device's next sample comes after this share of its pause at the soonest, or so many `hold_ms` before its pause is over."""
_GONE = 2
"""And so many pauses, or `hold_ms`, after it at the latest."""
_PAST = 2
"""What a device says is history when it is older than so many `hold_ms`."""


class Front(msgspec.Struct, array_like=True):
    """How far a device has spoken, ms. at: newest observed_at; received_at: newest; step: between its newest two, 0 = not known.

    pause: the smaller of its last two steps: the other may be one in which it was taken off.
    """

    at: int
    received_at: int
    pause: int = 0
    step: int = 0

    def spoke(self, t: int, received_at: int) -> None:
        """A sample of this device."""
        if t > self.at:
            step = t - self.at
            self.at, self.step, self.pause = t, step, min(step, self.step or step)
        self.received_at = max(self.received_at, received_at)


_NONE: Set[str] = frozenset()
Said = tuple[float, int]
"""A reading and its observed_at."""


class Lane(msgspec.Struct, array_like=True):
    """Of one patient: what waits, by (observed_at, device, number); the devices' fronts; the newest received_at; how far it went on.

    said: of each vital what each device said last (`witness`). begun: ms of received_at, when a device that is late began or came back.
    passed_by: the device that said what went on last: of one moment they go on by name.
    """

    fronts: dict[str, Front]
    pending: list[tuple[int, str, Row]] = []
    clock: int = 0
    passed_at: int = 0
    said: dict[int, dict[str, Said]] = {}
    begun: int = 0
    passed_by: str = ""

    def spoke(self, device: str, t: int, received_at: int, *, late: int = 0) -> None:
        """A sample has come; late: hold_ms where its device is late, else 0."""
        front = self.fronts.get(device)
        if late and (front is None or gone(front, received_at, late)):
            self.begun = received_at
        if front is None:
            self.fronts[device] = Front(t, received_at)
        else:
            front.spoke(t, received_at)
        self.clock = max(self.clock, received_at)

    def holds(self, device: str) -> bool:
        """Whether anything of `device` waits."""
        return any(name == device for _, name, _ in self.pending)

    def waits(self, said: tuple[str, int, int], moment: int, hold_ms: int, standing: Set[str] = frozenset()) -> bool:
        """Whether what a device said waits at a `moment` of the patient's received_at. said: device, observed_at, received_at.

        standing: the devices of which samples wait for what is missing before them.
        """
        device, t, received_at = said
        if not hold_ms or moment - received_at > hold_ms:
            return False
        if moment - self.begun <= hold_ms:
            return True
        others = [(name, f) for name, f in self.fronts.items() if name != device]
        return any((name in standing and t > f.at) or awaited(f, t, moment, hold_ms) for name, f in others)


def awaited(front: Front, t: int, moment: int, hold_ms: int) -> bool:
    """Whether a device may still speak of a time up to `t`: it was due by then, is not gone, and does not speak of history.

    >>> each_second = Front(at=60_000, received_at=60_050, pause=1_000)
    >>> [awaited(each_second, t, 63_000, 60_000) for t in (60_000, 60_500, 61_000)], awaited(each_second, 63_000, 125_000, 60_000)
    ([False, False, True], False)
    """
    pause = front.pause
    if not pause or front.received_at - front.at > _PAST * hold_ms:
        return False
    due = front.at + max(_ROOM * pause, pause - _EARLY * hold_ms)
    return t >= due and not gone(front, moment, hold_ms)


def gone(front: Front, moment: int, hold_ms: int) -> bool:
    """Whether a device was not heard for so long that it is waited for no longer."""
    return moment - front.received_at > front.pause + hold_ms + _GONE * min(front.pause, hold_ms)


class Lanes:
    """The lanes of a partition's patients who have several devices, by row. `count`: what waits of all. `late`: as in `order`, by row.

    `standing`: of those rows the devices of which samples wait in `order`, as it is told.
    """

    __slots__ = ("count", "hold_ms", "late", "of", "standing")

    def __init__(self, hold_ms: int) -> None:
        self.hold_ms = hold_ms
        self.of: dict[int, Lane] = {}
        self.late: list[tuple[int, int]] = []
        self.standing: Mapping[int, Set[str]] = {}
        self.count = 0

    def open(self, row: int, lane: Lane) -> None:
        """`row` has several devices from now on."""
        self.of[row] = lane
        self.count += len(lane.pending)

    def clear(self, row: int) -> None:
        """What waits of `row` is forgotten: nobody watches its patient any more."""
        lane = self.of[row]
        self.count -= len(lane.pending)
        lane.pending.clear()

    def passes(self, row: int, said: tuple[str, int, int], *, late: bool = False) -> bool:
        """The next sample of `row`: whether it goes on at once; else it is to be held. said: as `Lane.waits`; late: its device is."""
        lane, (device, t, received_at) = self.of[row], said
        lane.spoke(device, t, received_at, late=self.hold_ms if late else 0)
        if (t, device) < (lane.passed_at, lane.passed_by):
            if received_at - t <= self.hold_ms + GRACE_MS:
                self.late.append((row, t))
            return True
        if lane.pending or lane.waits(said, lane.clock, self.hold_ms, self.standing.get(row, _NONE)):
            return False
        lane.passed_at, lane.passed_by = t, device
        return True

    def hold(self, row: int, device: str, sample: Row) -> None:
        """It waits, in its place."""
        insort_right(self.of[row].pending, (sample.observed_at, device, sample), key=_place)
        self.count += 1

    def free(self, row: int) -> list[tuple[str, Row]]:
        """What waits of `row` no longer, now that one more has come: device and sample, in order."""
        lane = self.of[row]
        return self._free(row, lane.clock) if lane.pending else []

    def due(self, now_ms: int) -> list[tuple[int, str, Row]]:
        """What has waited long enough by the clock: row, device and sample, in order for each row."""
        moment = now_ms - GRACE_MS
        waiting = [(row, lane) for row, lane in sorted(self.of.items()) if lane.pending]
        return [(row, *passed) for row, lane in waiting for passed in self._free(row, max(moment, lane.clock))]

    def _free(self, row: int, moment: int) -> list[tuple[str, Row]]:
        """What waits no longer."""
        n, lane, standing = 0, self.of[row], self.standing.get(row, _NONE)
        pending = lane.pending
        while n < len(pending) and not self._stays(lane, n, moment, standing):
            n += 1
        if not n:
            return []
        lane.passed_at, lane.passed_by = pending[n - 1][:2]
        found = [(device, sample) for _, device, sample in pending[:n]]
        del pending[:n]
        self.count -= n
        return found

    def _stays(self, lane: Lane, n: int, moment: int, standing: Set[str]) -> bool:
        t, device, sample = lane.pending[n]
        full = len(lane.pending) - n > MOST or self.count - n > MOST_ALL
        return not full and lane.waits((device, t, sample.received_at), moment, self.hold_ms, standing)


def _place(waiting: tuple[int, str, Row]) -> tuple[int, str, int]:
    return waiting[0], waiting[1], waiting[2].seq
