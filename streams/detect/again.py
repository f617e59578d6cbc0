"""Patients judged again, because a sample came late and nothing had announced it: what was told at once is put right afterwards.

In: a memory, what was heard lately (`lately`), findings, time. Out: findings to be told. Nothing waits for it: a device's first samples on
a patient, its first ones after it was gone, what is late of a device that is not waited for, are all folded when they come. If one of
them then stands behind what was folded before it, though it came within a minute of its time, its patient is taken back to before it, and
all since is folded again in the order of (`observed_at`, device, number) in a memory of its own. What that knows is what is known of the
patient from then on (`transplant`), and what comes out otherwise is told (`told`).
Promise: of what comes within a minute of its time the conditions told are, in the end, those of the order, with their begins and ends.
Bounded: at most `MOST_PATIENTS` in one go, `MOST_SAMPLES` of a patient; what is more than that, or has no base, stays as it was folded, and
is counted in `Memory.judged`. Not for findings about arrivals: they are told as they come.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from streams.detect import checkpoint, wrong_patient
from streams.detect.arrival import waited
from streams.detect.channels import CHANNELS, RULES
from streams.detect.lately import SPAN_MS, Base, Lately, Own
from streams.detect.memory import Memory
from streams.detect.order import GRACE_MS, HOLD_MS
from streams.detect.samples import merged
from streams.detect.scratch import first_heard, scratch_of, stepped
from streams.detect.step import passed
from streams.detect.telling import named
from streams.detect.told import Place, Told
from streams.detect.transplant import slots_of, transplant
from vitals.batch import Batch
from vitals.finding import Finding, finding_id

type_i64 = npt.NDArray[np.int64]

MOST_PATIENTS, MOST_SAMPLES = 64, 2_048
_JUDGED = frozenset((*RULES, wrong_patient.RULE))
_ALWAYS = 1 << 62
"""The offset of what waits in a base: it was not folded there."""
_Samples = tuple[Batch, type_i64, type_i64]
"""Samples with the row and the offset of each."""


class Again:
    """The patients of one partition who are to be judged again. `wanted`: row -> to before which time, and to which base at
    the latest.
    """

    __slots__ = ("_lately", "_looked_ms", "_memory", "_passed_ms", "_stood", "wanted")

    def __init__(self, memory: Memory, lately: Lately) -> None:
        self._memory, self._lately = memory, lately
        self.wanted: dict[int, tuple[int, int]] = {}
        self._stood: dict[int, list[tuple[int, int]]] = {}
        self._looked_ms = self._passed_ms = 0

    def news(self, findings: Iterable[Finding], now_ms: int = 0) -> list[Finding]:
        """What of `findings` is to be told, under the ids by which their conditions were. now_ms: when time alone has shown them."""
        return [one for f in findings for one in self._one(f, now_ms)]

    def stood(self, findings: Iterable[Finding], now_ms: int) -> None:
        """Time passed until `now_ms`, and has shown `findings`: what was said before then and comes after it may show otherwise."""
        self._passed_ms = max(self._passed_ms, now_ms)
        recent = ((row, [one for one in each if one[0] > now_ms - SPAN_MS]) for row, each in self._stood.items())
        self._stood = {row: each for row, each in recent if each}
        self._by_time(findings, now_ms)

    def _by_time(self, findings: Iterable[Finding], now_ms: int) -> None:
        for f in findings:
            row = self._memory.row_of.get(f.patient) if f.rule in _JUDGED else None
            if row is not None:
                self._stood.setdefault(row, []).append((now_ms, self._lately.made))

    def noted(self, rows: type_i64, batch: Batch) -> None:
        """Takes up what of a batch went on too late, as `order` and `lanes` say, and what time alone had not waited for. rows: (n,)."""
        order, lanes = self._memory.order, self._memory.lanes
        any_base = self._lately.made
        late = [(int(self._memory.devices.row[slot]), t, any_base) for slot, t in order.late]
        late += [(row, t, any_base) for row, t in lanes.late]
        order.late.clear()
        lanes.late.clear()
        for row in self._stood.keys() & set(rows.tolist() if self._stood else ()):
            t, r = batch.observed_at[rows == row], batch.received_at[rows == row]
            for until, base in self._stood[row]:
                late += [(row, at, base) for at in t[(t < until) & (r - t <= HOLD_MS + GRACE_MS)].tolist()]
        for row, t, base in late:
            before = self.wanted.get(row, (t, base))
            self.wanted[row] = min(t, before[0]), min(base, before[1])

    def judged(self, now_ms: int) -> list[Finding]:
        """Judges some of those who are wanted again; `now_ms` dates what is found."""
        rows = list(self.wanted)[:MOST_PATIENTS]
        since = {row: self.wanted.pop(row) for row in rows}
        samples = self._lately.samples({row: self._memory.patients[row] for row in rows}) if rows else None
        if samples is None:
            return []
        by_base = defaultdict[tuple[int, bool], list[int]](list)
        for row in self._few(rows, samples):
            base = self._lately.base(row, *since[row])
            if base is None:
                self._count("no_base", 1)
            else:
                by_base[base, row in self._lately.bases[base].own].append(row)
        return [f for (base, _), these in by_base.items() for f in self._from(base, these, samples, now_ms)]

    def settled(self, newest: int) -> list[Finding]:
        """What nothing late can show any more; newest: ms, received_at."""
        if newest - self._looked_ms < SPAN_MS // 10:
            return []
        self._looked_ms, found = newest, list[Finding]()
        for row, told in [(row, told) for row, told in self._memory.told.items() if row not in self.wanted]:
            more = told.settled(newest - 2 * SPAN_MS, newest, frozenset())
            self._memory.settings.dirty[row] |= bool(more)
            found += more
            if not (told.spans or told.names or told.gone):
                del self._memory.told[row]
        return found

    def forget(self, row: int, offset: int | None) -> None:
        """What was known of a patient up to now says nothing any more."""
        self._lately.bar(row, -1 if offset is None else offset)
        self.wanted.pop(row, None)

    def _one(self, f: Finding, now_ms: int) -> list[Finding]:
        row = self._memory.row_of.get(f.patient) if f.rule in _JUDGED else None
        return [f] if row is None else self._memory.told.setdefault(row, Told()).news([(_place(f, now_ms), f)])

    def _count(self, outcome: str, by: int) -> None:
        if by:
            self._memory.judged[outcome] = self._memory.judged.get(outcome, 0) + by

    def _few(self, rows: Sequence[int], samples: _Samples) -> list[int]:
        many = [row for row in rows if np.count_nonzero(samples[1] == row) > MOST_SAMPLES]
        self._count("too_many", len(many))
        return [row for row in rows if row not in many]

    def _from(self, base: int, rows: Sequence[int], samples: _Samples, now_ms: int) -> list[Finding]:
        """Judges `rows` again from one base."""
        memory, known = self._memory, self._lately.bases[base]
        scratch = scratch_of(memory, known, rows)
        on = {row: _on(scratch, scratch.row_of[memory.patients[row]]) for row in rows}
        found = self._folded(scratch, base, rows, samples, now_ms)
        of = defaultdict[str, list[tuple[Place, Finding]]](list)
        for place, f in found:
            of[f.patient].append((place, f))
        news = list[Finding]()
        for row in rows:
            name = memory.patients[row]
            transplant(scratch, scratch.row_of[name], memory, row)
            told, still = memory.told.setdefault(row, Told()), _on(memory, row)
            news += told.again(of[name], (known.until(row) + 1, "", "", 0), on[row]) + told.reopened(now_ms, still)
            told.doubt(still)
        self._count("again", len(rows))
        return news

    def _folded(self, scratch: Memory, base: int, rows: Sequence[int], samples: _Samples, now_ms: int) -> list[tuple[Place, Finding]]:
        """Folds what came since, up to each newer base, which is then of the order too, and to the end; and time, as far as it was told."""
        memory, bases, made = self._memory, self._lately.bases, int(samples[2].max())
        batch, of, offsets = _with_what_waits(scratch, {memory.patients[row]: row for row in rows}, samples)
        lacks = np.zeros(len(of), dtype=np.bool_)
        later = np.zeros(len(of), dtype=np.int64)
        until = {row: np.maximum.accumulate([each.until(row) for each in bases[base:]])[1:] for row in rows}
        for row in rows:
            at = np.flatnonzero(of == row)
            t = _when(batch)[at]
            lacks[at] = bases[base].lacks(row, t, offsets[at])
            later[at] = np.searchsorted(until[row], t, side="left")
        found, order, first = list[Finding](), _order(batch), first_heard(batch)
        for k, newer in enumerate([*bases[base + 1 :], None]):
            found += stepped(memory, scratch, batch, order[(lacks & (later == k))[order]], first, now_ms)
            if newer is not None:
                found += self._time(scratch, rows, min(int(until[row][k]) for row in rows))
                self._put_into(newer, {row: int(until[row][k]) for row in rows}, scratch, made)
        self._gone_elsewhere(scratch, rows)
        now = self._passed_ms
        stood = self._time(scratch, rows, now)
        return [(_place(f), f) for f in found if f.rule in _JUDGED] + [(_place(f, now), f) for f in stood if f.rule in _JUDGED]

    def _gone_elsewhere(self, scratch: Memory, rows: Sequence[int]) -> None:
        """There nothing is known of other patients, to whom a device may have gone."""
        for row in rows:
            at = scratch.row_of[self._memory.patients[row]]
            for name in slots_of(scratch, at):
                scratch.devices.current[scratch.slot_of[at, name]] = self._memory.devices.current[self._memory.slot_of[row, name]]

    def _time(self, scratch: Memory, rows: Sequence[int], until: int) -> list[Finding]:
        """Time alone, as far as it was told: it ends and begins what no sample does."""
        found = passed(scratch, until) if self._passed_ms else []
        self._by_time((f for f in found if self._memory.row_of[f.patient] in rows), until)
        return found

    def _put_into(self, base: Base, until: Mapping[int, int], scratch: Memory, offset: int) -> None:
        """What is known by now of those who had been heard by then; until: by row."""
        for row in [row for row in until if base.knows(row)]:
            at = scratch.row_of[self._memory.patients[row]]
            slots = [scratch.slot_of[at, name] for name in slots_of(scratch, at)]
            base.own[row] = Own(until[row], offset, checkpoint.save_one(scratch, at, slots))


def _with_what_waits(memory: Memory, row_of: Mapping[str, int], samples: _Samples) -> _Samples:
    """`samples` and those that wait in `memory` for one that is missing before them: its place in the order is not when that comes."""
    slots = [memory.slot_of[at, name] for at in map(memory.row_of.__getitem__, row_of) for name in slots_of(memory, at)]
    released = [(slot, sample) for slot in slots for sample in memory.order.forget(slot)]
    if not released:
        return samples
    batch, rows, _ = waited(memory, released)
    of = np.array([row_of[memory.patients[row]] for row in rows.tolist()], dtype=np.int64)
    # before the others: of a sample that was heard once and waits the one that waits counts (`_order`)
    return merged([batch, samples[0]]), np.append(of, samples[1]), np.append(np.full(len(of), _ALWAYS), samples[2])


def _when(batch: Batch) -> type_i64:
    """(n,) ms: where each sample stands in the order: what is later than re-ordering makes it is history, in its place by when it came."""
    late = batch.received_at - batch.observed_at > HOLD_MS + GRACE_MS
    return np.where(late, batch.received_at, batch.observed_at)


def _order(batch: Batch) -> type_i64:
    """The places of the samples in order, each once, as it first came."""
    _, device = np.unique(np.array(batch.devices), return_inverse=True)
    names: type_i64 = device[batch.device]
    first = np.lexsort((batch.received_at, batch.seq, names))
    seq, name = batch.seq[first], names[first]
    new = np.append(True, (seq[1:] != seq[:-1]) | (name[1:] != name[:-1]))
    once = first[new]
    places: type_i64 = once[np.lexsort((batch.seq[once], names[once], _when(batch)[once]))]
    return places


def _place(f: Finding, now_ms: int = 0) -> Place:
    return max(f.at, now_ms), "", "", 0


def _on(memory: Memory, row: int) -> frozenset[str]:
    """The ids of what is on of a patient, by their begins."""
    found = _fired(memory, row)
    if memory.joint is not None and memory.settings.joint[row] >= 0:
        found |= _fired(memory.joint, int(memory.settings.joint[row]))
    if memory.apart is not None:
        for own in memory.own.get(row, {}).values():
            found |= _fired(memory.apart, own)
    newcomers = wrong_patient.known(memory, row).items()
    found |= {finding_id(memory.patients[row], wrong_patient.RULE, device, one.asked) for device, one in newcomers if one.asked}
    return frozenset(found)


def _fired(memory: Memory, row: int) -> set[str]:
    timers, cells = memory.timers, np.arange(row * CHANNELS, (row + 1) * CHANNELS)
    on = np.flatnonzero((timers.fired[cells] > 0) & (timers.held[cells] == 0)).tolist()
    since = timers.since[cells].tolist()
    return {finding_id(named(memory, row, c), RULES[c], memory.layout.subject[c], since[c]) for c in on}
