"""A number that does not change at all for longer than any body keeps it: the sensor or its line hangs.

In: a patient's newest readings and since when each is the same. Out: 1 stuck, 0 moving, NaN where there is nothing to say. A vital that
comes too seldom (`least_readings` in the window) is charted, not stuck; at or above its ceiling (SpO2) a healthy body is that even.
Source: flat-line checks of monitor data (Imhoff and Kuhls 2006 on alarm causes; the windows are this project's choice, unchecked).
"""

import numpy as np
import numpy.typing as npt

from streams.detect.channels import W
from streams.detect.memory import Memory
from vitals.registry import V
from vitals.rule_forms import StuckRule

type_f64 = npt.NDArray[np.float64]
type_i64 = npt.NDArray[np.int64]


def stuck(memory: Memory, rows: type_i64, rule: StuckRule) -> type_f64:
    """(n, W) of `rows` by the readings that they have."""
    value, at, gap = (getattr(memory.cells, name).reshape(-1, V)[rows, :W] for name in ("value", "at", "gap"))
    same = at - memory.courses.same_since.reshape(-1, W)[rows]
    window, ceiling = memory.layout.stuck
    paced = (gap > 0) & (gap * rule.least_readings <= window)
    return np.where(paced, (same >= window) & ~(value >= ceiling), np.nan)
