"""A memory beside a partition's own, in which some of its patients are judged again from a base.

In: the partition's memory, a base, patients; then their samples in order. Out: the memory as those patients were known then, and what is
found in it. Devices that lose, or are late, are as little, or as much, waited for there as the partition's memory knows by now, also one
that begins after the base: before its second sample. What went on of a device there waits no more, but where something came that was said
before what was heard first of it: what is missing between may still come.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from streams.detect import checkpoint, joint
from streams.detect.dedupe import NOTHING
from streams.detect.lately import Base
from streams.detect.memory import Memory, empty
from streams.detect.samples import taken
from streams.detect.step import step
from streams.detect.transplant import slots_of
from vitals.batch import Batch
from vitals.finding import Finding

type_i64 = npt.NDArray[np.int64]

Device = tuple[str, str]
"""Patient and device."""


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
        for name in slots_of(scratch, at):
            slot = scratch.slot_of[at, name]
            _believed(memory, scratch, slot)
            if scratch.seen.top[slot] != NOTHING:
                scratch.order.let_go[slot] = int(memory.seen.top[memory.slot_of[row, name]])
    return scratch


def stepped(memory: Memory, scratch: Memory, batch: Batch, places: type_i64, first: Mapping[Device, int], now_ms: int) -> list[Finding]:
    """Folds samples in the order of `places`, some of a batch that has all; first: of that, as of `first_heard`."""
    found = list[Finding]()
    for part in _parts(scratch, batch, places, first):
        known = len(scratch.names)
        found += step(scratch, taken(batch, part), now_ms)
        for slot in range(known, len(scratch.names)):
            _believed(memory, scratch, slot)
        _let_go(memory, scratch, first)
    return found


def _opened(memory: Memory, scratch: Memory, row: int) -> int:
    """The row of the patient there, if only to be filled: their first device is the same."""
    at = scratch.row(memory.patients[row])
    if not scratch.settings.devices[at]:
        scratch.restored_slot(at, slots_of(memory, row)[0])
        if memory.settings.joint[row] >= 0:
            joint.share(scratch, at)
    return at


def _there(memory: Memory, scratch: Memory, slot: int) -> int:
    """The slot in the partition's memory."""
    return memory.slot_of[memory.row_of[scratch.patients[scratch.devices.row[slot]]], scratch.names[slot]]


def _believed(memory: Memory, scratch: Memory, slot: int) -> None:
    mine, theirs, here = memory.order, scratch.order, _there(memory, scratch, slot)
    for belief in ("lost", "owed", "known"):
        getattr(theirs, belief)[slot] = getattr(mine, belief)[here]
    for shown in ("heard", "turned", "slow"):
        getattr(theirs.lateness, shown)[slot] = getattr(mine.lateness, shown)[here]


def _let_go(memory: Memory, scratch: Memory, first: Mapping[Device, int]) -> None:
    """What went on of a device waits no more, once all is there that came before what was heard first of it, or it loses anyway."""
    order = scratch.order
    for (patient, device), seq in first.items():
        slot = scratch.slot_of.get((scratch.row_of.get(patient, -1), device))
        if slot is None or slot in order.let_go:
            continue
        if order.lost[slot] or (scratch.seen.top[slot] >= seq and not order.standing[slot]):
            order.let_go[slot] = int(memory.seen.top[_there(memory, scratch, slot)])


def first_heard(batch: Batch) -> dict[Device, int]:
    """The number of what came first of each device."""
    by_arrival = np.argsort(batch.received_at, kind="stable")[::-1]
    columns = (batch.patient[by_arrival], batch.device[by_arrival], batch.seq[by_arrival])
    return {(batch.patients[p], batch.devices[d]): seq for p, d, seq in zip(*(c.tolist() for c in columns), strict=True)}


def _parts(scratch: Memory, batch: Batch, places: type_i64, first: Mapping[Device, int]) -> list[type_i64]:
    """`places`, cut behind the first sample of each device that is not known yet, and behind what was heard first of each."""
    cuts, known = set[int](), set(scratch.slot_of)
    columns = (batch.patient[places], batch.device[places], batch.seq[places])
    for i, (p, d, seq) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
        device = batch.patients[p], batch.devices[d]
        slot = scratch.row_of[device[0]], device[1]
        if scratch.slot_of.get(slot) not in scratch.order.let_go and (slot not in known or seq == first[device]):
            cuts.add(i + 1)
            known.add(slot)
    return np.split(places, sorted(cuts))
