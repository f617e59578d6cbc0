"""One channel of one device as it streams: chunks to beats with true times.

In: decoded chunks. Out: the channel with its newest beats, intervals and quality. Promise: bounded memory (the detector's 4 s, 140
intervals). Dropped: a chunk that was already heard (not newer than what is known). A gap, in time or inside a chunk, starts the
detector anew: an interval over a gap is no interval. After a short one it is known that a heart beat here, and how high: that it beats no
more can then be told without the beats that a channel has to show first.
"""

from dataclasses import dataclass, replace

import numpy as np

from streams.detect.waveform.beats import DECIDE_S, Beat, Memory, begin, step
from streams.detect.waveform.filters import Array
from streams.detect.waveform.threshold import anew

INTERVALS_KEPT = 140
WARM_BEATS = 10
SHORT_GAP_MS = 60_000
TOLERANCE = 1.5
"""A chunk that begins within so many sample periods of the expected moment goes on without a gap (clocks jitter)."""


@dataclass(frozen=True, slots=True, eq=False)
class Channel:
    """Times in ms. `heard` the end of the newest chunk; `decided` up to where beats are known; `unbroken` since when without a gap;
    `beat_before`: when a heart that was known was last heard on it, before a short gap."""

    name: str
    memory: Memory
    unbroken: int
    heard: int
    decided: int
    last_beat: int | None = None
    quality: float = 0.0
    beats: int = 0
    intervals: tuple[float, ...] = ()
    beat_before: int | None = None

    @property
    def warm(self) -> bool:
        """Whether enough beats were heard to judge the rhythm."""
        return self.beats >= WARM_BEATS

    @property
    def known(self) -> bool:
        """Whether a heart was heard on it, now or before a short gap."""
        return self.beats > 0 or self.beat_before is not None

    @property
    def silence_s(self) -> float:
        """Seconds since the last beat; after a gap, until beats are known again, since the last peak that may be one, or the gap."""
        peaks = self.memory.thresholds.possible if self.last_beat is None else ()
        since = self.unbroken + round(1000.0 * peaks[-1].at / self.memory.rate_hz) if peaks else self.last_beat or self.unbroken
        return max(0.0, (self.decided - since) / 1000.0)


def opened(name: str, rate_hz: float, at: int) -> Channel:
    """A channel of which nothing has been heard. Raises ValueError for a rate at which no beat can be told."""
    return Channel(name, begin(rate_hz), at, at, at)


def _again(channel: Channel, at: int) -> Channel:
    """The channel after a gap that ends at `at` (ms)."""
    rate, known = channel.memory.rate_hz, channel.warm or channel.beat_before is not None
    before = channel.last_beat if known and channel.last_beat is not None else channel.beat_before
    if before is None or at - before > SHORT_GAP_MS:
        return opened(channel.name, rate, at)
    return Channel(channel.name, begin(rate, anew(channel.memory.thresholds)), at, at, at, beat_before=before)


def heard(channel: Channel, observed_at: int, samples: Array) -> Channel:
    """The channel with one chunk more; `samples` (n,), NaN = gap; `observed_at` of the first, ms."""
    rate = channel.memory.rate_hz
    end = observed_at + round(1000.0 * len(samples) / rate)
    if end <= channel.heard:
        return channel
    if abs(observed_at - channel.heard) > TOLERANCE * 1000.0 / rate:
        channel = _again(channel, observed_at)
    for start, piece in _pieces(samples):
        at = observed_at + round(1000.0 * start / rate)
        if start and np.isnan(samples[start - 1]):
            channel = _again(channel, at)
        channel = _went_on(channel, piece)
    return replace(channel, heard=end) if not np.isnan(samples[-1]) else _again(channel, end)


def _pieces(samples: Array) -> list[tuple[int, Array]]:
    """The runs without a gap, with where each begins."""
    edges = np.flatnonzero(np.diff(np.isfinite(samples).astype(np.int8), prepend=0, append=0))
    return [(int(a), samples[a:b]) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _went_on(channel: Channel, samples: Array) -> Channel:
    memory, beats = step(channel.memory, samples)
    channel = replace(channel, memory=memory)
    for beat in beats:
        channel = _beaten(channel, beat)
    decided = channel.unbroken + round(1000.0 * max(0.0, memory.n / memory.rate_hz - DECIDE_S))
    return replace(channel, decided=max(channel.decided, decided))


def _beaten(channel: Channel, beat: Beat) -> Channel:
    at = channel.unbroken + round(1000.0 * beat.at / channel.memory.rate_hz)
    if channel.last_beat is not None and at <= channel.last_beat:
        return channel
    gaps = channel.intervals if channel.last_beat is None else (*channel.intervals, (at - channel.last_beat) / 1000.0)
    return replace(channel, last_beat=at, quality=beat.quality, beats=channel.beats + 1, intervals=gaps[-INTERVALS_KEPT:])
