"""How much a beat looks like the beats before it: the channel's own signal quality.

In: the shape band around a beat. Out: shift to the best fit, likeness (-1..1), and the running template. Source of the
idea: Orphanidou et al. 2015 (beat-template correlation as signal quality). Silent while warming up: the first beat is the template.
"""

from dataclasses import dataclass

import numpy as np

from streams.detect.waveform.filters import Array

HALF_S = 0.2
SHIFT_S = 0.06
WINDOW = 10
WARM_UP = 8


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """`shape` is None before the first beat; `likenesses` the newest WINDOW of them."""

    shape: Array | None = None
    beats: int = 0
    likenesses: tuple[float, ...] = ()

    @property
    def quality(self) -> float:
        """Mean likeness of the newest beats, 0 before the third: nothing is known yet."""
        return float(np.mean(self.likenesses)) if len(self.likenesses) >= 3 else 0.0


def liken(template: Template, shape: Array, at: int, rate_hz: float) -> tuple[Template, int, float]:
    """`at`: index of the beat in `shape`. A beat too near the edge of what is kept is passed over (shift 0, likeness 0)."""
    half, reach = round(HALF_S * rate_hz), round(SHIFT_S * rate_hz)
    start, stop = at - half - reach, at + half + reach
    if start < 0 or stop > len(shape):
        return template, 0, 0.0
    windows = np.lib.stride_tricks.sliding_window_view(shape[start:stop], 2 * half)
    windows = windows - windows.mean(axis=1, keepdims=True)
    if template.shape is None:
        return Template(windows[reach].copy(), 1, ()), 0, 0.0
    norms = np.sqrt((windows * windows).sum(axis=1) * (template.shape @ template.shape)) + 1e-12
    fits = (windows @ template.shape) / norms
    best = int(np.argmax(fits))
    likeness = float(fits[best])
    weight = 0.15 if likeness > 0.5 or template.beats < WARM_UP else 0.05
    blended = (1.0 - weight) * template.shape + weight * windows[best]
    return Template(blended, template.beats + 1, (*template.likenesses, likeness)[-WINDOW:]), best - reach, likeness
