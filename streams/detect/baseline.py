"""How far a reading is from the patient's own baseline: an exponentially weighted mean and variance, in time, not in readings.

In: readings of distinct (patient, vital) cells with the time since the cell's last one. Out: z, NaN while it is warming up.
Promise: a reading is judged against what was known before it; then it is learned, at most `CLIP` deviations of it, so that an
artefact or a crisis shifts the baseline slowly. The weight of a reading is its share of the half-life, 1/n while there is little.
Source: EWMA control chart (Roberts 1959) with the variance recursion of Finch (2009).
"""

import numpy as np
import numpy.typing as npt

from streams.detect.remembered import Cells
from streams.detect.rules import BaselineRule

type_f64 = npt.NDArray[np.float64]
type_i64 = npt.NDArray[np.int64]

CLIP = 3.0


def learn(cells: Cells, at: type_i64, x: type_f64, elapsed: type_i64, least_variance: type_f64, rule: BaselineRule) -> type_f64:
    """(m,) z of readings `x` in cells `at`, `elapsed` (m,) ms after the last one; NaN until `rule.warm_up` readings are known."""
    mean, variance, n = cells.mean[at], cells.variance[at], cells.n[at]
    deviation = x - mean
    sd = np.sqrt(np.maximum(variance, least_variance))
    z = deviation / sd
    weight = np.maximum(elapsed / (elapsed + rule.half_life_s * 1442.7), 1.0 / (n + 1.0))
    known = n > 0
    step = np.where(known, np.minimum(np.maximum(deviation, -CLIP * sd), CLIP * sd), deviation)
    step *= weight
    cells.mean[at] = mean + step
    cells.variance[at] = np.where(known, (1.0 - weight) * (variance + step * step / weight), 0.0)
    cells.n[at] = n + 1.0
    z[n < rule.warm_up] = np.nan
    return z
