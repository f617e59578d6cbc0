"""A reading that is further from the last one than a body moves in that time: doubted until the new level has lasted.

In: the values of samples of distinct patients, before they are folded in. Out: which are doubted. Promise: a new level that stays is
believed `believe_s` after its first reading, so a real collapse is late by that at most; a single wild value never counts.
A doubted reading is a poor signal: technical, neither a limit's nor a score's nor the baseline's.
Source: rate-of-change plausibility checks on monitor data (Clifford 2009, "Signal quality"; the steps are this project's, unchecked).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from streams.detect import witness
from streams.detect.channels import W
from streams.detect.memory import Memory
from streams.detect.watermark import Said
from vitals.registry import V

type_f64 = npt.NDArray[np.float64]
type_i64 = npt.NDArray[np.int64]
type_bool = npt.NDArray[np.bool_]


def doubted(memory: Memory, rows: type_i64, t: type_i64, values: type_f64, devices: Sequence[str] = ()) -> type_bool:
    """(n, V) which of `values` (n, V), observed at `t` (n,) by `devices`, are doubted; if several measure a vital, each by its own."""
    last = memory.cells.value.reshape(-1, V)[rows]
    own = _own(memory, rows, devices)
    for place, (x, _) in own.items():
        last[place] = x
    far: type_bool = np.abs(values - last) > memory.layout.jump
    rule = memory.rules.jump
    if rule is None or not np.count_nonzero(far):
        return far
    sample, vital = np.nonzero(far)
    at, cell, now = memory.cells.at[rows[sample] * V + vital], rows[sample] * W + vital, t[sample]
    if own:
        places = zip(sample.tolist(), vital.tolist(), at.tolist(), strict=True)
        at = np.array([own[k, v][1] if (k, v) in own else shared for k, v, shared in places], dtype=np.int64)
    since = memory.courses.doubted[cell]
    since = np.where(since >= at, since, now)
    elapsed = now - at
    doubt = (elapsed >= 0) & (elapsed <= (rule.within_s + rule.believe_s) * 1000) & (now - since < rule.believe_s * 1000)
    doubt &= (since - at) <= rule.within_s * 1000
    memory.courses.doubted[cell[doubt]] = since[doubt]
    far[sample, vital] = doubt
    memory.count("doubtful", int(doubt.sum()))
    return far


def _own(memory: Memory, rows: type_i64, devices: Sequence[str]) -> dict[tuple[int, int], Said]:
    """What each device itself said last, by sample and vital, where the patient's other devices measure that vital too."""
    some = witness.shared(memory, rows).tolist()
    return {(k, vital): said for k in some for vital, said in witness.own(memory, int(rows[k]), devices[k]).items()}
