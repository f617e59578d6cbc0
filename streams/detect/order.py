"""Readings in the order of their numbers: what comes after a gap waits a little for what is missing. Pure, no clock.

In: the samples of a partition as they come, a device's slot and number each; time. Out: which go on now and in which order. A device counts
up by one, so what is in sequence goes on at once. A sample behind a gap waits, with what follows it, until the gap is filled, or until
`hold_ms` of the device's own `received_at` have passed. Not waited for: a gap too long for a delay of `hold_ms` (an outage:
what is live goes before the backlog); numbers that were only skipped, since at the device's pace there was no time for so many samples;
a device that has not yet counted up by one (its first sample), unless it is late (`lateness`); and one that loses: when a gap was never
filled, the device is not waited for again until it has shown, by a late sample, that it does re-order, and every further gap that stays
open doubles how many it must show. So one lost sample delays one device once, and many ever more rarely.
Promise: decided sample by sample of one device, so that no batching and no restart changes it, but for what `lateness` knows. What waits
is part of a checkpoint.
Dropped: nothing. Beyond `MOST` samples of a device or `MOST_ALL` of a partition nothing waits, and that is counted.
"""

import numpy as np
import numpy.typing as npt

from streams.detect.cadence import ROOM, Cadence
from streams.detect.dedupe import NOTHING, Seen
from streams.detect.lateness import Lateness
from streams.detect.waiting import Line, Passed, Row, place, sample, since
from vitals.batch import Batch

type_i64 = npt.NDArray[np.int64]

HOLD_MS = 60_000
MOST, MOST_ALL = 256, 50_000
"""Samples that wait of one device (a minute at four a second), and of all of a partition: some 25 MB."""
MOST_DOUBLINGS = 15
GRACE_MS = 1_000
"""How much longer the clock waits than the data: what was received in time may still be on its way through Kafka."""
_SLACK = 1.25
"""A device's pace is not a clock's: so much longer a gap may be than it should (and so much shorter: `ROOM`)."""


Belief = tuple[int, int, int, int]
"""last_at, pace, lost, owed of a slot."""
Shown = tuple[int, int, int, int]
"""known of a slot; heard, turned, slow of `lateness`."""


def waits(missing: int, elapsed_ms: int, pace_ms: int, hold_ms: int) -> bool:
    """Whether a gap of `missing` numbers over `elapsed_ms` may be re-ordering within `hold_ms`.

    Not when both at their pace and at the device's own (0 = unknown; after a pause it is the better one) the first one would be older, nor
    when at its own so many had no time.

    >>> waits(1, 2_000, 1_000, 60_000), waits(600, 600_000, 1_000, 60_000), waits(9, 1_000, 1_000, 60_000), waits(1, 600_000, 1_000, 60_000)
    (True, False, False, True)
    """
    recent = elapsed_ms * missing <= _SLACK * hold_ms * (missing + 1) or 0 < pace_ms * missing <= _SLACK * hold_ms
    return not missing or (missing <= MOST and recent and elapsed_ms >= ROOM * pace_ms * (missing + 1))


class Order:
    """Of each slot: lost: gaps that stayed open; owed: late samples that it must show before it is waited for again; standing: something of
    it waits; known: ms, up to when all that it said was known, as it was told. `cadence`: how often each speaks; `lateness`: how all came.

    `let_go`: slot -> the number up to which nothing waits, for it went on before (`again`). `outcomes`: gaps by how they ended, since last
    looked at. `count`: what waits of all. `late`: (slot, observed_at) of samples that went on behind a newer one though they came within
    `hold_ms` of their time, since last looked at.
    """

    __slots__ = (
        "cadence",
        "count",
        "hold_ms",
        "known",
        "late",
        "lateness",
        "let_go",
        "lines",
        "lost",
        "outcomes",
        "owed",
        "seen",
        "standing",
    )

    def __init__(self, seen: Seen, hold_ms: int, back_ms: int = 0) -> None:
        self.seen, self.hold_ms = seen, hold_ms
        self.cadence, self.lateness = Cadence(), Lateness(hold_ms + GRACE_MS, back_ms)
        self.lost: npt.NDArray[np.uint8] = np.zeros(0, dtype=np.uint8)
        self.owed: npt.NDArray[np.int16] = np.zeros(0, dtype=np.int16)
        self.standing: npt.NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)
        self.known: type_i64 = np.zeros(0, dtype=np.int64)
        self.lines: dict[int, Line] = {}
        self.let_go: dict[int, int] = {}
        self.outcomes: dict[str, int] = {}
        self.late: list[tuple[int, int]] = []
        self.count = 0

    @property
    def needed(self) -> bool:
        """Whether anything may wait, or does."""
        return self.hold_ms > 0 or bool(self.lines)

    def grow(self, slots: int) -> None:
        """Room for `slots`."""
        more = slots - len(self.lost)
        self.lost, self.owed = np.pad(self.lost, (0, more)), np.pad(self.owed, (0, more))
        self.standing, self.known = np.pad(self.standing, (0, more)), np.pad(self.known, (0, more))
        self.cadence.grow(more)
        self.lateness.grow(more)

    def arrived(self, slots: type_i64, batch: Batch) -> Passed | None:
        """What goes on of a batch; None: all of it, as it is, which costs no Python for what is in sequence."""
        standing = self.standing[slots] if self.lines else None
        uneven = self.seen.uneven(slots, batch.seq, None if standing is None or not standing.any() else standing)
        counted = batch.observed_at if batch.seq.all() else np.where(batch.seq == 0, 0, batch.observed_at)  # nothing is before 0
        if uneven is None:
            self.lateness.came(slots, batch.observed_at, batch.received_at)
            self.cadence.even(slots, counted)
            return None
        even = np.flatnonzero(~uneven)
        self.lateness.came(slots[even], batch.observed_at[even], batch.received_at[even])
        self.cadence.even(slots[even], counted[even])
        at, passed = np.flatnonzero(uneven), Passed(len(batch))
        columns = (slots[at], batch.seq[at], batch.observed_at[at], batch.received_at[at])
        for i, slot, seq, t, r in zip(at.tolist(), *(c.tolist() for c in columns), strict=True):
            self._take(passed, (i, slot, seq, t, r), batch)
        source, place = np.array(passed.source, dtype=np.int64), np.array(passed.place, dtype=np.int64)
        order = np.argsort(np.concatenate([even, place]), kind="stable")
        passed.source = np.concatenate([even, source])[order].tolist()
        return passed

    def due(self, now_ms: int) -> list[tuple[int, Row]]:
        """What has waited long enough by the clock, by device and in order."""
        passed = Passed(0)
        for slot in sorted(s for s, line in self.lines.items() if now_ms - line.since > self.hold_ms + GRACE_MS):
            self._give_up(passed, 0, slot)
        return passed.released

    def known_until(self, now_ms: int) -> tuple[type_i64, type_i64]:
        """The slots of which not all that was said by `now_ms` has gone on, as far as can be told, and up to when it has, ms.

        Where samples wait, up to the last before them; where something may be on its way (`lateness`), up to when it was due, or to what
        would be a minute late; as far as was said before in any case.
        """
        due = self.cadence.due()
        late = self.lateness.expected(now_ms, due)
        waiting = np.array(list(self.lines), dtype=np.int64)
        speaks = self.lateness.heard > 0
        speaks[waiting] = True
        known = np.where(speaks, now_ms, 0)
        known[late] = np.maximum(due[late], now_ms - self.lateness.most_ms)
        known[waiting] = np.minimum(known[waiting], self.cadence.last_at[waiting])
        self.known = np.maximum(self.known, known)
        slots: type_i64 = (speaks & (self.known < now_ms)).nonzero()[0]
        return slots, self.known[slots]

    def restore(self, slot: int, belief: Belief, rows: list[Row], step: int, shown: Shown | None = None) -> None:
        """A slot as it was saved; shown: None: what is known here of how it came stays."""
        self.cadence.last_at[slot], self.cadence.pace[slot], self.lost[slot], self.owed[slot] = belief
        self.cadence.step[slot] = step or belief[1]
        if shown is not None:
            late = self.lateness
            self.known[slot], late.heard[slot], late.turned[slot], late.slow[slot] = shown
        if rows:
            self.lines[slot], self.standing[slot] = Line(rows, since(rows)), True
            self.count += len(rows)

    def forget(self, slot: int) -> list[Row]:
        """What waits of a device, which waits here no longer."""
        line = self.lines.pop(slot, None)
        if line is None:
            return []
        self.count -= len(line.rows)
        self.standing[slot] = False
        return line.rows

    def saved(self, slot: int) -> tuple[Belief, list[Row], int, Shown]:
        """What `restore` takes."""
        line = self.lines.get(slot)
        c, late = self.cadence, self.lateness
        belief = (int(c.last_at[slot]), int(c.pace[slot]), int(self.lost[slot]), int(self.owed[slot]))
        shown = (int(self.known[slot]), int(late.heard[slot]), int(late.turned[slot]), int(late.slow[slot]))
        return belief, list(line.rows) if line else [], int(c.step[slot]), shown

    def _counts(self, slot: int, seq: int, t: int) -> None:
        """One sample that goes on, and is the highest."""
        self.cadence.one(slot, seq, t, next_one=seq == self.seen.top[slot] + 1)
        self.seen.one(slot, seq)

    def _take(self, passed: Passed, one: tuple[int, int, int, int, int], batch: Batch) -> None:
        """one: place in the batch, slot, seq, observed_at, received_at."""
        i, slot, seq, t, r = one
        line = self.lines.get(slot)
        if line is not None and r - line.since > self.hold_ms:
            self._give_up(passed, i, slot)
            line = None
        top = int(self.seen.top[slot])
        if seq <= top:
            self._late(passed, i, slot, (seq, t, r))
        elif line is not None and place(line, seq)[1]:
            passed.duplicates += 1
        else:
            self._new(passed, one, batch)
            self.lateness.one(slot, t, r)

    def _new(self, passed: Passed, one: tuple[int, int, int, int, int], batch: Batch) -> None:
        i, slot, seq, t, r = one
        if seq == self.seen.top[slot] + 1:
            self._goes(passed, i, slot, (seq, t))
            self._follow(passed, i, slot, r)
        elif self._may_wait(slot, seq, t, r):
            self._hold(passed, slot, sample(batch, i))
        else:
            self._release(passed, i, slot, "broken_off")
            self._goes(passed, i, slot, (seq, t))

    def _late(self, passed: Passed, i: int, slot: int, moment: tuple[int, int, int]) -> None:
        seq, t, received_at = moment
        if not self.seen.one(slot, seq):
            passed.duplicates += 1
            return
        self.lateness.one(slot, t, received_at)
        if received_at - t <= self.hold_ms + GRACE_MS:
            self.lateness.turned[slot] = received_at
            self.late.append((slot, t))
        passed.goes(i)
        if self.owed[slot] and self.cadence.last_at[slot] - t <= self.hold_ms:
            self.owed[slot] -= 1

    def _goes(self, passed: Passed, i: int, slot: int, moment: tuple[int, int]) -> None:
        self._counts(slot, *moment)
        passed.goes(i)

    def _follow(self, passed: Passed, i: int, slot: int, received_at: int) -> None:
        """What waited for the number that has just gone on, and stands in sequence with it."""
        line = self.lines.get(slot)
        top, n = int(self.seen.top[slot]), 0
        if line is None:
            return
        while n < len(line.rows) and line.rows[n].seq == top + 1 + n:
            n += 1
        if not n:
            return
        self.lateness.turned[slot] = received_at
        rest = line.rows[n:]
        self._release(passed, i, slot, "filled", n)
        if rest:
            self.lines[slot], self.standing[slot] = Line(rest, since(rest)), True

    def _may_wait(self, slot: int, seq: int, t: int, received_at: int) -> bool:
        if seq <= self.let_go.get(slot, NOTHING):
            return False
        counted, top = int(self.cadence.last_at[slot]), int(self.seen.top[slot])
        if not self.hold_ms or self.owed[slot] or top == NOTHING or not (counted or self.lateness.late(slot, t, received_at)):
            return False
        line = self.lines.get(slot)
        if self.count >= MOST_ALL or (line is not None and len(line.rows) >= MOST):
            self._ended("full")
            return False
        k = 0 if line is None else place(line, seq)[0]
        before = (top, counted or min(int(self.lateness.heard[slot]), t))  # when its first one was said is not known
        if line is not None and k:
            before = (line.rows[k - 1].seq, line.rows[k - 1].observed_at)
        return waits(seq - before[0] - 1, t - before[1], int(self.cadence.pace[slot]), self.hold_ms)

    def _hold(self, passed: Passed, slot: int, row: Row) -> None:
        line = self.lines.setdefault(slot, Line([], row.received_at))
        line.rows.insert(place(line, row.seq)[0], row)
        line.since = min(line.since, row.received_at)
        self.standing[slot] = True
        self.count += 1
        passed.held.append((slot, row.received_at))

    def _give_up(self, passed: Passed, i: int, slot: int) -> None:
        """The gap stays open: from now on the device counts as one that loses."""
        self._release(passed, i, slot, "unfilled")
        self.lost[slot] = min(int(self.lost[slot]) + 1, MOST_DOUBLINGS)
        self.owed[slot] = 1 << (int(self.lost[slot]) - 1)

    def _release(self, passed: Passed, i: int, slot: int, outcome: str, first: int | None = None) -> None:
        """The first samples that wait of a device, or all, go on; none of it waits after that."""
        line = self.lines.pop(slot, None)
        if line is None:
            return
        self.standing[slot] = False
        self._ended(outcome)
        for row in line.rows[:first]:
            self._counts(slot, row.seq, row.observed_at)
            passed.release(i, slot, row)
            self.count -= 1

    def _ended(self, outcome: str) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
