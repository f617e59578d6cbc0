"""A partition's memory as pages: what a checkpoint writes, and how it is taken up again.

In: a Memory and the pages that changed. Out: bytes for each page, and back. A page is `PAGE` patients with their devices; its record
says up to which offset of the readings it includes, so pages may be of different age: on a replay each page skips what it has.
Promise: `restore(save(memory))` goes on exactly as `memory` would, with the samples that wait for their order, and with what the joint and
the apart memory know of its patients. Contexts, links and rules are not in it, but for the names of combinations: they have topics, and
what they say by now holds. A page of before samples waited (layout 2), of before there was a joint memory (3), or an apart one (4), or of
before anything was held back (5), is read as one in which there is none yet.
Refused: a page of another layout (PageError); the worker then starts that partition from what it can read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import cramjam
import msgspec
import numpy as np
import numpy.typing as npt

from streams.detect import apart, joint, wrong_patient
from streams.detect.channels import CHANNELS, NEWS2
from streams.detect.memory import Backlog, Memory
from streams.detect.page import Apart, Device, Joint, Page, Summed, ToldOf
from streams.detect.remembered import Cells, Courses, Devices, Rows
from streams.detect.ruled import by_name, names_of, orphaned, put
from streams.detect.timers import Timers
from streams.detect.told import Told, over_where_it_began
from vitals.errors import Theirs
from vitals.registry import V

type_i64 = npt.NDArray[np.int64]

PAGE = 64
LAYOUT = f"6/{V}/{CHANNELS}"
READABLE = (LAYOUT, *(f"{before}/{V}/{CHANNELS}" for before in (5, 4, 3, 2)))


class PageError(Theirs):
    """Bytes that are not a page of this layout."""


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Page)


def dirty_pages(memory: Memory) -> list[int]:
    """The pages with a row that changed since it was last saved."""
    return sorted(set((np.flatnonzero(memory.settings.dirty[: len(memory.patients)]) // PAGE).tolist()))


def save(memory: Memory, pages: Iterable[int], included: int) -> dict[int, bytes]:
    """Page number -> its record, including the readings up to and with offset `included`."""
    wanted = list(pages)
    slots: dict[int, list[int]] = {page: [] for page in wanted}
    for slot, row in enumerate(memory.devices.row[: len(memory.names)].tolist()):
        if row // PAGE in slots:
            slots[row // PAGE].append(slot)
    room = len(memory.patients)
    return {page: _saved(memory, range(page * PAGE, min((page + 1) * PAGE, room)), slots[page], included) for page in wanted}


def save_one(memory: Memory, row: int, slots: list[int]) -> bytes:
    """A page of the patient of `row` alone, with the slots of their devices, for `add`."""
    return _saved(memory, range(row, row + 1), slots, -1)


def _saved(memory: Memory, rows: range, slots: list[int], included: int) -> bytes:
    first, last = rows.start, rows.stop
    n, at = last - first, np.array(slots, dtype=np.int64)
    record = Page(
        LAYOUT,
        included,
        memory.patients[first:last],
        _columns(memory, first, n),
        _cut(memory.timers, first * CHANNELS, n * CHANNELS),
        {} if memory.past is None else _cut(memory.past, first * CHANNELS, n * CHANNELS),
        [_device(memory, s, first) for s in slots],
        {f.name: getattr(memory.devices, f.name)[at].tobytes() for f in fields(Devices)},
        _summed(memory, first, n),
        names_of(memory.layout),
        [_shared(memory, memory.joint, row, first) for row in rows if memory.joint and memory.settings.joint[row] >= 0],
        [(row - first, memory.held_back.of[row]) for row in rows if row in memory.held_back.of],
        [
            ToldOf(row - first, told.renamed(), told.doubted())
            for row in rows
            if (told := memory.told.get(row)) is not None and told.lasting
        ],
        [(row - first, newcomers) for row in rows if (newcomers := wrong_patient.known(memory, row))],
    )
    return bytes(cramjam.lz4.compress_block(_ENCODER.encode(record)))


def _shared(memory: Memory, other: Memory, row: int, first: int) -> Joint:
    at = int(memory.settings.joint[row])
    timers, said = _cut(other.timers, at * CHANNELS, CHANNELS), other.lanes.of[at].said
    lane, separated = memory.lanes.of[row], _separated(memory, row)
    return Joint(row - first, _columns(other, at, 1), timers, _summed(other, at, 1), lane, said, separated)


def _separated(memory: Memory, row: int) -> list[Apart]:
    other, found = memory.apart, list[Apart]()
    if other is None:
        return found
    for device, at in memory.own[row].items():
        first, past = other.patients[at] == memory.patients[row], {} if other.past is None else _cut(other.past, at * CHANNELS, CHANNELS)
        elsewhere = {vital: other.elsewhere[at * V + vital] for vital in range(V) if at * V + vital in other.elsewhere}
        timers = _cut(other.timers, at * CHANNELS, CHANNELS)
        found.append(Apart(device, first, _columns(other, at, 1), timers, past, _summed(other, at, 1), elsewhere))
    return found


def _columns(memory: Memory, first: int, n: int) -> dict[str, bytes]:
    """What the tables say of n patients."""
    columns = _cut(memory.cells, first * V, n * V) | {f"row.{k}": b for k, b in _cut(memory.rows, first, n).items()}
    for f in fields(Courses):
        width = f.metadata["width"]
        column = getattr(memory.courses, f.name)[first * width : (first + n) * width]
        if column.any():
            columns[f"course.{f.name}"] = column.tobytes()
    return columns


def _summed(memory: Memory, first: int, n: int) -> list[Summed]:
    own = [(cell - first * CHANNELS, b) for cell, b in memory.backlog.items() if first <= cell // CHANNELS < first + n]
    return [(cell, (b.started_at, b.ended_at, b.times, b.worst, b.level)) for cell, b in own]


def _cut(table: Any, first: int, n: int) -> dict[str, bytes]:
    """The columns that hold anything but zeros."""
    cut = {f.name: getattr(table, f.name)[first : first + n] for f in fields(table)}
    return {name: column.tobytes() for name, column in cut.items() if column.any()}


def _device(memory: Memory, slot: int, first: int) -> Device:
    name = memory.names[slot]
    current = memory.current_slot.get(name) == slot
    row, seen = int(memory.devices.row[slot]) - first, memory.seen
    return Device(row, name, current, int(seen.top[slot]), seen.holes[slot], *memory.order.saved(slot))


def restore(memory: Memory, pages: Mapping[int, bytes]) -> npt.NDArray[np.int64]:
    """Fills an empty `memory`; returns (pages,) up to which offset each page is included. Raises PageError."""
    included = np.full(max(pages, default=-1) + 1, -1, dtype=np.int64)
    for number in sorted(pages):
        record = _read(pages[number])
        if number * PAGE != len(memory.patients):
            raise PageError(f"page {number} follows {len(memory.patients)} patients")
        included[number] = record.included
        _restore(memory, number * PAGE, record)
    return included


def add(memory: Memory, data: bytes) -> None:
    """The patients of a page as further rows. Raises PageError."""
    _restore(memory, len(memory.patients), _read(data))


def included_of(data: bytes) -> int:
    """Up to which offset a page's record includes the readings. Raises PageError."""
    return _read(data).included


def _read(data: bytes) -> Page:
    try:
        record = _DECODER.decode(bytes(cramjam.lz4.decompress_block(data)))
    except (msgspec.MsgspecError, cramjam.DecompressionError, ValueError) as error:
        raise PageError(f"not a page: {error}") from error
    if record.layout not in READABLE:
        raise PageError(f"a page of layout {record.layout}, this is {LAYOUT}")
    return record


def _restore(memory: Memory, first: int, record: Page) -> None:
    for patient in record.patients:
        memory.row(patient)
    _restore_columns(memory, first, record.columns)
    _paste(memory.timers, first * CHANNELS, record.timers)
    if record.past:
        _paste(memory.late(), first * CHANNELS, record.past)
    _restore_backlog(memory, range(first, first + len(record.patients)), record.combinations, record.backlog)
    for k, device in enumerate(record.devices):
        slot = memory.restored_slot(first + device.row, device.name)
        memory.seen.restore(slot, device.top, device.holes)
        memory.order.restore(slot, device.belief, device.waiting, device.step, device.shown)
        for name, data in record.device_columns.items():
            column = getattr(memory.devices, name)
            if name != "row":
                column[slot] = np.frombuffer(data, dtype=column.dtype)[k]
        memory.settled_slot(slot, device.current)
    _restore_joint(memory, first, record)
    for place, queue in record.held_back:
        memory.held_back.restore(first + place, queue)
    _restore_newcomers_and_told(memory, first, record)


def _restore_newcomers_and_told(memory: Memory, first: int, record: Page) -> None:
    for place, newcomers in record.newcomers:
        wrong_patient.restore(memory, first + place, newcomers)
    for told in record.told:
        memory.told[first + told.patient] = Told(names=told.names)
        memory.orphans += [over_where_it_began(f) for f in told.doubted]


def _restore_joint(memory: Memory, first: int, record: Page) -> None:
    """Patients who had several devices before there was a joint memory have one from now on."""
    for each in record.joint:
        other, at = joint.opened(memory, first + each.patient)
        _restore_columns(other, at, each.columns)
        _paste(other.timers, at * CHANNELS, each.timers)
        _restore_backlog(other, range(at, at + 1), record.combinations, each.backlog)
        memory.lanes.open(first + each.patient, each.lane)
        other.lanes.of[at].said = each.said
        other.settings.common[[at * V + vital for vital, by in each.said.items() if len(by) > 1]] = 1
        for one in each.apart:
            _restore_apart(memory, first + each.patient, one)
        if not each.apart:
            joint.parted(memory, first + each.patient, NEWS2)
        memory.orphans += other.orphans
        other.orphans = []
    for row in np.flatnonzero(memory.settings.devices[first : first + len(record.patients)] > 1).tolist():
        joint.share(memory, first + row)


def _restore_apart(memory: Memory, row: int, one: Apart) -> None:
    other, at = apart.restored_row(memory, row, one.device, first=one.first)
    _restore_columns(other, at, one.columns)
    _paste(other.timers, at * CHANNELS, one.timers)
    if one.past:
        _paste(other.late(), at * CHANNELS, one.past)
    other.backlog |= {at * CHANNELS + cell: Backlog(*b) for cell, b in one.backlog}
    other.elsewhere |= {at * V + vital: t for vital, t in one.elsewhere.items()}


def _restore_columns(memory: Memory, first: int, columns: Mapping[str, bytes]) -> None:
    _paste(memory.cells, first * V, {k: b for k, b in columns.items() if "." not in k})
    _paste(memory.rows, first, {k[4:]: b for k, b in columns.items() if k.startswith("row.")})
    for f in fields(Courses):
        data = columns.get(f"course.{f.name}")
        if data is not None:
            _paste(memory.courses, first * f.metadata["width"], {f.name: data})


def _restore_backlog(memory: Memory, rows: range, combinations: Sequence[str], backlog: Iterable[Summed]) -> None:
    """With it each combination's timers go to the channel that its name has by now; what one told that is gone ends."""
    now = names_of(memory.layout)
    memory.orphans += orphaned(memory, rows, combinations)
    sources = by_name(combinations or now, now)
    for timers in (memory.timers, memory.past):
        put(timers, sources, slice(rows.start, rows.stop))
    to = {source: channel for channel, source in enumerate(sources.tolist())}
    summed = [(*divmod(cell, CHANNELS), b) for cell, b in backlog]
    memory.backlog |= {(rows.start + row) * CHANNELS + to[channel]: Backlog(*b) for row, channel, b in summed if channel in to}


def _paste(table: Cells | Rows | Timers | Courses, first: int, columns: Mapping[str, bytes]) -> None:
    for name, data in columns.items():
        column = getattr(table, name)
        values = np.frombuffer(data, dtype=column.dtype)
        column[first : first + len(values)] = values
