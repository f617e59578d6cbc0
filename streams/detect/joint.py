"""Patients with several devices: what is made of all of them sees their samples in the order of their times; limits wait for nobody.

In: a memory, a patient's row, time. Out: the same memory with a joint one beside it. Where several devices speak, a patient's samples are
folded at once for what is shown; each device's by itself for the limits, whose alarms wait for no other device (`apart`); and in the
joint memory, behind the devices' watermarks (`watermark`), for all else: scores, combinations, courses, baselines and signals.
Promise: what runs when a patient gets a second device goes on there under its id. It is never undone: a lane of one device costs no wait.
"""

import numpy as np
import numpy.typing as npt

from streams.detect import apart
from streams.detect.channels import CHANNELS, LIMITS
from streams.detect.memory import Memory, empty
from streams.detect.timers import Timers
from streams.detect.watermark import Front, Lane, Said
from vitals.registry import V


def share(memory: Memory, row: int) -> None:
    """The patient of `row` has a second device; where nothing ever waits for its order (`Memory.ordered`), nothing changes."""
    if not memory.ordered or memory.settings.joint[row] >= 0:
        return
    joint, to = opened(memory, row)
    for name in ("cells", "rows", "courses"):
        apart.copied(getattr(memory, name), row, getattr(joint, name), to)
    joint.cells.busy[to * V : to * V + V] = 0
    parted(memory, row, CHANNELS)
    fronts = _fronts(memory, row)
    last = max(fronts, key=lambda name: fronts[name].at, default="")
    memory.lanes.open(row, Lane(fronts, passed_at=int(memory.rows.at[row]), passed_by=last, said=_said(memory, row, last)))
    joint.lanes.of[to].said = _said(memory, row, last)


def parted(memory: Memory, row: int, last: int) -> None:
    """What runs of `row`'s limits goes to its first device, what runs of its other channels below `last` to the joint memory."""
    apart.opened(memory, row)
    joint, to = _beside(memory), int(memory.settings.joint[row])
    mine, theirs = (np.arange(r * CHANNELS + V, r * CHANNELS + last) for r in (row, to))
    joint.timers.put(theirs, memory.timers.taken(mine))
    memory.timers.put(mine, Timers.of(len(mine)))
    busy = slice(row * V, row * V + V)
    joint.cells.busy[to * V : to * V + V] |= memory.cells.busy[busy] & (255 - LIMITS)
    memory.cells.busy[busy] = 0
    for cell in [c for c in memory.backlog if mine[0] <= c <= mine[-1]]:
        joint.backlog[cell + int(theirs[0] - mine[0])] = memory.backlog.pop(cell)


def opened(memory: Memory, row: int) -> tuple[Memory, int]:
    """The joint memory and the patient's row in it, of which nothing is known yet."""
    joint = _beside(memory)
    to = memory.settings.joint[row] = joint.row(memory.patients[row])
    joint.lanes.open(to, Lane({}))
    return joint, to


def _beside(memory: Memory) -> Memory:
    if memory.joint is None:
        memory.joint = empty(memory.rules, memory.contexts, memory.links, now_ms=memory.now_ms)
        memory.joint.first = V
    return memory.joint


def known_until(memory: Memory, until: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(joint patients,) ms: as `until` (patients,) of `memory`; where samples wait here, up to the last that went on."""
    found = np.zeros(0 if memory.joint is None else len(memory.joint.patients), dtype=np.int64)
    for row, lane in memory.lanes.of.items():
        found[memory.settings.joint[row]] = min(int(until[row]), lane.passed_at) if lane.pending else until[row]
    return found


def _fronts(memory: Memory, row: int) -> dict[str, Front]:
    d, n = memory.devices, len(memory.names)
    spoken = np.flatnonzero((d.row[:n] == row) & (d.at[:n] > 0)).tolist()
    return {memory.names[s]: Front(int(d.at[s]), int(d.heard[s]), int(d.step[s])) for s in spoken}


def _said(memory: Memory, row: int, device: str) -> dict[int, dict[str, Said]]:
    """All that is known so far is by the device that spoke last; "": nothing is."""
    if not device:
        return {}
    cells = range(row * V, row * V + V)
    last = [(float(memory.cells.value[cell]), int(memory.cells.at[cell])) for cell in cells]
    return {vital: {device: said} for vital, said in enumerate(last) if said[1]}
