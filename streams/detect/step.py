"""Detection as a fold: `step` folds a batch of readings into a partition's memory, `tick` folds time in.

In: a `vitals.batch.Batch` in partition order, and the moment. Out: findings, in order for each patient. Promise: the same readings
in any batching, saved and restored anywhere, give the same findings; no clock, no log, no I/O. A batch is folded in rounds, in
each of which a patient occurs at most once, so several samples of one patient keep their order. What waits: `order`.

Not folded in, and counted in `Memory.counts`: `duplicate` (device, seq) samples; `inactive` samples of discharged patients;
`poor` readings (a quality under the rules', see `motion`, or `doubtful`, a jump that no body makes: a technical sighting); `late`
readings, older than the newest of their vital: their excursions are summed up as history, the baseline and NEWS2 do not go back.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streams.detect import baseline, course, early_warning, joint, motion, witness
from streams.detect.arrival import Arrived, arrive, freed, onward, overdue, waiting
from streams.detect.channels import BASELINE, CHANNELS, LIMITS, LINE_OF, NEWS2, SIGNAL, SINGLE, W
from streams.detect.conditions import SIGNAL_HOLD_MS, Sightings, joined, settle, stand, watch, watch_past
from streams.detect.jump import doubted
from streams.detect.memory import Memory
from streams.detect.minutely import Turn, look
from streams.detect.silence import heard, missing
from streams.detect.telling import MOVING
from vitals.batch import Batch
from vitals.finding import Finding
from vitals.registry import V

type_f64 = npt.NDArray[np.float64]
type_i64 = npt.NDArray[np.int64]
type_bool = npt.NDArray[np.bool_]

GAP_SHARE = 0.2
_LOW_MEDIUM = 1
_NO_VALUE, _POOR = 2.0, 1.0  # between them: `telling.MOVING`
_BITS = np.arange(V, dtype=np.uint32)
_SCORED = np.array([NEWS2, SINGLE])
_LEADS = np.arange(V) == LINE_OF
_FOLLOWS = [(vital, line) for vital, line in enumerate(LINE_OF.tolist()) if vital != line]
"""The vitals that give their line its name, and the others with their line."""


@dataclass(frozen=True, slots=True, eq=False)
class _Round:
    """n samples of distinct patients: rows, times, which are live, what each says, and of which device (place in `names`)."""

    rows: type_i64
    t: type_i64
    received_at: type_i64
    live: type_bool
    values: type_f64
    quality: npt.NDArray[np.float32]
    no_value: npt.NDArray[np.uint32]
    device: npt.NDArray[np.int32]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Readings:
    """m good readings: sample in the round, vital, cell of the memory, value, time."""

    sample: type_i64
    vital: type_i64
    cell: type_i64
    x: type_f64
    t: type_i64

    def only(self, mask: type_bool) -> "_Readings":
        return _Readings(self.sample[mask], self.vital[mask], self.cell[mask], self.x[mask], self.t[mask])

    def seen(self, r: _Round, mask: type_bool, x: type_f64, first_channel: int) -> Sightings:
        """Sightings of the readings under `mask` on their vitals' channels from `first_channel`."""
        sample = self.sample[mask]
        return Sightings(r.rows[sample], self.vital[mask] + first_channel, x[mask], self.t[mask], r.received_at[sample], r.live[sample])


def step(memory: Memory, batch: Batch, now_ms: int) -> list[Finding]:
    """Folds `batch` in; `now_ms` only dates the findings."""
    return folded(memory, arrive(memory, batch), now_ms) if len(batch) else []


def folded(memory: Memory, arrived: Arrived, now_ms: int) -> list[Finding]:
    """Folds in what arrived."""
    found: list[Finding] = []
    for place in rounds(arrived.rows[arrived.keep]):
        at = arrived.keep[place]
        found += _fold(memory, _round(memory, arrived.batch, arrived.rows[at], at), arrived.slots[at], now_ms)
    return found + _folded_jointly(memory, onward(memory, arrived), now_ms)


def _folded_jointly(memory: Memory, arrived: Arrived | None, now_ms: int) -> list[Finding]:
    return [] if arrived is None or memory.joint is None else folded(memory.joint, arrived, now_ms)


def tick(memory: Memory, now_ms: int) -> list[Finding]:
    """Folds in that it is `now_ms`: samples that have waited long enough, silences, values that have stood long enough, inputs gone stale,
    history that is complete. For patients of whom samples wait, the rest waits too.
    """
    late = overdue(memory, now_ms)
    found = [] if late is None else folded(memory, late, now_ms)
    known = ~waiting(memory)
    found += _passed(memory, now_ms, known)
    if memory.joint is not None:
        found += _folded_jointly(memory, freed(memory, now_ms), now_ms)
        found += _passed(memory.joint, now_ms, ~joint.waiting(memory, known))
    return found + missing(memory, now_ms)


def _passed(memory: Memory, now_ms: int, known: type_bool) -> list[Finding]:
    """It is `now_ms` for the conditions of patients; those not `known` (patients,) wait."""
    memory.now_ms = max(memory.now_ms, now_ms)
    n = len(memory.patients)
    for row in np.flatnonzero(memory.settings.expires[:n] <= now_ms).tolist():
        memory.settle(memory.patients[row], now_ms)
    complete = known & (memory.rows.history_at[:n] > 0) & (now_ms - memory.rows.history_at[:n] >= memory.rules.settle_s * 1000)
    found = settle(memory, np.flatnonzero(complete), now_ms) if complete.any() else []
    stale = (memory.rows.score_until[:n] < now_ms) & (memory.settings.scored[:n] != 0) & (memory.settings.active[:n] != 0)
    stale &= (memory.rows.score_until[:n] > 0) & (memory.rows.history_at[:n] == 0) & known
    if stale.any():
        rows = np.flatnonzero(stale)
        memory.rows.score_changed[rows] = 2
        t = np.maximum(memory.rows.score_until[rows] + 1, memory.rows.at[rows])
        seen = _score_sightings(memory, rows, t, memory.rows.received_at[rows], np.ones(len(rows), dtype=np.bool_))
        found += watch(memory, joined(seen), now_ms) if seen else []
    return found + stand(memory, now_ms, known)


def rounds(rows: type_i64) -> Iterator[type_i64]:
    """Places in `rows` such that each round has a row at most once and a row's places come in order.

    >>> [r.tolist() for r in rounds(np.array([7, 8, 7, 7]))]
    [[0, 1], [2], [3]]
    """
    if not len(rows):
        return
    if (rows[1:] > rows[:-1]).all():
        yield np.arange(len(rows))
        return
    order = np.argsort(rows, kind="stable")
    first = np.ones(len(rows), dtype=np.bool_)
    first[1:] = rows[order[1:]] != rows[order[:-1]]
    if first.all():
        yield np.arange(len(rows))
        return
    place = np.arange(len(rows))
    nth = place - np.maximum.accumulate(np.where(first, place, 0))
    by_round = np.argsort(nth, kind="stable")
    yield from np.split(order[by_round], np.cumsum(np.bincount(nth))[:-1])


def _round(memory: Memory, batch: Batch, rows: type_i64, place: type_i64) -> _Round:
    t, received_at = batch.observed_at[place], batch.received_at[place]
    whole = len(place) == len(batch)  # a round of all is in their order
    values, quality = (batch.values, batch.quality) if whole else (batch.values[place], batch.quality[place])
    live = received_at - t <= memory.rules.late_s * 1000
    return _Round(rows, t, received_at, live, values, quality, batch.no_value[place], batch.device[place], batch.devices)


def _fold(memory: Memory, r: _Round, slots: type_i64, now_ms: int) -> list[Finding]:
    found = [] if memory.least else heard(memory, slots, r.t, r.received_at, now_ms)
    memory.rows.at[r.rows] = np.maximum(memory.rows.at[r.rows], r.t)
    memory.rows.received_at[r.rows] = np.maximum(memory.rows.received_at[r.rows], r.received_at)
    history = r.rows[~r.live]
    memory.rows.history_at[history] = r.received_at[~r.live]
    turned = course.turned(memory, r.rows, r.t)
    sightings, good = _signals(memory, r)
    readings = _in_order(memory, r, _witnessed(memory, r, _readings(r, good)))
    changed = np.zeros(len(r.rows), dtype=np.bool_)
    gap = _gaps(memory, readings)
    if len(readings.x):
        sightings += _remembered(memory, r, readings, changed)
    if np.count_nonzero(turned):
        sightings += look(memory, Turn(r.rows[turned], r.t[turned], r.received_at[turned], r.live[turned]))
    due = early_warning.due(memory, r.rows, r.t, changed)
    if np.count_nonzero(due):
        sightings += _score_sightings(memory, r.rows[due], r.t[due], r.received_at[due], r.live[due])
    found += watch(memory, joined(sightings), now_ms) if sightings else []
    memory.cells.gap[readings.cell] = gap
    return found


def _gaps(memory: Memory, m: _Readings) -> type_f64:
    """(m,) the learned pace with these readings; kept only after the timers were told how long the readings before them stood."""
    at, gap = memory.cells.at[m.cell], memory.cells.gap[m.cell]
    elapsed = m.t - at
    return np.where(at > 0, np.where(gap > 0, gap + GAP_SHARE * (elapsed - gap), elapsed), 0.0)


def _readings(r: _Round, good: type_bool) -> _Readings:
    sample, vital = good.nonzero()
    return _Readings(sample, vital, r.rows[sample] * V + vital, r.values[sample, vital], r.t[sample])


def _signals(memory: Memory, r: _Round) -> tuple[list[Sightings], type_bool]:
    """Sightings of signals that are bad or were so, and (n, V) which readings are good."""
    there = r.values == r.values
    poor, moves = motion.doubted(r.quality, there, memory.rules.poor_quality)
    poor |= there & doubted(memory, r.rows, r.t, r.values, [r.names[d] for d in r.device.tolist()] if memory.lanes.of else ())
    running = (memory.cells.busy.reshape(-1, V)[r.rows] & SIGNAL) != 0
    good = there & ~poor
    if not (np.count_nonzero(poor) or np.count_nonzero(r.no_value) or np.count_nonzero(running)):
        return [], good
    memory.count("poor", int(np.count_nonzero(poor)))
    sample, vital = poor[:, :W].nonzero()
    memory.courses.refused[r.rows[sample] * W + vital] = r.values[sample, vital]
    no_value = (r.no_value[:, None] >> _BITS & 1).astype(np.bool_)
    level = np.where(moves, MOVING, _POOR)[:, None]
    return _lines(memory, r, running, good, np.where(no_value, _NO_VALUE, np.where(poor, level, 0.0))), good


def _lines(memory: Memory, r: _Round, running: type_bool, good: type_bool, x: type_f64) -> list[Sightings]:
    """Sightings a line: as bad as the worst that comes over it, unless something good does."""
    worst, fine = np.where(_LEADS, x, 0.0), good & _LEADS
    for vital, line in _FOLLOWS:
        worst[:, line] = np.maximum(worst[:, line], x[:, vital])
        fine[:, line] |= good[:, vital]
    sample, line = (((worst > 0) & ~fine) | (running & fine)).nonzero()
    seen = np.where(fine, 0.0, worst)[sample, line]
    return _unsettled(memory, Sightings(r.rows[sample], line + 2 * V, seen, r.t[sample], r.received_at[sample], r.live[sample]))


def _unsettled(memory: Memory, s: Sightings) -> list[Sightings]:
    """What can move a signal's timer. Of what came back, is fine still and not yet for long enough, only the time is noted: all that
    `watch` would make of it."""
    timers, cells = memory.timers, s.rows * CHANNELS + s.channels
    elapsed = s.t - timers.at[cells]
    inside = timers.inside[cells] + elapsed
    calm = (s.x == 0) & (timers.fired[cells] > 0) & (timers.severity[cells] == 0) & (timers.held[cells] == 0)
    calm &= (elapsed >= 0) & (elapsed <= SIGNAL_HOLD_MS) & (inside < memory.layout.clear[s.channels])
    if np.count_nonzero(calm):
        timers.at[cells[calm]], timers.inside[cells[calm]] = s.t[calm], inside[calm]
        s = s.only(~calm)
    return [s] if len(s.rows) else []


def _witnessed(memory: Memory, r: _Round, m: _Readings) -> _Readings:
    """Less what another device of the patient shows otherwise."""
    some = witness.shared(memory, r.rows[m.sample])
    if not len(some):
        return m
    counts, t = np.ones(len(m.x), dtype=np.bool_), m.t.copy()
    columns = (m.sample[some], m.vital[some], m.x[some], m.t[some])
    for k, i, vital, x, at in zip(some.tolist(), *(c.tolist() for c in columns), strict=True):
        when = witness.heard(memory, (int(r.rows[i]), r.names[r.device[i]], vital), x, at, bool(r.live[i]))
        counts[k], t[k] = when is not None, at if when is None else when
    return _Readings(m.sample, m.vital, m.cell, m.x, t).only(counts)


def _in_order(memory: Memory, r: _Round, readings: _Readings) -> _Readings:
    """The readings that are not older than the newest of their vital; the others are history."""
    late = readings.t < memory.cells.at[readings.cell]
    if not np.count_nonzero(late):
        return readings
    old = readings.only(late)
    memory.count("late", len(old.x))
    memory.rows.history_at[r.rows[old.sample]] = r.received_at[old.sample]
    watch_past(memory, old.seen(r, np.ones(len(old.x), dtype=np.bool_), old.x, 0))
    return readings.only(~late)


def _remembered(memory: Memory, r: _Round, m: _Readings, changed: type_bool) -> list[Sightings]:
    """Keeps the readings as the newest; what is out of limits or out of character, or was, becomes a sighting."""
    cells, s = memory.cells, memory.settings
    elapsed = m.t - cells.at[m.cell]
    course.note(memory, r.rows[m.sample], m.vital, m.x, m.t)
    cells.value[m.cell], cells.at[m.cell] = m.x, m.t
    part = early_warning.parts(m.vital, m.x)
    moved = part != cells.part[m.cell]
    cells.part[m.cell] = part
    changed[m.sample[moved]] = True
    memory.rows.score_changed[r.rows] = np.where(changed, 2, np.maximum(memory.rows.score_changed[r.rows], 1))
    busy = cells.busy[m.cell]
    beyond = (m.x < s.low1[m.cell]) | (m.x > s.high1[m.cell]) | ((busy & LIMITS) != 0)
    found = [m.seen(r, beyond, m.x, 0)] if np.count_nonzero(beyond) else []
    return found + _strange(memory, r, m, elapsed, busy)


def _strange(memory: Memory, r: _Round, m: _Readings, elapsed: type_i64, busy: npt.NDArray[np.uint8]) -> list[Sightings]:
    rule = memory.rules.baseline
    # a mean whose half-life is shorter than the pause between two readings knows only the last one
    watched = memory.layout.watched[m.vital] & (memory.cells.gap[m.cell] < rule.half_life_s * 1000)
    if np.count_nonzero(watched) < len(watched):
        m, elapsed, busy = m.only(watched), elapsed[watched], busy[watched]
    z = baseline.learn(memory.cells, m.cell, m.x, elapsed, memory.layout.variance[m.vital], rule)
    strange = (np.abs(z) > rule.z) | ((busy & BASELINE) != 0)
    return [m.seen(r, strange, z, V)] if np.count_nonzero(strange) else []


def _score_sightings(memory: Memory, rows: type_i64, t: type_i64, received_at: type_i64, live: type_bool) -> list[Sightings]:
    """What can move a timer. Of the rest, idle and inside, only the time is noted: all that `watch` would make of it."""
    scores, timers = early_warning.scored(memory, rows, t), memory.timers
    x = np.stack((scores.lowest, scores.tier == _LOW_MEDIUM)).astype(np.float64)
    cells = rows * CHANNELS + _SCORED[:, None]
    calm = (timers.side[cells] == 0) & (x <= memory.layout.high1[_SCORED][:, None]) & (t >= timers.at[cells])
    timers.at[cells[calm]] = np.broadcast_to(t, cells.shape)[calm]
    which, k = (~calm).nonzero()
    return [Sightings(rows[k], _SCORED[which], x[which, k], t[k], received_at[k], live[k])] if len(k) else []
