"""The conditions that are watched for each patient, numbered: three for each vital and two for the score.

A channel is a column of every timer table: the vital's value against limits, its distance from the patient's own baseline, its
signal (no value, poor quality), then NEWS2's lower end, then one of its parameters at 3.
"""

from typing import Literal

import numpy as np

from vitals.finding import AlertClass
from vitals.registry import BY_NAME, VITALS, V

Kind = Literal["limits", "baseline", "signal", "news2", "news2-single"]

NEWS2 = 3 * V
SINGLE = 3 * V + 1
CHANNELS = 3 * V + 2
LIMITS, BASELINE, SIGNAL = 1, 2, 4
"""Bits of `Memory.busy`: which of a vital's channels have a timer running."""

_THREE: tuple[Kind, ...] = ("limits", "baseline", "signal")
RULES: tuple[Kind, ...] = (*(kind for kind in _THREE for _ in range(V)), "news2", "news2-single")
SUBJECTS: tuple[str, ...] = (*(tuple(v.name for v in VITALS) * 3), "", "")


def limits(vital: int) -> int:
    """The channel of a vital against its limits."""
    return vital


def baseline(vital: int) -> int:
    """The channel of a vital against the patient's own baseline."""
    return V + vital


def signal(vital: int) -> int:
    """The channel of a vital's signal: 1 = poor, 2 = no value."""
    return 2 * V + vital


_LINES = {"dbp": "sbp", "map": "sbp", "pulse": "spo2"}
LINE_OF = np.array([BY_NAME[_LINES.get(v.name, v.name)].index for v in VITALS])
"""Whose signal a vital's signal is: the pressures come over one line, the pulse from the saturation's probe. One fault, one condition."""


def alert_class(channel: int) -> AlertClass:
    """A signal is technical, all else physiological."""
    return "technical" if RULES[channel] == "signal" else "physiological"
