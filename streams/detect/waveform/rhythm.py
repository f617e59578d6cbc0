"""Rhythm from beat intervals: heart rate, atrial fibrillation, pause, bradycardia.

In: intervals between beats (s) and the beats' quality. Out: plain numbers and yes or no. All are silent while warming up.
Sources: atrial fibrillation by the Shannon entropy of symbolised heart rates, Zhou et al., A real-time atrial fibrillation detection
algorithm based on the instantaneous state of heart rate (2015; Se 97.4, Sp 98.4 % there); asystole (no beat for 4 s) and extreme
bradycardia (under 40/min over 5 beats) as the PhysioNet/CinC Challenge 2015 defines them.
"""

import math
from collections.abc import Sequence

import numpy as np

AF_WINDOW = 127
AF_THRESHOLD = 0.639
RHYTHM_BEATS = AF_WINDOW + 2
"""Intervals before it is known whether a rhythm fibrillates."""
ASYSTOLE_S = 4.0
BRADYCARDIA_PER_MIN = 40.0
BRADYCARDIA_BEATS = 5
HEART_RATE_BEATS = 8


def heart_rate(intervals: Sequence[float]) -> float | None:
    """Beats a minute from the median of the last eight intervals; None before the third."""
    recent = intervals[-HEART_RATE_BEATS:]
    return 60.0 / float(np.median(recent)) if len(recent) >= 3 else None


def fibrillation_entropy(intervals: Sequence[float]) -> float | None:
    """Zhou's H'' over the last 127 words of three symbols; None before there are as many. Above 0.639 is fibrillation.

    A symbol is the heart rate in steps of 5/min, capped at 63; a word joins three in a row.
    """
    recent = np.asarray(intervals[-RHYTHM_BEATS:])
    if len(recent) < RHYTHM_BEATS:
        return None
    symbols = np.minimum(60.0 / recent // 5.0, 63.0).astype(np.int64)
    words = (symbols[:-2] << 12) + (symbols[1:-1] << 6) + symbols[2:]
    counts = np.unique(words, return_counts=True)[1]
    share = counts / AF_WINDOW
    entropy = -float(np.sum(share * np.log2(share)))
    return entropy * len(counts) / (AF_WINDOW * math.log2(AF_WINDOW))


def fibrillates(intervals: Sequence[float]) -> bool:
    """True when the last 127 words are as irregular as fibrillation."""
    entropy = fibrillation_entropy(intervals)
    return entropy is not None and entropy > AF_THRESHOLD


def bradycardic(intervals: Sequence[float]) -> bool:
    """Five beats in a row under 40/min."""
    recent = intervals[-BRADYCARDIA_BEATS:]
    return len(recent) == BRADYCARDIA_BEATS and min(recent) > 60.0 / BRADYCARDIA_PER_MIN
