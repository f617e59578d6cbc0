"""From a batch as it came to samples to fold: whose they are, which are new, and in which order.

In: a batch in partition order, or time. Out: `Arrived`. A device's samples go on in the order of their numbers (`order`), where the memory
says that anything waits; to a patient's joint memory in the order of their times (`watermark`). Counted in `Memory.counts`: `duplicate`
(device, seq) samples, `inactive` ones of discharged patients.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streams.detect import apart, joint, wrong_patient
from streams.detect.memory import Memory
from streams.detect.samples import merged, taken
from streams.detect.waiting import Passed, Row, sample, spread
from vitals.batch import Batch

type_i64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Arrived:
    """n samples in order: the row and the slot of each (n,); keep (m,): the places of those that are to be folded."""

    batch: Batch
    rows: type_i64
    slots: type_i64
    keep: type_i64


def arrive(memory: Memory, batch: Batch, rows: type_i64) -> Arrived:
    """What of `batch`, and of what waited for it, is to be folded now; rows: (n,) as of `rows_of`."""
    memory.settings.dirty[rows] = 1
    slots = _slots(memory, batch, rows)
    if not memory.order.needed:
        new = memory.seen.new(slots, batch.seq)
        memory.count("duplicate", len(new) - int(np.count_nonzero(new)))
        return _wanted(memory, batch, rows, slots, new)
    passed = memory.order.arrived(slots, batch)
    if passed is not None:
        memory.count("duplicate", passed.duplicates)
        for slot, received_at in passed.held:  # a device that waits has spoken
            memory.devices.heard[slot] = max(int(memory.devices.heard[slot]), received_at)
        batch, rows, slots = _ordered(memory, (batch, rows, slots), passed)
    return _wanted(memory, batch, rows, slots, np.ones(len(batch), dtype=np.bool_))


def overdue(memory: Memory, now_ms: int) -> Arrived | None:
    """What waits no longer because it is `now_ms`; None: nothing."""
    released = memory.order.due(now_ms)
    if not released:
        return None
    batch, rows, slots = waited(memory, released)
    order = np.argsort(batch.observed_at, kind="stable")
    memory.settings.dirty[rows] = 1
    return _wanted(memory, taken(batch, order), rows[order], slots[order], np.ones(len(batch), dtype=np.bool_))


def onward(memory: Memory, arrived: Arrived) -> Arrived | None:
    """What the joint memory folds, now that `memory` has folded `arrived`; None: nothing."""
    shared = _shared(memory, arrived)
    if not len(shared):
        return None
    batch, lanes, passed = arrived.batch, memory.lanes, Passed(len(arrived.batch))
    lanes.standing = _standing(memory)
    columns = (arrived.rows[shared], arrived.slots[shared], batch.observed_at[shared], batch.received_at[shared])
    for i, row, slot, t, r in zip(shared.tolist(), *(c.tolist() for c in columns), strict=True):
        device = memory.names[slot]
        if lanes.passes(row, (device, t, r), late=memory.order.lateness.late(slot, t, r)):
            passed.goes(i)
        else:
            lanes.hold(row, device, sample(batch, i))
        for name, waited in lanes.free(row):
            passed.release(i, memory.slot_of[row, name], waited)
    batch, rows, _ = _ordered(memory, (batch, arrived.rows, arrived.slots), passed)
    return _joint(memory, batch, rows) if passed.source else None


def separated(memory: Memory, arrived: Arrived) -> type_i64 | None:
    """(n,) the row in the apart memory of each sample that is folded there, -1 = none; None: none is."""
    shared = _shared(memory, arrived)
    if not len(shared):
        return None
    distinct, inverse = np.unique(arrived.slots[shared], return_inverse=True)
    rows = np.full(len(arrived.rows), -1, dtype=np.int64)
    rows[shared] = np.array([apart.row_of(memory, slot) for slot in distinct.tolist()], dtype=np.int64)[inverse]
    return rows


def _shared(memory: Memory, arrived: Arrived) -> type_i64:
    """The places of samples of patients with several devices."""
    return arrived.keep[memory.settings.joint[arrived.rows[arrived.keep]] >= 0] if memory.lanes.of else arrived.keep[:0]


def freed(memory: Memory, now_ms: int) -> Arrived | None:
    """What the joint memory folds because it is `now_ms`; None: nothing."""
    memory.lanes.standing = _standing(memory)
    released = [(memory.slot_of[row, name], waited) for row, name, waited in memory.lanes.due(now_ms)]
    if not released:
        return None
    batch, rows, _ = waited(memory, released)
    memory.settings.dirty[rows] = 1
    return _joint(memory, batch, rows)


def _standing(memory: Memory) -> dict[int, set[str]]:
    """Of the rows of patients with several devices those of which samples wait for their order."""
    found = dict[int, set[str]]()
    for slot in memory.order.lines:
        row = int(memory.devices.row[slot])
        if row in memory.lanes.of:
            found.setdefault(row, set()).add(memory.names[slot])
    return found


def _joint(memory: Memory, batch: Batch, rows: type_i64) -> Arrived:
    """A joint memory has no devices of its own: slot 0 stands for all."""
    return Arrived(batch, memory.settings.joint[rows], np.zeros(len(rows), dtype=np.int64), np.arange(len(rows)))


def known_until(memory: Memory, now_ms: int, known: tuple[type_i64, type_i64]) -> type_i64:
    """(patients,) ms: up to when all that was said of each was folded: so far time alone may tell something. known: `Order.known_until`."""
    slots, until = known
    found = np.full(len(memory.patients), now_ms)
    np.minimum.at(found, memory.devices.row[slots], until)
    return found


def rows_of(memory: Memory, batch: Batch) -> type_i64:
    """(n,) the patients' rows; a new one for each who is not known."""
    known = np.array([memory.row_of.get(p, -1) for p in batch.patients], dtype=np.int64)
    for i in np.flatnonzero(known < 0).tolist():
        known[i] = memory.row(batch.patients[i])
    rows: type_i64 = known[batch.patient]
    return rows


def _slots(memory: Memory, batch: Batch, rows: type_i64) -> type_i64:
    current = np.array([memory.current_slot.get(d, -1) for d in batch.devices], dtype=np.int64)
    slots: type_i64 = current[batch.device]
    other = (slots < 0) | (memory.devices.row[slots] != rows)
    for i in np.flatnonzero(other).tolist():
        row, device = int(rows[i]), batch.devices[batch.device[i]]
        new = (row, device) not in memory.slot_of
        slots[i] = memory.slot(row, device, int(batch.observed_at[i]))
        if memory.settings.devices[row] > 1:
            joint.share(memory, row)
            if new:
                wrong_patient.meet(memory, row, device)
    return slots


def _wanted(memory: Memory, batch: Batch, rows: type_i64, slots: type_i64, new: npt.NDArray[np.bool_]) -> Arrived:
    active = memory.settings.active[rows] != 0
    memory.count("inactive", int(np.count_nonzero(new & ~active)))
    return Arrived(batch, rows, slots, np.flatnonzero(new & active))


def _ordered(memory: Memory, arrived: tuple[Batch, type_i64, type_i64], passed: Passed) -> tuple[Batch, type_i64, type_i64]:
    """`arrived` as it goes on: less what waits and the duplicates, with what waited until now in its place."""
    batch, rows, slots = arrived
    if passed.released:
        more, more_rows, more_slots = waited(memory, passed.released)
        batch, rows, slots = merged([batch, more]), np.concatenate([rows, more_rows]), np.concatenate([slots, more_slots])
    elif len(passed.source) == len(batch):
        return arrived
    source = np.array(passed.source, dtype=np.int64)
    return taken(batch, source), rows[source], slots[source]


def waited(memory: Memory, released: Sequence[tuple[int, Row]]) -> tuple[Batch, type_i64, type_i64]:
    """What waited as a batch again, with the row and the slot of each."""
    slots = np.array([slot for slot, _ in released], dtype=np.int64)
    distinct, inverse = np.unique(slots, return_inverse=True)
    which: npt.NDArray[np.int32] = inverse.astype(np.int32)
    patients = tuple(memory.patients[row] for row in memory.devices.row[distinct].tolist())
    devices = tuple(memory.names[slot] for slot in distinct.tolist())
    batch = Batch(patients, which, devices, which, *spread([row for _, row in released]))
    return batch, memory.devices.row[slots], slots
