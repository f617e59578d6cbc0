"""Detection as a fold: `step` folds a batch of readings into a partition's memory, `tick` folds time in.

In: a `vitals.batch.Batch` in partition order, and the moment. Out: findings, in order for each patient. Promise: the same readings
in any batching, saved and restored anywhere, give the same findings; no clock, no log, no I/O. A batch is folded in rounds, in
each of which a patient occurs at most once, so several samples of one patient keep their order. What waits: `order`.

Not folded in, and counted in `Memory.counts`: `duplicate` (device, seq) samples; `inactive` samples of discharged patients;
`poor` readings (a quality under the rules', see `motion`, or `doubtful`, a jump that no body makes: a technical sighting); `late`
readings, older than the newest of their vital: their excursions are summed up as history, the baseline and NEWS2 do not go back.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from streams.detect import apart, baseline, course, early_warning, joint, witness, wrong_patient
from streams.detect.arrival import Arrived, arrive, freed, known_until, onward, overdue, rows_of, separated
from streams.detect.channels import BASELINE, CHANNELS, LIMITS, NEWS2, SINGLE
from streams.detect.conditions import Sightings, joined, settle, stand, watch
from streams.detect.lapse import given_up
from streams.detect.memory import Memory
from streams.detect.minutely import Turn, look
from streams.detect.rounds import Readings, Round, gaps, in_order, readings_of, round_of, rounds
from streams.detect.signals import signals
from streams.detect.silence import heard, missing
from vitals.batch import Batch
from vitals.finding import Finding
from vitals.registry import V

type_f64 = npt.NDArray[np.float64]
type_i64 = npt.NDArray[np.int64]
type_bool = npt.NDArray[np.bool_]

_LOW_MEDIUM = 1
_SCORED = np.array([NEWS2, SINGLE])


def step(memory: Memory, batch: Batch, now_ms: int) -> list[Finding]:
    """Folds `batch` in; `now_ms` only dates the findings."""
    return folded(memory, arrive(memory, batch, rows_of(memory, batch)), now_ms) if len(batch) else []


def folded(memory: Memory, arrived: Arrived, now_ms: int) -> list[Finding]:
    """Folds in what arrived."""
    found: list[Finding] = []
    own = separated(memory, arrived)
    for place in rounds(arrived.rows[arrived.keep]):
        at = arrived.keep[place]
        r = round_of(memory, arrived.batch, arrived.rows[at], at)
        found += _fold(memory, r, arrived.slots[at], now_ms)
        if own is not None and memory.apart is not None and (own[at] >= 0).any():
            found += _fold_limits(memory.apart, memory.own, r.of(own[at]), now_ms)
    return found + _folded_jointly(memory, onward(memory, arrived), now_ms)


def _folded_jointly(memory: Memory, arrived: Arrived | None, now_ms: int) -> list[Finding]:
    return [] if arrived is None or memory.joint is None else folded(memory.joint, arrived, now_ms)


def tick(memory: Memory, now_ms: int) -> list[Finding]:
    """Folds in that it is `now_ms`: samples that have waited long enough, silences, values that have stood long enough, inputs gone stale,
    history that is complete. For patients of whom samples wait, the rest waits too.
    """
    return passed(memory, now_ms) + missing(memory, now_ms)


def passed(memory: Memory, now_ms: int) -> list[Finding]:
    """The same but for silences."""
    late = overdue(memory, now_ms)
    found = [] if late is None else folded(memory, late, now_ms)
    known = memory.order.known_until(now_ms)
    until = known_until(memory, now_ms, known)
    found += _passed(memory, now_ms, until)
    if memory.joint is not None and memory.apart is not None:
        found += _passed(memory.apart, now_ms, apart.known_until(memory, now_ms, known))
        found += _folded_jointly(memory, freed(memory, now_ms), now_ms)
        found += _passed(memory.joint, now_ms, joint.known_until(memory, until))
    return found + wrong_patient.left(memory, now_ms)


def _passed(memory: Memory, now_ms: int, until: type_i64) -> list[Finding]:
    """It is `now_ms`, and for the conditions of each patient `until` (patients,), for more may have been said since then."""
    memory.now_ms = max(memory.now_ms, now_ms)
    n = len(memory.patients)
    for row in np.flatnonzero(memory.settings.expires[:n] <= now_ms).tolist():
        memory.settle(memory.patients[row], now_ms)
    complete = (memory.rows.history_at[:n] > 0) & (until - memory.rows.history_at[:n] >= memory.rules.settle_s * 1000)
    found = settle(memory, np.flatnonzero(complete), now_ms) if complete.any() else []
    stale = (memory.rows.score_until[:n] < until) & (memory.settings.scored[:n] != 0) & (memory.settings.active[:n] != 0)
    stale &= (memory.rows.score_until[:n] > 0) & (memory.rows.history_at[:n] == 0)
    if stale.any():
        rows = np.flatnonzero(stale)
        memory.rows.score_changed[rows] = 2
        t = np.maximum(memory.rows.score_until[rows] + 1, memory.rows.at[rows])
        seen = _score_sightings(memory, rows, t, memory.rows.received_at[rows], np.ones(len(rows), dtype=np.bool_))
        found += watch(memory, joined(seen), now_ms) if seen else []
    return found + stand(memory, now_ms, until)


def _fold(memory: Memory, r: Round, slots: type_i64, now_ms: int) -> list[Finding]:
    found = [] if memory.first else heard(memory, slots, r.t, r.received_at, now_ms)
    found += wrong_patient.asked(memory, r, now_ms) if memory.newcomers else []
    _came(memory, r)
    turned = course.turned(memory, r.rows, r.t)
    sightings, good = signals(memory, r)
    readings = in_order(memory, r, _witnessed(memory, r, readings_of(r, good)))
    changed = np.zeros(len(r.rows), dtype=np.bool_)
    gap = gaps(memory, readings)
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


def _fold_limits(memory: Memory, own: Mapping[int, Mapping[str, int]], r: Round, now_ms: int) -> list[Finding]:
    """Of devices by themselves: their readings against the patients' limits, and nothing else."""
    _came(memory, r)
    readings = in_order(memory, r, readings_of(r, signals(memory, r)[1]))
    if not len(readings.x):
        return []
    gap = gaps(memory, readings)
    found = given_up(memory, own, readings, now_ms)
    memory.cells.value[readings.cell], memory.cells.at[readings.cell] = readings.x, readings.t
    sightings = _beyond(memory, r, readings)
    found += watch(memory, joined(sightings), now_ms) if sightings else []
    memory.cells.gap[readings.cell] = gap
    return found


def _came(memory: Memory, r: Round) -> None:
    memory.rows.at[r.rows] = np.maximum(memory.rows.at[r.rows], r.t)
    memory.rows.received_at[r.rows] = np.maximum(memory.rows.received_at[r.rows], r.received_at)
    history = r.rows[~r.live]
    memory.rows.history_at[history] = r.received_at[~r.live]


def _witnessed(memory: Memory, r: Round, m: Readings) -> Readings:
    """Less what another device of the patient shows otherwise."""
    some = witness.shared(memory, r.rows[m.sample])
    if not len(some):
        return m
    counts, t = np.ones(len(m.x), dtype=np.bool_), m.t.copy()
    columns = (m.sample[some], m.vital[some], m.x[some], m.t[some])
    for k, i, vital, x, at in zip(some.tolist(), *(c.tolist() for c in columns), strict=True):
        when = witness.heard(memory, (int(r.rows[i]), r.names[r.device[i]], vital), x, at, bool(r.live[i]))
        counts[k], t[k] = when is not None, at if when is None else when
    return Readings(m.sample, m.vital, m.cell, m.x, t).only(counts)


def _remembered(memory: Memory, r: Round, m: Readings, changed: type_bool) -> list[Sightings]:
    """Keeps the readings as the newest; what is out of limits or out of character, or was, becomes a sighting."""
    cells = memory.cells
    elapsed = m.t - cells.at[m.cell]
    course.note(memory, r.rows[m.sample], m.vital, m.x, m.t)
    cells.value[m.cell], cells.at[m.cell] = m.x, m.t
    part = early_warning.parts(m.vital, m.x)
    moved = part != cells.part[m.cell]
    cells.part[m.cell] = part
    changed[m.sample[moved]] = True
    memory.rows.score_changed[r.rows] = np.where(changed, 2, np.maximum(memory.rows.score_changed[r.rows], 1))
    return _beyond(memory, r, m) + _strange(memory, r, m, elapsed)


def _beyond(memory: Memory, r: Round, m: Readings) -> list[Sightings]:
    s = memory.settings
    beyond = (m.x < s.low1[m.cell]) | (m.x > s.high1[m.cell]) | ((memory.cells.busy[m.cell] & LIMITS) != 0)
    return [m.seen(r, beyond, m.x, 0)] if np.count_nonzero(beyond) else []


def _strange(memory: Memory, r: Round, m: Readings, elapsed: type_i64) -> list[Sightings]:
    rule, busy = memory.rules.baseline, memory.cells.busy[m.cell]
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
