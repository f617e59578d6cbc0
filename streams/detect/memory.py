"""What detection remembers of the patients of one partition: numpy columns, one row a patient, one cell a patient and vital.

In: patients and devices as they appear, contexts as they change. Promise: rows never move; columns grow by doubling; the size is
bounded by the patients and devices that the partition has ever had. What is remembered is exactly what a checkpoint stores.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from streams.detect.channels import CHANNELS
from streams.detect.dedupe import Seen
from streams.detect.held_back import HeldBack
from streams.detect.newcomer import Newcomer
from streams.detect.order import HOLD_MS, Order
from streams.detect.remembered import NEVER, Cells, Courses, Devices, Rows, Settings
from streams.detect.rules import Columns, RuleSet, bounds, columns, expires
from streams.detect.tables import filled, grown
from streams.detect.timers import Timers
from streams.detect.told import Told
from streams.detect.watermark import Lanes
from vitals import news2
from vitals.context import PatientContext
from vitals.finding import Finding
from vitals.link import Link
from vitals.registry import V

FIRST_ROWS = 64


class Waits(NamedTuple):
    """hold_ms: how long a sample waits for what is missing before it (`order`); back_ms: how long every one is held back (`held_back`)."""

    hold_ms: int = HOLD_MS
    back_ms: int = 0


@dataclass(slots=True)
class Backlog:
    """What a late excursion was, until it can be told as one: [first start, last end], how many, the worst value, the step."""

    started_at: int
    ended_at: int
    times: int
    worst: float
    level: int


@dataclass(slots=True, eq=False)
class Memory:
    """One partition's memory. `counts`: what was not folded in, by reason (duplicate, late, poor, doubtful, inactive).

    `joint`, `apart`: what is remembered beside it of patients with several devices: of all of them, fed in the order of `lanes`
    (`streams.detect.joint`); of each, a row a device (`streams.detect.apart`). `own`: row -> device -> the row there.
    `first`, `last`: the channels that are watched here are first..last-1: all, in a joint memory none below `V` but limits of vitals that
    several devices chart, in an apart one limits alone.
    `whole`, `elsewhere`: of an apart memory, the one that it is beside; `streams.detect.lapse`.
    `house`: the memories of all partitions in the same hands, among which a silence has its cause; empty: this one alone.
    `held_back`: what waits before all of it. `ordered`: samples wait for their order, so that there may be joint and apart memories.
    `told`: by row, what was told, where samples that come late are judged in their place
    (`streams.detect.again`). `judged`: patients who were to be judged again, by how it ended, since last looked at.
    `newcomers`: by row and device, those new to their patients (`streams.detect.wrong_patient`), where their samples are folded in order.
    `now_ms`: the newest moment that it has heard of, by which a limit of a patient's own has expired or not.
    """

    rules: RuleSet
    layout: Columns
    cells: Cells
    rows: Rows
    settings: Settings
    timers: Timers
    devices: Devices
    seen: Seen
    order: Order
    lanes: Lanes
    held_back: HeldBack
    ordered: bool = False
    courses: Courses = field(default_factory=lambda: Courses(*filled(Courses, FIRST_ROWS)))
    patients: list[str] = field(default_factory=list)
    row_of: dict[str, int] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    slot_of: dict[tuple[int, str], int] = field(default_factory=dict)
    current_slot: dict[str, int] = field(default_factory=dict)
    contexts: dict[str, PatientContext] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    joint: "Memory | None" = None
    apart: "Memory | None" = None
    own: dict[int, dict[str, int]] = field(default_factory=dict)
    first: int = 0
    last: int = CHANNELS
    whole: "Memory | None" = None
    elsewhere: dict[int, int] = field(default_factory=dict)
    house: list["Memory"] = field(default_factory=list)
    past: Timers | None = None
    backlog: dict[int, Backlog] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    room: int = FIRST_ROWS
    slots: int = FIRST_ROWS
    now_ms: int = 0
    told: dict[int, Told] = field(default_factory=dict)
    judged: dict[str, int] = field(default_factory=dict)
    newcomers: dict[int, dict[str, Newcomer]] = field(default_factory=dict)
    orphans: list[Finding] = field(default_factory=list)
    """The ends of what was told under rules that were gone when it was restored, to be told."""

    def row(self, patient: str) -> int:
        """The row of `patient`; a new one with its context's settings where there was none."""
        known = self.row_of.get(patient)
        if known is not None:
            return known
        row = self.row_of[patient] = len(self.patients)
        self.patients.append(patient)
        if row >= self.room:
            self._grow(2 * self.room)
        self.settle(patient, self.now_ms)
        return row

    def slot(self, row: int, device: str, observed_at: int) -> int:
        """The slot of `device` on the patient of `row`; only the slot that the device used last may fall silent."""
        slot = self.slot_of.get((row, device))
        if slot is None:
            slot = self._new_slot(row, device)
        before = self.current_slot.get(device)
        if before is None or observed_at > self.devices.at[before]:
            self.current_slot[device] = slot
            if before is not None:
                self.devices.current[before] = 0
                self.settings.dirty[self.devices.row[before]] = 1
            self.devices.current[slot] = 1
        return slot

    def leave(self, slot: int) -> None:
        """The device at `slot` is on no patient of this memory any more, until it speaks of one again."""
        del self.current_slot[self.names[slot]]
        self.devices.current[slot] = 0
        self.settings.dirty[self.devices.row[slot]] = 1

    def _new_slot(self, row: int, device: str) -> int:
        slot = self.slot_of[row, device] = len(self.names)
        self.names.append(device)
        if slot >= self.slots:
            self.slots *= 2
            self.devices = Devices(*grown(self.devices, self.slots))
            self.seen.grow(self.slots)
            self.order.grow(self.slots)
        self.devices.row[slot] = row
        self.settings.devices[row] += 1
        self._link(slot)
        return slot

    def _link(self, slot: int) -> None:
        """Since when the device at `slot` is off line, as its link says, where it has one."""
        link = self.links.get(self.names[slot])
        if link is not None:
            self.devices.offline[slot] = link.at if link.state == "offline" else 0

    def restored_slot(self, row: int, device: str) -> int:
        """The slot of `device`, to be filled from a checkpoint and then `settled_slot`."""
        slot = self.slot_of.get((row, device))
        return self._new_slot(row, device) if slot is None else slot

    def settled_slot(self, slot: int, current: bool) -> None:
        """What a checkpoint's page says of `slot` may be older than the links, and than the page of a patient to whom its device went."""
        self._link(slot)
        device, at = self.names[slot], self.devices.at
        before = self.current_slot.get(device)
        stays = current and (before is None or at[slot] >= at[before])
        if stays and before is not None:
            self.devices.current[before] = 0
        self.devices.current[slot] = stays
        if stays:
            self.current_slot[device] = slot

    def settle(self, patient: str, now_ms: int) -> None:
        """Writes the limits that hold for `patient` (a row's name) at `now_ms` into its row."""
        row, context = self.row_of[patient], self.contexts.get(whose(patient))
        s, cells = self.settings, slice(row * V, row * V + V)
        s.low1[cells], s.low2[cells], s.high1[cells], s.high2[cells] = bounds(self.rules, context, now_ms)
        s.expires[row] = NEVER if context is None else expires(context, now_ms)
        s.scale[row] = 1 if context is None else context.spo2_scale
        s.scored[row] = context is None or news2.applies(context.age_band, context.pregnant)
        s.active[row] = context is None or context.active
        self.rows.score_until[row] = min(int(self.rows.score_until[row]), 1)  # long past, but not never: the next tick scores again

    def limits(self, row: int) -> tuple[bytes, ...]:
        """What is set for the patient of `row`, to be compared."""
        s, cells = self.settings, slice(row * V, row * V + V)
        bounds_of = (s.low1[cells], s.low2[cells], s.high1[cells], s.high2[cells])
        return tuple(column.tobytes() for column in (*bounds_of, s.scale[row], s.scored[row], s.active[row]))

    def know(self, context: PatientContext, now_ms: int) -> None:
        """A patient's context; an older version than the known one is ignored."""
        self.now_ms = max(self.now_ms, now_ms)
        before = self.contexts.get(context.patient)
        if before is not None and before.version > context.version:
            return
        self.contexts[context.patient] = context
        if context.patient in self.row_of:
            self.settle(context.patient, now_ms)
        if self.joint is not None:
            self.joint.know(context, now_ms)
        if self.apart is not None:
            self.apart.now_ms = max(self.apart.now_ms, now_ms)
            for row in self.own.get(self.row_of.get(context.patient, -1), {}).values():
                self.apart.settle(self.apart.patients[row], now_ms)

    def rule(self, rules: RuleSet, now_ms: int) -> None:
        """Takes up another rule set; running timers go on under it, so those without a rule in it must be gone (`ruled`)."""
        self.rules, self.layout = rules, columns(rules)
        self.now_ms = max(self.now_ms, now_ms)
        for patient in self.patients:
            self.settle(patient, now_ms)

    def ward(self, patient: str) -> str:
        """Where the patient is; "" while no context is known."""
        context = self.contexts.get(patient)
        return context.ward if context else ""

    def count(self, reason: str, by: int) -> None:
        """Notes that `by` readings or samples were not folded in."""
        if by:
            self.counts[reason] = self.counts.get(reason, 0) + by

    def late(self) -> Timers:
        """The timers of history that comes after newer readings; made when first needed."""
        if self.past is None:
            self.past = Timers.of(self.room * CHANNELS)
        return self.past

    def _grow(self, room: int) -> None:
        self.room = room
        self.cells, self.rows = Cells(*grown(self.cells, room)), Rows(*grown(self.rows, room))
        self.settings = Settings(*grown(self.settings, room))
        self.courses = Courses(*grown(self.courses, room))
        self.timers = self.timers.grown(room * CHANNELS)
        self.past = None if self.past is None else self.past.grown(room * CHANNELS)


def whose(name: str) -> str:
    """The patient of a row by its name, which in an apart memory may name a device too."""
    return name.partition("\0")[0]


def empty(
    rules: RuleSet,
    contexts: dict[str, PatientContext] | None = None,
    links: dict[str, Link] | None = None,
    hold_ms: int = 0,
    now_ms: int = 0,
    back_ms: int = 0,
) -> Memory:
    """A partition that has seen nothing; `contexts` and `links` may be shared by all partitions.

    hold_ms: how long a sample waits for what is missing before it (`order`); 0: samples are folded as they come.
    now_ms: the moment, by which limits of before have expired; 0: none has.
    back_ms: how long every sample is held back (`held_back`); that much less it waits for its order.
    """
    tables = [cls(*filled(cls, FIRST_ROWS)) for cls in (Cells, Rows, Settings, Devices)]
    seen = Seen()
    waits_ms = max(hold_ms - back_ms, 0)
    order, lanes, held_back = Order(seen, waits_ms, back_ms), Lanes(waits_ms), HeldBack(back_ms)
    seen.grow(FIRST_ROWS)
    order.grow(FIRST_ROWS)
    cells, rows, settings, devices = tables
    timers = Timers.of(FIRST_ROWS * CHANNELS)
    memory = Memory(rules, columns(rules), cells, rows, settings, timers, devices, seen, order, lanes, held_back)  # type: ignore[arg-type]  # in the order of the classes above
    memory.ordered = max(hold_ms, back_ms) > 0
    memory.contexts, memory.links, memory.now_ms = {} if contexts is None else contexts, {} if links is None else links, now_ms
    return memory
