"""A reading that is further from the last one than a body moves in that time: doubted until the new level has lasted.

In: the values of samples of distinct patients, before they are folded in. Out: which are doubted. Promise: a new level that stays is
believed `believe_s` after its first reading, so a real collapse is late by that at most; a single wild value never counts.
A doubted reading is a poor signal: technical, neither a limit's nor a score's nor the baseline's.
Source: rate-of-change plausibility checks on monitor data (Clifford 2009, "Signal quality"; the steps are this project's, unchecked).
"""

import numpy as np
import numpy.typing as npt

from streams.detect.channels import W
from streams.detect.memory import Memory
from vitals.registry import V

type_f64 = npt.NDArray[np.float64]
type_i64 = npt.NDArray[np.int64]
type_bool = npt.NDArray[np.bool_]


def doubted(memory: Memory, rows: type_i64, t: type_i64, values: type_f64) -> type_bool:
    """(n, V) which of `values` (n, V), observed at `t` (n,), are doubted."""
    last = memory.cells.value.reshape(-1, V)[rows]
    far: type_bool = np.abs(values - last) > memory.layout.jump
    rule = memory.rules.jump
    if rule is None or not np.count_nonzero(far):
        return far
    sample, vital = np.nonzero(far)
    at, cell, now = memory.cells.at[rows[sample] * V + vital], rows[sample] * W + vital, t[sample]
    since = memory.courses.doubted[cell]
    since = np.where(since >= at, since, now)
    elapsed = now - at
    doubt = (elapsed >= 0) & (elapsed <= (rule.within_s + rule.believe_s) * 1000) & (now - since < rule.believe_s * 1000)
    doubt &= (since - at) <= rule.within_s * 1000
    memory.courses.doubted[cell[doubt]] = since[doubt]
    far[sample, vital] = doubt
    memory.count("doubtful", int(doubt.sum()))
    return far
