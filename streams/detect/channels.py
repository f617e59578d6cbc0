"""The conditions that are watched for each patient, numbered: three for each vital, two for the score, then those of the course.

A channel is a column of every timer table: the vital's value against limits, its distance from the patient's own baseline, its
signal (no value, poor quality), then NEWS2's lower end, then one of its parameters at 3. Then, once a patient-minute (`course`): six
for each of the first `W` vitals, the site's combinations, and the agreement of heart rate and pulse.
"""

from typing import Literal

import numpy as np

from vitals.finding import AlertClass
from vitals.registry import BY_NAME, VITALS, V
from vitals.rules import COURSES, MOST_COMBINATIONS

Kind = Literal[
    "limits", "baseline", "signal", "news2", "news2-single",
    "stuck", "pace", "trend", "drift", "shift", "habit", "combination", "agreement",
]  # fmt: skip

NEWS2 = 3 * V
SINGLE = 3 * V + 1
W = len(COURSES)
STUCK, PACE, TREND, DRIFT, SHIFT, HABIT, COMBINATION = (3 * V + 2 + k * W for k in range(7))
AGREEMENT = COMBINATION + MOST_COMBINATIONS
CHANNELS = AGREEMENT + 1
LIMITS, BASELINE, SIGNAL = 1, 2, 4
"""Bits of `Memory.busy`: which of a vital's channels have a timer running."""

_THREE: tuple[Kind, ...] = ("limits", "baseline", "signal")
_COURSE: tuple[Kind, ...] = ("stuck", "pace", "trend", "drift", "shift", "habit")
_COMBINED: tuple[Kind, ...] = ("combination",)
RULES: tuple[Kind, ...] = (
    *(kind for kind in _THREE for _ in range(V)), "news2", "news2-single",
    *(kind for kind in _COURSE for _ in range(W)), *(_COMBINED * MOST_COMBINATIONS), "agreement",
)  # fmt: skip
SUBJECTS: tuple[str, ...] = (
    *(tuple(v.name for v in VITALS) * 3), "", "", *(COURSES * len(_COURSE)), *("" for _ in range(MOST_COMBINATIONS)), "hr",
)  # fmt: skip
"""A combination's subject is its name, which the rules say: `Columns.subject`."""
VITAL_OF = np.array([BY_NAME[s].index if s else 0 for s in SUBJECTS])
TECHNICAL: frozenset[Kind] = frozenset({"signal", "stuck", "agreement"})
PASSING: frozenset[Kind] = frozenset({"baseline", "stuck", "trend", "drift", "shift", "habit", "agreement"})
"""What of these is over before it could be known is nobody's concern."""


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
    """What is about the measuring is technical, all else physiological."""
    return "technical" if RULES[channel] in TECHNICAL else "physiological"
