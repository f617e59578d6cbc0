"""Beats of an ECG or a PPG as they come: where each is, and how much it looks like the ones before.

In: chunks of one channel (any unit, 60-500 Hz). Out: `Beat`s, in order, about 0.4 s after they happened; one found by search-back
comes later. Promise: the same samples in any chunks give the same beats. Bounded memory: 4 s of signal a channel.

Method: Pan & Tompkins, A real-time QRS detection algorithm (1985): band-pass, slope, energy, two adaptive thresholds, refractory time,
search-back at 1.66 intervals. The likeness is the best normalised cross-correlation with a template of the beats before, within 60 ms
of shift (after the beat-template quality of Orphanidou 2015); `quality` is its mean over ten beats. On MIT-BIH 100 and
118 with electrode-motion noise, 24 dB stays above `DOUBTFUL` and 12 dB falls below it.

>>> import numpy as np
>>> ecg = np.zeros(2500); ecg[125::250] = 1.0
>>> _, found = step(begin(250.0), ecg)
>>> [round(b.at / 250, 1) for b in found][:3]
[0.5, 1.5, 2.5]
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import maximum_filter1d

from streams.detect.waveform import filters
from streams.detect.waveform.filters import Array, Coefficients, FilterMemory
from streams.detect.waveform.template import Template, liken
from streams.detect.waveform.threshold import Candidate, Thresholds, judge

PEAK_S = 0.2
LOCATE_S = 0.2
KEEP_S = 4.0
DECIDE_S = 0.32
DOUBTFUL = 0.9


@dataclass(frozen=True, slots=True)
class Beat:
    """`at`: sample number since the start of the stream (the R peak); `likeness` and `quality`: -1..1."""

    at: int
    likeness: float
    quality: float


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """All that the next chunk needs. `n` samples seen; the arrays hold the newest `keep` of them."""

    rate_hz: float
    coefficients: Coefficients
    filter: FilterMemory | None
    n: int
    decided: int
    qrs: Array
    shape: Array
    envelope: Array
    thresholds: Thresholds
    template: Template


def begin(rate_hz: float, thresholds: Thresholds | None = None) -> Memory:
    """The memory of a channel of which nothing has been heard, or after a gap. Raises ValueError under 60 Hz: no beat could be told."""
    if not 60.0 <= rate_hz <= 1000.0:
        raise ValueError(f"rate_hz is {rate_hz}, expected 60 to 1000")
    quiet = np.zeros(round(KEEP_S * rate_hz))
    return Memory(rate_hz, filters.coefficients(rate_hz), None, 0, 0, quiet, quiet, quiet, thresholds or Thresholds(), Template())


def step(memory: Memory, samples: Array) -> tuple[Memory, list[Beat]]:
    """(n,) samples, oldest first, finite -> the memory with them, and the beats that can now be told."""
    if len(samples) == 0:
        return memory, []
    memory = _filtered(memory, samples)
    thresholds, template, beats = memory.thresholds, memory.template, list[Beat]()
    for candidate in _candidates(memory):
        thresholds, accepted = judge(thresholds, candidate, memory.rate_hz)
        for index in accepted:
            template, beat = _told(memory, template, candidate.at, index)
            beats.append(beat)
    keep = round(KEEP_S * memory.rate_hz)
    return (
        replace(
            memory,
            decided=_decidable(memory),
            qrs=memory.qrs[-keep:],
            shape=memory.shape[-keep:],
            envelope=memory.envelope[-keep:],
            thresholds=thresholds,
            template=template,
        ),
        beats,
    )


def _filtered(memory: Memory, samples: Array) -> Memory:
    state = memory.filter or filters.settled(memory.coefficients, float(samples[0]))
    state, qrs, shape, envelope = filters.run(memory.coefficients, state, samples)
    return replace(
        memory,
        filter=state,
        n=memory.n + len(samples),
        qrs=np.concatenate((memory.qrs, qrs)),
        shape=np.concatenate((memory.shape, shape)),
        envelope=np.concatenate((memory.envelope, envelope)),
    )


def _decidable(memory: Memory) -> int:
    return max(memory.decided, memory.n - round(DECIDE_S * memory.rate_hz))


def _candidates(memory: Memory) -> list[Candidate]:
    """Peaks of the envelope, highest within PEAK_S on both sides, among the samples that have become decidable."""
    width = round(PEAK_S * memory.rate_hz)
    offset = memory.n - len(memory.envelope)
    first, last = memory.decided - offset, _decidable(memory) - offset
    if last <= first:
        return []
    low = first - width
    around = memory.envelope[max(low, 0) : last + width]
    highest = maximum_filter1d(around, 2 * width + 1, mode="constant")[first - max(low, 0) :][: last - first]
    value = memory.envelope[first:last]
    peaks = np.flatnonzero((value == highest) & (value > 0.0))
    return [Candidate(int(p) + memory.decided, float(value[p])) for p in peaks]


def _told(memory: Memory, template: Template, now: int, index: int) -> tuple[Template, Beat]:
    """The beat whose energy peaks at `index`: its R peak is the largest swing just before.

    Only what a stream cut sample by sample would still keep, and would have by the time of the candidate `now`, is looked at.
    """
    newest = now + round(DECIDE_S * memory.rate_hz)
    oldest = max(0, newest - round(KEEP_S * memory.rate_hz))
    offset = memory.n - len(memory.qrs)
    if index - round(LOCATE_S * memory.rate_hz) < oldest:
        return template, Beat(index, 0.0, template.quality)
    start = index - round(LOCATE_S * memory.rate_hz) - offset
    at = start + int(np.argmax(np.abs(memory.qrs[start : index - offset])))
    template, shift, likeness = liken(template, memory.shape[oldest - offset : newest - offset], at - oldest + offset, memory.rate_hz)
    return template, Beat(at + shift + offset, likeness, template.quality)
