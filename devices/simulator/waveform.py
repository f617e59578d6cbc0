"""Curves of a simulated body: ECG lead II, the pulse at the finger, the breath, in chunks of one second.

In: the heart's and the breath's phase, the vitals now, fresh noise. Out: the phases a second later and the curves. Pure. The heart beats
at `hr`, a little faster while breathing in; the pulse comes a quarter of a second after each beat, weaker where the saturation is low; the
breath goes at `rr` and moves the ECG's baseline. The shape is a sum of bumps around each beat, as in McSharry et al. 2003, with this
project's own numbers: made to look alive and to be found by a beat detector, no source of clinical truth.
"""

import math
from dataclasses import dataclass

import msgspec
import numpy as np

from devices.simulator.physiology import type_f64

CHUNK_MS = 1_000
RATES = {"ecg_ii": 250, "ppg": 125, "resp": 60}
UNITS = {"ecg_ii": "mV", "ppg": "1", "resp": "Ohm"}
MOST_LATE_MS = 5_000
"""What a device could not say within that time is a gap: curves are not buffered."""
_ECG = ((-0.17, 0.12, 0.025), (-0.03, -0.10, 0.010), (0.0, 1.0, 0.011), (0.03, -0.22, 0.012), (0.27, 0.30, 0.045))
"""P, Q, R, S, T: seconds from the beat at 60/min (P and T nearer with the root of the interval), mV, seconds wide."""
_PPG = ((0.27, 1.0, 0.09), (0.50, 0.35, 0.10))
"""The pulse's wave and its echo."""
_RISE = 0.04
"""The share by which the heart quickens while breathing in."""
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Phases:
    """Beats and breaths since the beginning; `at`: ms, up to where curves were made (0 = none yet)."""

    heart: float = 0.0
    breath: float = 0.0
    at: int = 0


def curves(phases: Phases, row: type_f64, noise: type_f64) -> tuple[Phases, dict[str, type_f64]]:
    """`row` of `physiology.step`, `noise` (250,) standard normal -> the phases a second later and each channel's samples of that second."""
    hr, rr, spo2 = row.tolist()[:3]
    beat_s = 60.0 / hr
    made: dict[str, type_f64] = {}
    for channel, rate in RATES.items():
        t = np.arange(rate) / rate
        breath = 2 * math.pi * (phases.breath + t * rr / 60.0)
        quick = _RISE / (2 * math.pi * rr / 60.0) * (math.cos(2 * math.pi * phases.breath) - np.cos(breath))
        heart = phases.heart + (t + quick) / beat_s
        if channel == "resp":
            made[channel] = np.sin(breath) + 0.15 * np.sin(2 * breath)
        elif channel == "ppg":
            made[channel] = _bumps(heart, beat_s, _PPG) * (1 + 0.08 * np.sin(breath)) * min(1.0, max(0.2, (spo2 - 60.0) / 35.0))
        else:
            made[channel] = _bumps(heart, beat_s, _ECG) + 0.05 * np.sin(breath) + 0.01 * noise[:rate]
    ended = 2 * math.pi * (phases.breath + rr / 60.0)
    quick_s = _RISE / (2 * math.pi * rr / 60.0) * (math.cos(2 * math.pi * phases.breath) - math.cos(ended))
    return Phases(phases.heart + (1.0 + quick_s) / beat_s, phases.breath + rr / 60.0, phases.at + CHUNK_MS), made


def due(phases: Phases, now_ms: int) -> tuple[Phases, int]:
    """How many whole chunks may be made by `now_ms`; the phases, moved on where too much was missed."""
    if now_ms - phases.at > MOST_LATE_MS:
        return Phases(phases.heart, phases.breath, now_ms - CHUNK_MS), 1
    return phases, (now_ms - phases.at) // CHUNK_MS


def encoded(channel: str, at: int, samples: type_f64 | None) -> bytes:
    """One chunk's message; None: the channel says nothing. Its number is the second of its first sample: never used twice."""
    shown = [None] * RATES[channel] if samples is None else np.round(samples, 3).tolist()
    body = {"seq": at // CHUNK_MS, "observed_at": at, "channel": channel, "rate_hz": RATES[channel], "unit": UNITS[channel]}
    return _encode(body | {"samples": shown})


def _bumps(heart: type_f64, beat_s: float, bumps: tuple[tuple[float, float, float], ...]) -> type_f64:
    """The sum of the bumps of the nearest beats, in seconds around each."""
    near, root = math.sqrt(beat_s), np.zeros(len(heart))
    for offset_s, size, wide_s in bumps:
        offset, wide = (offset_s * near, wide_s * near) if abs(offset_s) > 0.1 else (offset_s, wide_s)
        away = ((heart - offset / beat_s + 0.5) % 1.0 - 0.5) * beat_s
        root += size * np.exp(-0.5 * (away / wide) ** 2)
    return root
