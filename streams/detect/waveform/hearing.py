"""One patient's chunks in the order of their times though they come otherwise: a late one goes to its place, what followed is heard again.

In: chunks as they come. Out: findings to be told. Nothing waits: a chunk is judged when it comes, and one in order costs nothing more.
Behind a newer one it is no gap for ever: the watch goes back to where it was before, hears it, and hears the last seconds again;
what comes out otherwise is told (`told`). Promise: whatever comes within a minute of its time, the alerts are those of the order, with
their spans; what comes twice changes nothing. What comes later than that is heard as it comes: the channel takes it for history.
What is of a time to come is in its place up to `AHEAD_MS`. Bounded: `SPAN_MS` of chunks, at most `MOST`, with a watch of before every
`STRIDE_MS` and of the newest `NEAR`. Kept in hand alone: after a restart a chunk of before is a gap.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from streams.detect.order import GRACE_MS
from streams.detect.told import Place, Told
from streams.detect.waveform.held_back import end_of
from streams.detect.waveform.watch import BEATING, Watch, step, told_on
from vitals.finding import Finding
from vitals.waveform import Waveform

AHEAD_MS = 5_000
"""A device's clock may be so much ahead; of what is further ahead only the order of arrival is known."""
SPAN_MS = 60_000 + GRACE_MS + AHEAD_MS
STRIDE_MS = 20_000
"""A late chunk is heard with at most so much before it: each watch of before is some 25 kB a channel."""
NEAR = 4
"""Chunks of one moment come in any order of their channels: so many of the newest have their watch of before."""
MOST = 1_024
_Placed = tuple[Place, Waveform]


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """A chunk in its place; `before`: the watch before it, where it is kept."""

    place: Place
    chunk: Waveform
    before: Watch | None


@dataclass(slots=True, eq=False)
class Hearing:
    """`watch`: after all `heard`, which are in order; the first has a `before`."""

    watch: Watch = field(default_factory=Watch)
    heard: list[Heard] = field(default_factory=list)
    told: Told = field(default_factory=Told)

    def take(self, chunk: Waveform, ward: str, now: int) -> list[Finding]:
        """One chunk more; `now` in ms is when it is judged. Raises ValueError for one that cannot be heard: it changes nothing."""
        if not chunk.channel.startswith(BEATING):
            return []
        place = min(end_of(chunk), chunk.received_at + AHEAD_MS), chunk.device, chunk.channel, chunk.seq
        if self.heard and place[0] < self.heard[-1].place[0] - SPAN_MS:
            place = self.heard[-1].place  # as it came: behind all
        at = bisect_right(self.heard, place, key=_place)
        if at and _is(self.heard[at - 1].chunk, chunk):
            return []
        if at == len(self.heard):
            found, self.watch = _heard(self.heard, [(place, chunk)], self.watch, (ward, now))
            news = self.told.news(found)
        else:
            news = self._again(at, (place, chunk), (ward, now))
        return news + self._forget()

    def _again(self, at: int, late: _Placed, said: tuple[str, int]) -> list[Finding]:
        """Goes back to before the place `at`, and hears the late one and all that follows."""
        kept = next(k for k in range(at, -1, -1) if self.heard[k].before is not None)
        chunks = [(each.place, each.chunk) for each in self.heard[kept:]]
        chunks.insert(at - kept, late)
        heard = self.heard[:kept]
        found, watch = _heard(heard, chunks, self.heard[kept].before or Watch(), said)
        self.heard, self.watch = heard, watch
        return self.told.again(found, chunks[0][0])

    def _forget(self) -> list[Finding]:
        """All that was before the last kept watch that no late chunk can need; what is certain by now, to be told."""
        newest = self.heard[-1].place[0]
        if newest - self.heard[0].place[0] <= SPAN_MS + STRIDE_MS and len(self.heard) <= MOST:
            return []
        over = len(self.heard) - MOST
        old = [k for k, each in enumerate(self.heard) if each.before is not None and (k <= over or each.place[0] <= newest - SPAN_MS)]
        del self.heard[: old[-1] if old else 0]
        return self.told.settled(self.heard[0].place[0], newest, told_on(self.watch, self.heard[0].chunk.patient))


def _heard(heard: list[Heard], chunks: Sequence[_Placed], watch: Watch, said: tuple[str, int]) -> tuple[list[tuple[Place, Finding]], Watch]:
    """Adds `chunks`, in order, to what was heard before; what is found in them, and the watch after them. said: ward, now."""
    found = list[tuple[Place, Finding]]()
    for place, chunk in chunks:
        after, more = step(watch, chunk, *said)
        found += [(place, finding) for finding in more]
        heard.append(Heard(place, chunk, watch))
        _thin(heard, len(heard) - 1 - NEAR)
        watch = after
    return found, watch


def _thin(heard: list[Heard], at: int) -> None:
    """Of the watches before those in one stride the first is kept."""
    if at > 0 and heard[at].place[0] // STRIDE_MS == heard[at - 1].place[0] // STRIDE_MS:
        heard[at] = replace(heard[at], before=None)


def _place(each: Heard) -> Place:
    return each.place


def _is(one: Waveform, other: Waveform) -> bool:
    """Whether both are the same chunk."""
    return (one.device, one.channel, one.seq, one.observed_at) == (other.device, other.channel, other.seq, other.observed_at)
