"""A patient whom nobody monitors: readings are charted by hand, and a mild condition is confirmed by the next of them.

In: channels' sightings and the learned pauses between readings. Out: how long a condition must stand to count, in the readings' own time.
Promise: only what is mild waits (the first step of a limit, a medium score, one parameter at 3), for as many readings in a row as the rule
set says, or as long as they are overdue; what is high counts at its first reading, as ever. A patient with one vital read more often than
every 2 min is monitored: nothing here concerns them.
Sources: the milder the excursion the longer the wait (137 alerts a patient-day became 19 by it, CLINICAL.md); hourly observation of
5-6, four-hourly of less (RCP 2017); one parameter at 3 without the aggregate finds little at much work (Jarvis 2015, unchecked).
The numbers are this project's choice (unchecked).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streams.detect import early_warning
from streams.detect.channels import CHANNELS
from streams.detect.memory import Memory
from vitals.registry import V

type_f64 = npt.NDArray[np.float64]
type_i64 = npt.NDArray[np.int64]

BY_HAND_MS, UNKNOWN_MS, LONGEST_MS = 120_000, 3_600_000, 43_200_000
"""From which pause on nobody monitors; the pause while none is known; a reading never stands longer than NEWS2's longest pause."""
OVERDUE, HOLD = 1.5, 4.0
"""In pauses: from when on the next reading is overdue, and how long a reading stands."""


class Waits(NamedTuple):
    """(m,) ms each, changed in place: how long the first step waits; how long a value stands, and must stand to count alone."""

    first: type_i64
    hold: type_i64
    alone: type_i64


def lengthen(memory: Memory, rows: type_i64, channels: type_i64, gap: type_f64, waits: Waits) -> None:
    """In place, for the sightings of patients observed by hand. gap: (m,) ms, 0 = unknown."""
    asked = ((memory.layout.charted[channels] > 1) & by_hand(gap)).nonzero()[0]
    if not len(asked):
        return
    k = asked[by_hand(early_warning.paces(memory, rows[asked]))]
    pause = np.where(gap[k] > 0, gap[k], UNKNOWN_MS)
    mild = np.abs(memory.timers.severity[rows[k] * CHANNELS + channels[k]]) == 1
    in_a_row = (memory.layout.charted[channels[k]] - OVERDUE) * pause
    waits.first[k] = np.maximum(waits.first[k], in_a_row.astype(np.int64))
    waits.hold[k] = np.where(mild, np.minimum(pause * HOLD, LONGEST_MS), waits.hold[k]).astype(np.int64)
    waits.alone[k] = np.where(mild, pause * OVERDUE, waits.alone[k]).astype(np.int64)


def in_a_row(memory: Memory, row: int, channel: int) -> int:
    """How many readings in a row a mild condition of this channel must show now; 1 = each counts."""
    fastest = early_warning.paces(memory, np.array([row]))
    own = memory.cells.gap[[row * V + channel]].astype(np.float64) if channel < V else fastest
    return int(memory.layout.charted[channel]) if (by_hand(own) & by_hand(fastest))[0] else 1


def by_hand(gap: type_f64) -> npt.NDArray[np.bool_]:
    """Where the pause between two readings is none of a monitor, or not known yet."""
    seldom: npt.NDArray[np.bool_] = (gap >= BY_HAND_MS) | (gap == 0)
    return seldom
