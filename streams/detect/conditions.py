"""From timers to findings: what began, grew worse or ended, said so that a person can see why.

In: sightings (a value of a channel of a patient at a time) and time itself. Out: findings. Live changes are told at once. What
began on history (late data) is held back: it is told as a start only when the newest of it still stands; what was over by then
is summed up as one retrospective finding a channel. Dropped (counted as `late`): a sighting older than its channel's last one. An
excursion of late readings that is part of a condition that is on, and makes that no worse, is not told beside it.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from streams.detect import charted, early_warning
from streams.detect.channels import AGREEMENT, BASELINE, CHANNELS, COMBINATION, LIMITS, NEWS2, PASSING, RULES, SIGNAL, SINGLE
from streams.detect.memory import Backlog, Memory
from streams.detect.telling import tell, tell_summary
from streams.detect.timers import Changes, Timers, Values, advance, standing
from vitals.finding import Finding, Phase, Priority
from vitals.registry import V

type_f64 = npt.NDArray[np.float64]
type_i64 = npt.NDArray[np.int64]
type_bool = npt.NDArray[np.bool_]

END, START = -1, 1
LEAST_HOLD_MS, MOST_HOLD_MS, SIGNAL_HOLD_MS, HOLD_GAPS = 10_000, 3_600_000, 900_000, 4.0
"""How long a reading stands for its timer: four of the vital's learned gaps, between 10 s and an hour; a poor signal 15 min."""
SPOT_MS, OVERDUE_GAPS, SCORE_ALONE_MS = 300_000, 2.0, 60_000
"""A vital read less often than every 5 min is a spot check, whose every reading counts; else one counts alone when the next is overdue."""
CLEAR_GAPS, MOST_CLEAR_MS = 12.0, 43_200_000
"""A spot check's condition is over when twelve readings' time was inside, 12 h at most: the longest pause between observations that
NEWS2 allows anybody (RCP 2017). One good reading an hour between two bad ones is how it was sampled, not a recovery."""
_PHASES: dict[int, Phase] = {-1: "end", 1: "start", 2: "update"}
_RANK: dict[Priority, int] = {"low": 0, "medium": 1, "high": 2}
_BITS = ((LIMITS, 0), (BASELINE, V), (SIGNAL, 2 * V))
_EVERY = np.arange(CHANNELS)
_HOLD = np.where((_EVERY >= 2 * V) & (_EVERY < NEWS2), SIGNAL_HOLD_MS, MOST_HOLD_MS)
_ALONE = np.where(_EVERY < NEWS2, 0, SCORE_ALONE_MS)
_OF_MANY = (_EVERY == NEWS2) | (_EVERY == SINGLE) | ((_EVERY >= COMBINATION) & (_EVERY < AGREEMENT))
"""By channel: how long a value stands, and must stand to count alone, where no vital's pace says so; which are made of several vitals."""
_SPOTTED = _OF_MANY | (_EVERY < 2 * V)


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """m values of distinct channels. rows, channels: (m,). x: (m,). t, received_at: (m,) ms. live: (m,) bool, not history."""

    rows: type_i64
    channels: type_i64
    x: type_f64
    t: type_i64
    received_at: type_i64
    live: type_bool

    def only(self, mask: npt.NDArray[Any]) -> "Sightings":
        """Those where `mask`."""
        return Sightings(self.rows[mask], self.channels[mask], self.x[mask], self.t[mask], self.received_at[mask], self.live[mask])


def joined(parts: list[Sightings]) -> Sightings:
    """All of `parts`, in order."""
    names = ("rows", "channels", "x", "t", "received_at", "live")
    return parts[0] if len(parts) == 1 else Sightings(*(np.concatenate([getattr(p, n) for p in parts]) for n in names))


def watch(memory: Memory, sightings: Sightings, now_ms: int) -> list[Finding]:
    """Folds the sightings into the timers."""
    timers, sightings = memory.timers, _own(memory, sightings)
    old = sightings.t < timers.at[sightings.rows * CHANNELS + sightings.channels]
    if np.count_nonzero(old):
        memory.count("late", int(old.sum()))
        sightings = sightings.only(~old)
    values = _values(memory, sightings)
    changes = advance(timers, values)
    _mark_busy(memory, sightings, values.cells)
    found = _told(memory, sightings, values.cells, changes, now_ms)
    held = sightings.live & (timers.held[values.cells] != 0)
    return found + (_released(memory, sightings.only(held), now_ms) if np.count_nonzero(held) else [])


def _own(memory: Memory, s: Sightings) -> Sightings:
    """Less the channels that another memory watches (`joint`, `apart`)."""
    if memory.first:
        return s.only((s.channels >= memory.first) | _charted_by_several(memory, s))
    if memory.last < CHANNELS:
        return s.only(s.channels < memory.last)
    return s if memory.joint is None else s.only(memory.settings.joint[s.rows] < 0)


def _charted_by_several(memory: Memory, s: Sightings) -> npt.NDArray[np.bool_]:
    """(m,) where several devices measure the vital, and none of them monitors it: what each says seldom is confirmed by the others."""
    cells = s.rows * V + s.channels % V
    seldom = (memory.cells.gap[cells] >= charted.BY_HAND_MS) | (memory.cells.busy[cells] & LIMITS != 0)
    charts: npt.NDArray[np.bool_] = s.live & seldom & (memory.settings.common[cells] != 0)
    return charts


def watch_past(memory: Memory, sightings: Sightings) -> None:
    """Folds readings that came after newer ones into timers of their own; whatever they show is history."""
    sightings = _own(memory, sightings)
    if memory.first or not len(sightings.rows):
        return
    past, cells = memory.late(), sightings.rows * CHANNELS + sightings.channels
    for cell in cells[sightings.t < past.at[cells]]:
        close_past(memory, int(cell))
    values = _values(memory, sightings)
    for change in advance(past, values):
        for k in np.flatnonzero(change.phase == END):
            _past(memory, int(values.cells[change.which[k]]), change.before, int(k), int(change.before.returned[k]))


def close_past(memory: Memory, cell: int) -> None:
    """Nothing more comes of this piece of history: newer data is known, so it is over."""
    past = memory.late()
    now = past.taken(np.array([cell]))
    if now.fired[0]:
        _past(memory, cell, now, 0, int(now.returned[0] or now.at[0]))
    past.put(np.array([cell]), Timers.of(1))


def stand(memory: Memory, now_ms: int, until: type_i64) -> list[Finding]:
    """What time alone brings: a last value that has stood long enough, a return that has lasted, `until` (patients,) ms. Not while history
    comes in: there the last value is only the last so far."""
    cells = np.flatnonzero((memory.timers.side != 0) & (memory.timers.held == 0)).astype(np.int64)
    if not len(cells):
        return []
    rows, n = cells // CHANNELS, len(cells)
    s = Sightings(rows, cells % CHANNELS, np.zeros(n), until[rows], memory.rows.received_at[rows], np.ones(n, dtype=np.bool_))
    s = s.only((memory.settings.active[rows] != 0) & (memory.rows.history_at[rows] == 0) & (until[rows] > memory.timers.at[cells]))
    values = _values(memory, s)
    changes = standing(memory.timers, values)
    _mark_busy(memory, s, values.cells)
    return _told(memory, replace(s, t=memory.timers.at[values.cells]), values.cells, changes, now_ms)


def discharge(memory: Memory, row: int, now_ms: int) -> list[Finding]:
    """The patient of `row` is no longer watched: whatever was told ends, whatever was not is forgotten."""
    span = np.arange(row * CHANNELS, (row + 1) * CHANNELS)
    was = memory.timers.taken(span)
    told = np.flatnonzero((was.fired > 0) & (was.held == 0)).tolist()
    moment: tuple[Phase, int, int] = ("end", int(memory.rows.at[row]), int(memory.rows.received_at[row]))
    found = [tell(memory, int(span[k]), was, k, moment, now_ms) for k in told]
    memory.timers.put(span, Timers.of(CHANNELS))
    memory.cells.busy[row * V : row * V + V] = 0
    memory.rows.score_until[row] = 0  # never scored: who is taken in again is not scored by the readings of before
    memory.backlog = {cell: b for cell, b in memory.backlog.items() if cell // CHANNELS != row}
    memory.held_back.clear(row)
    if row in memory.lanes.of:
        memory.lanes.clear(row)
    together = int(memory.settings.joint[row])
    beside = [(memory.joint, together)] if together >= 0 else []
    beside += [(memory.apart, at) for at in memory.own.get(row, {}).values()]
    return found + [f for other, at in beside if other is not None for f in discharge(other, at, now_ms)]


def settle(memory: Memory, rows: type_i64, now_ms: int) -> list[Finding]:
    """The history of `rows` has come in: what still stands is told as a start, what is over as one summary a channel."""
    found = []
    for row in rows.tolist():
        span = slice(row * CHANNELS, (row + 1) * CHANNELS)
        if memory.past is not None:
            for cell in np.flatnonzero(memory.past.side[span]) + row * CHANNELS:
                close_past(memory, int(cell))
        held = np.flatnonzero(memory.timers.held[span]).astype(np.int64)
        cells, n = held + row * CHANNELS, len(held)
        t = memory.timers
        received = np.full(n, memory.rows.received_at[row])
        s = Sightings(np.full(n, row), held, t.worst[cells], t.at[cells], received, np.ones(n, dtype=np.bool_))
        found += _released(memory, s, now_ms)
        found += [tell_summary(memory, cell, b, now_ms) for cell, b in sorted(memory.backlog.items()) if cell // CHANNELS == row]
        memory.backlog = {cell: b for cell, b in memory.backlog.items() if cell // CHANNELS != row}
    memory.rows.history_at[rows] = 0
    return found


def _values(memory: Memory, s: Sightings) -> Values:
    layout, settings, ch = memory.layout, memory.settings, s.channels
    vital = s.rows * V + ch % V
    bounds = [layout.low1[ch], layout.low2[ch], layout.high1[ch], layout.high2[ch]]
    limited = (ch < V).nonzero()[0]
    if len(limited):
        own = vital[limited]
        for column, theirs in zip(bounds, (settings.low1, settings.low2, settings.high1, settings.high2), strict=True):
            column[limited] = theirs[own]
    fixed = layout.hold[ch]
    hold, alone = np.where(fixed > 0, fixed, _HOLD[ch]), np.where(fixed > 0, layout.alone[ch], _ALONE[ch])
    clear, gap = layout.clear[ch], _gap(memory, s, vital)
    paced = (ch < 2 * V).nonzero()[0]
    if len(paced):
        g = gap[paced]
        stands = np.where(g > 0, np.minimum(np.maximum(g * HOLD_GAPS, LEAST_HOLD_MS), MOST_HOLD_MS), MOST_HOLD_MS)
        hold[paced] = stands.astype(np.int64)
        alone[paced] = np.where(g >= SPOT_MS, 0.0, g * OVERDUE_GAPS).astype(np.int64)
    spot = ((gap >= SPOT_MS) & _SPOTTED[ch]).nonzero()[0]
    if len(spot):
        clear[spot] = np.maximum(clear[spot], np.minimum(gap[spot] * CLEAR_GAPS, MOST_CLEAR_MS).astype(np.int64))
    low1, low2, high1, high2 = bounds
    first = layout.wait1[ch]
    charted.lengthen(memory, s.rows, ch, gap, charted.Waits(first, hold, alone))
    waits = (first, layout.wait2[ch], clear)
    return Values(s.rows * CHANNELS + ch, s.x, s.t, low1, low2, high1, high2, layout.hysteresis[ch], *waits, hold, alone)


def _gap(memory: Memory, s: Sightings, vital: type_i64) -> type_f64:
    """(m,) the learned ms between the readings that each sighting is made of; 0 = unknown."""
    gap = memory.cells.gap[vital].astype(np.float64)
    score = _OF_MANY[s.channels]
    if np.count_nonzero(score):
        gap[score] = early_warning.paces(memory, s.rows[score])
    return gap


def _mark_busy(memory: Memory, s: Sightings, cells: type_i64) -> None:
    """Keeps the bits by which a quiet cell is passed over."""
    running = memory.timers.side[cells] != 0
    for bit, first in _BITS:
        mine = ((s.channels >= first) & (s.channels < first + V)).nonzero()[0]
        if not len(mine):
            continue
        vital = s.rows[mine] * V + (s.channels[mine] - first)
        memory.cells.busy[vital] = (memory.cells.busy[vital] & (255 - bit)) | np.where(running[mine], bit, 0).astype(np.uint8)


def _told(memory: Memory, s: Sightings, cells: type_i64, changes: list[Changes], now_ms: int) -> list[Finding]:
    """Findings of live changes; those of history are held back, or summed up when they end."""
    found = []
    held: set[int] = set()
    for change in changes:
        for k, i in enumerate(change.which.tolist()):
            cell, phase = int(cells[i]), int(change.phase[k])
            was_held = bool(change.before.held[k]) or cell in held
            if phase == START and not s.live[i]:
                held.add(cell)
                memory.timers.held[cell] = memory.timers.side[cell] != 0
            elif phase == END and was_held:
                held.discard(cell)
                _summed(memory, cell, change.before, k, int(change.before.returned[k]))
            elif not was_held:
                found.append(tell(memory, cell, change.before, k, (_PHASES[phase], int(s.t[i]), int(s.received_at[i])), now_ms))
    return worst_first(found) if len(found) > 1 else found


def worst_first(found: list[Finding]) -> list[Finding]:
    """What came at one moment, the worst condition first: whoever is called for it sees the milder ones beside it, called once.

    What one condition did stays in its order.
    """
    worst: dict[tuple[str, str, str], int] = {}
    for f in found:
        key = (f.patient, f.rule, f.subject)
        worst[key] = max(worst.get(key, 0), 0 if f.phase == "end" else 1 + _RANK[f.priority])
    return sorted(found, key=lambda f: -worst[f.patient, f.rule, f.subject])


def _released(memory: Memory, s: Sightings, now_ms: int) -> list[Finding]:
    """Held back until now and still standing: told. Held back and back inside: stays held until it ends."""
    cells = s.rows * CHANNELS + s.channels
    now = memory.timers.taken(cells)
    found = []
    for k in np.flatnonzero(now.severity != 0):
        memory.timers.held[cells[k]] = 0
        found.append(tell(memory, int(cells[k]), now, int(k), ("start", int(s.t[k]), int(s.received_at[k])), now_ms))
    return found


def _past(memory: Memory, cell: int, was: Timers, k: int, ended_at: int) -> None:
    """Adds an excursion of late readings, unless it is part of what is on and makes that no worse: of that there is a finding already."""
    on, side = memory.timers, int(was.side[k])
    part = on.side[cell] == side and on.since[cell] <= ended_at
    if not (part and on.fired[cell] >= was.fired[k] and side * on.worst[cell] >= side * was.worst[k]):
        _summed(memory, cell, was, k, ended_at)


def _summed(memory: Memory, cell: int, was: Timers, k: int, ended_at: int) -> None:
    """Adds one excursion of history to its channel's summary; a strange course of the past is nobody's concern."""
    if RULES[cell % CHANNELS] in PASSING:
        return
    since, worst, level = int(was.since[k]), float(was.worst[k]), int(was.fired[k])
    known = memory.backlog.get(cell)
    if known is None:
        memory.backlog[cell] = Backlog(since, ended_at, 1, worst, level)
        return
    further = max if was.side[k] > 0 else min
    memory.backlog[cell] = Backlog(
        min(known.started_at, since), max(known.ended_at, ended_at), known.times + 1, further(known.worst, worst), max(known.level, level)
    )
