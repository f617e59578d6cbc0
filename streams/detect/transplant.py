"""One patient's part of a memory put in the place of what another memory knows of them.

In: two memories of the same patient, whose samples the first has folded in a better order. Out: the second goes on as the first would.
Carried: what was read, the courses, the timers, the history, the samples that wait, the numbers seen; of several devices what is known of
all of them and of each, and of those new to the patient. Not carried: what is about arrivals (silences, batteries, links, whether a
device loses), but how far each device has spoken; and what was told.
"""

from typing import Any

import numpy as np

from streams.detect import apart, joint, wrong_patient
from streams.detect.channels import CHANNELS
from streams.detect.memory import Memory
from vitals.registry import V


def transplant(source: Memory, row: int, target: Memory, to: int) -> None:
    """What `source` knows of the patient of its `row` is what `target` knows of that of `to`, who are the same."""
    sent = int(target.rows.score_sent[to])
    _row(source, row, target, to)
    target.rows.score_sent[to], target.rows.score_changed[to] = sent, 2
    target.settings.dirty[to] = 1
    for name in slots_of(source, row):
        _device(source, source.slot_of[row, name], target, target.slot_of[to, name])
    if target.settings.joint[to] >= 0:
        _several(source, row, target, to)
    wrong_patient.carry(source, row, target, to)


def slots_of(memory: Memory, row: int) -> list[str]:
    """The devices of the patient of `row`, in the order in which they were first heard."""
    return [memory.names[slot] for slot in np.flatnonzero(memory.devices.row[: len(memory.names)] == row).tolist()]


def _row(source: Memory, row: int, target: Memory, to: int) -> None:
    for name in ("cells", "rows", "courses"):
        apart.copied(getattr(source, name), row, getattr(target, name), to)
    mine, theirs = (np.arange(r * CHANNELS, (r + 1) * CHANNELS) for r in (to, row))
    target.timers.put(mine, source.timers.taken(theirs))
    if source.past is not None or target.past is not None:
        target.late().put(mine, source.late().taken(theirs))
    _cells(source.backlog, row * CHANNELS, target.backlog, to * CHANNELS, CHANNELS)


def _cells(source: dict[int, Any], first: int, target: dict[int, Any], to: int, n: int) -> None:
    """What is known of some of n cells."""
    for cell in [c for c in target if to <= c < to + n]:
        del target[cell]
    target.update({cell - first + to: known for cell, known in source.items() if first <= cell < first + n})


def _device(source: Memory, slot: int, target: Memory, to: int) -> None:
    target.seen.restore(to, int(source.seen.top[slot]), source.seen.holes[slot])
    belief, rows, step, _ = source.order.saved(slot)
    order = target.order
    order.forget(to)
    # what waited there may have gone on here
    target.devices.at[to] = max(int(target.devices.at[to]), int(source.devices.at[slot]))
    order.restore(to, (*belief[:2], int(order.lost[to]), int(order.owed[to])), rows, step)


def _several(source: Memory, row: int, target: Memory, to: int) -> None:
    joint.share(source, row)
    theirs, mine = source.joint, target.joint
    if theirs is None or mine is None or source.apart is None or target.apart is None:
        raise ValueError("a patient with several devices where several are not kept apart")
    at, here = int(source.settings.joint[row]), int(target.settings.joint[to])
    _row(theirs, at, mine, here)
    said = mine.lanes.of[here].said = theirs.lanes.of[at].said
    for vital, by in said.items():
        mine.settings.common[here * V + vital] = len(by) > 1
    target.lanes.clear(to)
    target.lanes.open(to, source.lanes.of[row])
    for device in source.own[row]:
        apart.row_of(target, target.slot_of[to, device])
    for device, own in target.own[to].items():
        other = apart.row_of(source, source.restored_slot(row, device))
        _row(source.apart, other, target.apart, own)
        _cells(source.apart.elsewhere, other * V, target.apart.elsewhere, own * V, V)
