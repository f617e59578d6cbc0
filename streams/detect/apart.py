"""Patients with several devices: the limits of each device's readings by themselves, so that none waits for another's and none undoes it.

In: a memory, a patient's row, a device. Out: the same memory with one beside it that has a row for each device of such a patient.
There a device's readings are folded as they come, in that device's own order, against the patient's limits, as if it were alone. The
alerts' side makes one alert of what several devices show of one vital. What ends when a device is gone: `lapse`.
Promise: what runs when a patient gets a second device goes on there under its id, as the first device's; a finding of any other device has
an id of its own.
"""

from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from streams.detect.channels import CHANNELS, LIMITS
from streams.detect.memory import Memory, empty
from streams.detect.timers import Timers
from vitals.registry import V


def opened(memory: Memory, row: int) -> None:
    """The patient of `row` gets the rows of its devices here; the first of them takes over what the row knows of limits."""
    memory.own[row] = {}
    slot = int(np.flatnonzero(memory.devices.row[: len(memory.names)] == row)[0])
    memory.own[row][memory.names[slot]] = to = _row(memory, row, memory.names[slot], first=True)
    beside = _beside(memory)
    for name in ("cells", "rows", "courses"):
        copied(getattr(memory, name), row, getattr(beside, name), to)
    beside.cells.busy[to * V : (to + 1) * V] &= LIMITS
    memory.cells.busy[row * V : (row + 1) * V] &= 255 - LIMITS
    _moved(memory, row, beside, to)


def row_of(memory: Memory, slot: int) -> int:
    """The row here of a device of a patient with several; a new one where there was none."""
    row, device = int(memory.devices.row[slot]), memory.names[slot]
    rows = memory.own[row]
    if device not in rows:
        rows[device] = _row(memory, row, device, first=False)
    return rows[device]


def restored_row(memory: Memory, row: int, device: str, *, first: bool) -> tuple[Memory, int]:
    """The row here of `device` of the patient of `row`, to be filled from a checkpoint."""
    to = memory.own.setdefault(row, {})[device] = _row(memory, row, device, first=first)
    return _beside(memory), to


def _beside(memory: Memory) -> Memory:
    if memory.apart is None:
        memory.apart = empty(memory.rules, memory.contexts, memory.links, now_ms=memory.now_ms)
        memory.apart.last, memory.apart.whole = V, memory
    return memory.apart


def _row(memory: Memory, row: int, device: str, *, first: bool) -> int:
    """The first device's findings have the ids that the patient's had before there was another."""
    beside, patient = _beside(memory), memory.patients[row]
    to = beside.row(patient if first else f"{patient}\0{device}")
    beside.settings.whole[to] = row
    beside.names.append(device)
    return to


def _moved(memory: Memory, row: int, beside: Memory, to: int) -> None:
    """Limits' timers, of history too, and what is summed up of it."""
    mine, theirs = np.arange(row * CHANNELS, row * CHANNELS + V), np.arange(to * CHANNELS, to * CHANNELS + V)
    beside.timers.put(theirs, memory.timers.taken(mine))
    memory.timers.put(mine, Timers.of(V))
    if memory.past is not None:
        beside.late().put(theirs, memory.past.taken(mine))
        memory.past.put(mine, Timers.of(V))
    for cell in [c for c in memory.backlog if mine[0] <= c <= mine[-1]]:
        beside.backlog[cell + int(theirs[0] - mine[0])] = memory.backlog.pop(cell)


def copied(source: Any, row: int, target: Any, to: int) -> None:
    """A row of one table to a row of another of the same class."""
    for f in fields(source):
        width = f.metadata["width"]
        getattr(target, f.name)[to * width : (to + 1) * width] = getattr(source, f.name)[row * width : (row + 1) * width]


def known_until(memory: Memory, now_ms: int, known: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """(apart rows,) of each device by itself, as `arrival.known_until`."""
    found = np.full(0 if memory.apart is None else len(memory.apart.patients), now_ms)
    for slot, ms in zip(*(column.tolist() for column in known), strict=True):
        at = memory.own.get(int(memory.devices.row[slot]), {}).get(memory.names[slot])
        if at is not None:
            found[at] = ms
    return found
