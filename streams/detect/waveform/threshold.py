"""Which peaks of the energy are beats: Pan & Tompkins' two running levels, one of beats and one of noise.

In: candidates in order. Out: those accepted, in order. Promise: depends on the candidates alone, not on when they were handed in.
Dropped: a peak under the threshold, or within the refractory time of the beat before; the newest ones wait for search-back; while
learning, a peak under the `floor` that the same heart had before a gap: what is left of a heart that stopped meanwhile is noise.
"""

from dataclasses import dataclass, replace
from statistics import median

LEARN_S = 2.0
REFRACTORY_S = 0.25
SHARE = 0.3
"""The threshold lies this share of the way from the noise level to the beat level."""
MISSED = 1.66
"""After this many usual intervals without a beat the best rejected peak is tried at half the threshold (Pan & Tompkins 1985)."""
T_WAVE_S = 0.36
FLOOR, FLOOR_S = 0.14, 60.0
"""Of the beats' level before a gap: a seventh is no lead that was moved, but the rest between beats. Not for longer than it takes to
tell that the heart stopped: what raised the level may have been no heart."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A peak of the envelope: sample number and height."""

    at: int
    height: float


@dataclass(frozen=True, slots=True)
class Thresholds:
    """`beat` is None while learning, of peaks over `floor`; `recent` the last beats' sample numbers; `waiting` what was rejected since."""

    beat: float | None = None
    noise: float = 0.0
    recent: tuple[int, ...] = ()
    waiting: tuple[Candidate, ...] = ()
    floor: float = 0.0

    @property
    def level(self) -> float:
        """The height a peak must exceed."""
        return self.noise + SHARE * ((self.beat or 0.0) - self.noise)

    @property
    def possible(self) -> tuple[Candidate, ...]:
        """While learning, of a heart that was heard before, the peaks that may be its beats."""
        return self.waiting if self.beat is None and self.floor else ()


def anew(t: Thresholds) -> Thresholds:
    """Learning again after a gap, the same heart on the same channel."""
    return Thresholds(floor=t.floor if t.beat is None else FLOOR * t.beat)


def judge(t: Thresholds, candidate: Candidate, rate_hz: float) -> tuple[Thresholds, list[int]]:
    """The levels after `candidate`, and the sample numbers of the beats that it shows (search-back first)."""
    if t.beat is None and candidate.height <= t.floor and candidate.at < FLOOR_S * rate_hz:
        return t, []
    if t.beat is None:
        return _learned(replace(t, waiting=(*t.waiting, candidate)), candidate, rate_hz)
    t, found = _searched_back(t, candidate, rate_hz)
    if candidate.height > t.level and not _refractory(t, candidate, rate_hz):
        return _accepted(t, candidate, 0.125), [*found, candidate.at]
    noise = 0.875 * t.noise + 0.125 * candidate.height
    return replace(t, noise=noise, waiting=(*t.waiting, candidate)[-16:]), found


def _learned(t: Thresholds, newest: Candidate, rate_hz: float) -> tuple[Thresholds, list[int]]:
    """After the first LEARN_S: the beat level is the median of the higher half, the noise a tenth of it."""
    if newest.at < LEARN_S * rate_hz:
        return t, []
    heights = sorted(c.height for c in t.waiting)
    beat = median(heights[len(heights) // 2 :])
    heard, learned = t.waiting, replace(t, beat=beat, noise=0.1 * beat, waiting=())
    found: list[int] = []
    for candidate in heard:
        learned, more = judge(learned, candidate, rate_hz)
        found += more
    return learned, found


def _refractory(t: Thresholds, c: Candidate, rate_hz: float) -> bool:
    return bool(t.recent) and c.at - t.recent[-1] <= REFRACTORY_S * rate_hz


def _usual(t: Thresholds, rate_hz: float) -> float:
    gaps = [b - a for a, b in zip(t.recent, t.recent[1:], strict=False)]
    return median(gaps) if len(gaps) >= 2 else rate_hz


def _searched_back(t: Thresholds, now: Candidate, rate_hz: float) -> tuple[Thresholds, list[int]]:
    if not t.recent or not t.waiting or now.at - t.recent[-1] <= MISSED * _usual(t, rate_hz):
        return t, []
    last = t.recent[-1]
    possible = [c for c in t.waiting if c.at - last > T_WAVE_S * rate_hz and now.at - c.at > REFRACTORY_S * rate_hz]
    best = max(possible, key=lambda c: c.height, default=None)
    if best is None or best.height <= t.level / 2:
        return t, []
    later = tuple(c for c in t.waiting if c.at > best.at)
    return replace(_accepted(t, best, 0.25), waiting=later), [best.at]


def _accepted(t: Thresholds, c: Candidate, weight: float) -> Thresholds:
    """One artefact of any height moves the level by at most three of its own."""
    beat = t.beat or c.height
    level = (1.0 - weight) * beat + weight * min(c.height, 3.0 * beat)
    return replace(t, beat=level, recent=(*t.recent, c.at)[-9:], waiting=())
