"""A memory beside a partition's own, in which some of its patients are judged again from a base.

In: the partition's memory, a base, patients; then their samples in order. Out: the memory as those patients were known then, and what is
found in it. Devices that lose, or are late, are as little, or as much, waited for there as the partition's memory knows by now, also one
that begins after the base: before its second sample. What went on of a device there waits no more, but where it went on only because it
was the device's first: what is missing before it may still come.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from streams.detect import checkpoint, joint
from streams.detect.lately import Base
from streams.detect.memory import Memory, empty
from streams.detect.samples import taken
from streams.detect.step import step
from streams.detect.transplant import slots_of
from vitals.batch import Batch
from vitals.finding import Finding

type_i64 = npt.NDArray[np.int64]


def scratch_of(memory: Memory, known: Base, rows: Sequence[int]) -> Memory:
    """The patients of `rows`, all with pages of their own in the base or none, as they were known."""
    scratch = empty(memory.rules, memory.contexts, memory.links, memory.order.hold_ms, memory.now_ms)
    own = [known.own[row].page for row in rows if row in known.own]
    pages = sorted({row // checkpoint.PAGE for row in rows if known.knows(row)}) if not own else []
    for data in own or [known.pages[page] for page in pages]:
        checkpoint.add(scratch, data)
    scratch.orphans = []
    scratch.order.lateness.tell(memory.order.lateness.everywhere)
    for row in rows:
        at = _opened(memory, scratch, row)
        _believed(memory, scratch, [scratch.slot_of[at, name] for name in slots_of(scratch, at)])
    return scratch


def stepped(memory: Memory, scratch: Memory, batch: Batch, places: type_i64, now_ms: int) -> list[Finding]:
    """Folds samples in the order of `places`."""
    found = list[Finding]()
    for part in _to_each_begin(scratch, batch, places):
        known = len(scratch.names)
        found += step(scratch, taken(batch, part), now_ms)
        _believed(memory, scratch, range(known, len(scratch.names)))
    return found


def _opened(memory: Memory, scratch: Memory, row: int) -> int:
    """The row of the patient there, if only to be filled: their first device is the same."""
    at = scratch.row(memory.patients[row])
    if not scratch.settings.devices[at]:
        scratch.restored_slot(at, slots_of(memory, row)[0])
        if memory.settings.joint[row] >= 0:
            joint.share(scratch, at)
    return at


def _believed(memory: Memory, scratch: Memory, slots: Iterable[int]) -> None:
    """What is believed of the devices of some slots."""
    mine, theirs = memory.order, scratch.order
    for slot in slots:
        here = memory.slot_of[memory.row_of[scratch.patients[scratch.devices.row[slot]]], scratch.names[slot]]
        for belief in ("lost", "owed", "known"):
            getattr(theirs, belief)[slot] = getattr(mine, belief)[here]
        for shown in ("heard", "turned", "slow"):
            getattr(theirs.lateness, shown)[slot] = getattr(mine.lateness, shown)[here]
        if mine.cadence.last_at[here] or mine.lost[here]:
            theirs.let_go[slot] = int(memory.seen.top[here])


def _to_each_begin(scratch: Memory, batch: Batch, places: type_i64) -> list[type_i64]:
    """`places`, cut behind the first sample of each device that is not known yet."""
    patient, device = batch.patient[places], batch.device[places]
    _, first = np.unique(patient * np.int64(len(batch.devices)) + device, return_index=True)
    of = [(i, scratch.row_of[batch.patients[patient[i]]], batch.devices[device[i]]) for i in np.sort(first).tolist()]
    return np.split(places, [i + 1 for i, row, name in of if (row, name) not in scratch.slot_of])
