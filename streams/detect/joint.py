"""Patients with several devices: rules over several vitals see the samples of all in the order of their times, rules of one vital at once.

In: a memory, a patient's row, time. Out: the same memory with a joint one beside it. A patient's samples are folded twice where several
devices speak: at once, for the channels of one vital (limits, baseline, signal), whose alarms wait for no other device; and a second time
in the joint memory, behind the devices' watermarks (`watermark`), for scores, combinations and courses, which are made of several.
Promise: what runs when a patient gets a second device goes on there under its id. It is never undone: a lane of one device costs no wait.
"""

from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from streams.detect.channels import CHANNELS, NEWS2
from streams.detect.memory import Memory, empty
from streams.detect.timers import Timers
from streams.detect.watermark import Front, Lane, Said
from vitals.registry import V


def share(memory: Memory, row: int) -> None:
    """The patient of `row` has a second device; where nothing waits for its order (`hold_ms` 0), nothing changes."""
    if not memory.order.hold_ms or memory.settings.joint[row] >= 0:
        return
    joint, to = opened(memory, row)
    for name in ("cells", "rows", "courses"):
        _copy(getattr(memory, name), row, getattr(joint, name), to)
    joint.cells.busy[to * V : to * V + V] = 0  # whose bits are of the channels that stay
    mine, theirs = (np.arange(r * CHANNELS + NEWS2, (r + 1) * CHANNELS) for r in (row, to))
    joint.timers.put(theirs, memory.timers.taken(mine))
    memory.timers.put(mine, Timers.of(len(mine)))
    for cell in [c for c in memory.backlog if mine[0] <= c <= mine[-1]]:
        joint.backlog[cell + int(theirs[0] - mine[0])] = memory.backlog.pop(cell)
    fronts = _fronts(memory, row)
    memory.lanes.open(row, Lane(fronts, said=_said(memory, row, fronts)))
    joint.lanes.of[to].said = _said(memory, row, fronts)


def opened(memory: Memory, row: int) -> tuple[Memory, int]:
    """The joint memory and the patient's row in it, of which nothing is known yet."""
    if memory.joint is None:
        memory.joint = empty(memory.rules, memory.contexts, memory.links, now_ms=memory.now_ms)
        memory.joint.least = NEWS2
    to = memory.joint.row(memory.patients[row])
    memory.settings.joint[row] = to
    memory.joint.lanes.open(to, Lane({}))
    return memory.joint, to


def waiting(memory: Memory, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(joint patients,) those of whom samples wait, here or, as those of `memory` not `known` (patients,), before."""
    found = np.zeros(0 if memory.joint is None else len(memory.joint.patients), dtype=np.bool_)
    for row, lane in memory.lanes.of.items():
        found[memory.settings.joint[row]] = bool(lane.pending) or not known[row]
    return found


def _copy(source: Any, row: int, target: Any, to: int) -> None:
    """A row of one table to a row of another of the same class."""
    for f in fields(source):
        width = f.metadata["width"]
        getattr(target, f.name)[to * width : (to + 1) * width] = getattr(source, f.name)[row * width : (row + 1) * width]


def _fronts(memory: Memory, row: int) -> dict[str, Front]:
    d, n = memory.devices, len(memory.names)
    spoken = np.flatnonzero((d.row[:n] == row) & (d.at[:n] > 0)).tolist()
    return {memory.names[s]: Front(int(d.at[s]), int(d.heard[s]), int(d.step[s])) for s in spoken}


def _said(memory: Memory, row: int, fronts: dict[str, Front]) -> dict[int, dict[str, Said]]:
    """All that is known so far is by the device that spoke last."""
    device = max(fronts, key=lambda name: fronts[name].at, default=None)
    if device is None:
        return {}
    cells = range(row * V, row * V + V)
    last = [(float(memory.cells.value[cell]), int(memory.cells.at[cell])) for cell in cells]
    return {vital: {device: said} for vital, said in enumerate(last) if said[1]}
