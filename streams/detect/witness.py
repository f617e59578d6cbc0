"""A vital that several devices of one patient measure: none takes back what another one still shows.

In: the good readings of patients with several devices, in order. Out: which count, and when. Two devices that disagree for long would
contradict one another for ever, and no timer would ever run: a pulse of 150 beside a loose watch's 80 is no calm. So a reading inside its
limits does not count while another device's newest, not older than `STANDS_MS`, is beyond them: as if that device were alone.
And a device whose readings are up to `ON_THE_WAY_MS` longer on their way than the other's is not late by that: what is not behind its own
last one counts as of now.
Promise: by `observed_at` alone, sample by sample, so that no batching and no restart changes it. What each said is part of a checkpoint.
Not done: to say which of them is right. A device that speaks more rarely than `STANDS_MS` is contradicted as ever.
"""

import numpy as np
import numpy.typing as npt

from streams.detect.memory import Memory
from streams.detect.watermark import Said
from vitals.registry import V

type_f64 = npt.NDArray[np.float64]
type_i64 = npt.NDArray[np.int64]
type_bool = npt.NDArray[np.bool_]

STANDS_MS, ON_THE_WAY_MS = 30_000, 10_000
"""A monitor's or a wearable's next reading is there by the first; a spot check's is not."""


def shared(memory: Memory, rows: type_i64) -> type_i64:
    """The places of `rows` whose patients have several devices: in a joint memory all."""
    if memory.first:
        return np.arange(len(rows))
    return np.flatnonzero(memory.settings.joint[rows] >= 0) if memory.lanes.of else np.zeros(0, dtype=np.int64)


def heard(memory: Memory, said: tuple[int, str, int], x: float, t: int, live: bool) -> int | None:
    """Notes a good reading; said: row, device, vital. Returns when it counts, ms; None: another device shows otherwise."""
    row, device, vital = said
    by, cell = memory.lanes.of[row].said.setdefault(vital, {}), row * V + vital
    own = by.get(device)
    if own is not None and t < own[1]:
        return t
    by[device] = (x, t)
    if len(by) == 1:
        return t
    memory.settings.common[cell] = 1
    if _inside(memory, cell, x) and any(_shows(memory, cell, s, t) for name, s in by.items() if name != device):
        return None
    newest = int(memory.cells.at[cell])
    return newest if live and t < newest <= t + ON_THE_WAY_MS else t


def own(memory: Memory, row: int, device: str) -> dict[int, Said]:
    """What `device` said last of the vitals that others measure too; (NaN, 0) if nothing."""
    said = memory.lanes.of[row].said
    return {vital: by.get(device, (np.nan, 0)) for vital, by in said.items() if len(by) > 1 or device not in by}


def _inside(memory: Memory, cell: int, x: float) -> bool:
    return bool(memory.settings.low1[cell] <= x <= memory.settings.high1[cell])


def _shows(memory: Memory, cell: int, said: Said, t: int) -> bool:
    return t - said[1] <= STANDS_MS and not _inside(memory, cell, said[0])
