"""The wards as they are now: a fold of the topics into one picture, and what of it changed.

In: decoded records with the kind, partition and offset that they had. Out: `Change`s (one a patient) and alerts in order. Promise: the
highest version of a context or an alert wins, the newest observation of a value, whatever order they come in; every alert record is
kept in `alerts` (bounded, newest last) so that a reader that was away is told each. Dropped: what concerns patients that are not known
yet is kept by row and shown when their context comes; closed alerts leave the picture, not the log; a score of whom NEWS2 does not
apply to.
"""

from collections import deque
from dataclasses import dataclass, field, replace

import numpy as np

from dashboard_api.live.cursor import KINDS
from dashboard_api.live.table import NONE, STALE, VitalTable
from vitals import news2
from vitals.alert import Alert
from vitals.batch import Batch
from vitals.context import PatientContext
from vitals.link import Link
from vitals.registry import V
from vitals.score import ScoreUpdate

READINGS, SCORES, ALERTS, LINKS, PATIENTS = range(len(KINDS))
ALERT_LOG = 20_000
CLOCK_SLACK_MS = 5_000
"""How far the clocks of two instances may differ without a resumed reader missing that a value went stale."""


@dataclass(slots=True, eq=False)
class Patient:
    """One patient's parts besides the vitals; `changed` holds the offset of each part's last change (-1: from the database)."""

    id: str
    row: int
    context: PatientContext | None = None
    score: ScoreUpdate | None = None
    links: dict[str, Link] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    changed: list[int] = field(default_factory=lambda: [-1] * len(KINDS))
    dirty: set[int] = field(default_factory=set)
    left: dict[str, int] = field(default_factory=dict)
    placed: tuple[int, str | None] = (0, None)
    """Version and ward of the topic's newest record, which comes after the database may have told of it."""

    @property
    def ward(self) -> str | None:
        """The ward that shows this patient; None when discharged or not known yet."""
        return self.context.ward if self.context and self.context.active else None

    @property
    def scored(self) -> bool:
        """Whether NEWS2 applies, as far as is known."""
        return self.context is None or news2.applies(self.context.age_band, self.context.pregnant)


@dataclass(frozen=True, slots=True, eq=False)
class Logged:
    """One alert record as it came, with its place on the topic."""

    alert: Alert
    partition: int
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What of one patient changed: `cells` (V,) bool, `parts` of KINDS; `left`: the ward that no longer shows this patient."""

    patient: Patient
    cells: np.ndarray
    parts: frozenset[int]
    left: tuple[str, ...] = ()


class Picture:
    """All patients; `partitions` is how many each topic has. `base` and `next` are offsets by kind and partition."""

    def __init__(self, partitions: int) -> None:
        self.table = VitalTable()
        self.patients: dict[str, Patient] = {}
        self.rows: list[Patient] = []
        self.base = [[0] * partitions for _ in KINDS]
        self.next = [[0] * partitions for _ in KINDS]
        self.alerts: deque[Logged] = deque(maxlen=ALERT_LOG)
        self.new_alerts: list[Logged] = []
        self.layout = 0
        self._device: dict[str, str] = {}
        self._versions: dict[str, int] = {}
        self._moved: dict[str, set[str]] = {}

    def patient(self, id: str) -> Patient:
        """The patient `id`, with a row of their own from the first mention on."""
        known = self.patients.get(id)
        if known is None:
            known = self.patients[id] = Patient(id, len(self.rows))
            self.rows.append(known)
            self.table.reserve(len(self.rows))
        return known

    def advance(self, kind: int, partition: int, offset: int) -> None:
        """Everything of `kind` and `partition` up to and with `offset` has been taken in."""
        self.next[kind][partition] = max(self.next[kind][partition], offset + 1)

    def readings(self, batch: Batch, offset: int, now: int) -> int:
        """Takes in one record of `readings`; `now` in ms decides what of it is stale already. Returns how many cells changed."""
        of = np.array([self.patient(p).row for p in batch.patients], np.int64)
        return self.table.fold(of[batch.patient], batch, offset, now)

    def score(self, update: ScoreUpdate, offset: int) -> None:
        """The newest score by observed time, of whom NEWS2 applies to."""
        patient = self.patient(update.patient)
        if not patient.scored:
            return
        if patient.score is None or update.at >= patient.score.at:
            patient.score = update
            self._touch(patient, SCORES, offset)

    def alert(self, alert: Alert, partition: int, offset: int) -> None:
        """One change of one alert: the picture takes the highest version, the log takes every record."""
        patient = self.patient(alert.patient)
        if offset >= 0:
            self._log(Logged(alert, partition, offset))
        if self._versions.get(alert.id, -1) > alert.version:
            return
        self._versions[alert.id] = alert.version
        if len(self._versions) > 5 * ALERT_LOG:
            self._versions = dict(list(self._versions.items())[-ALERT_LOG:])
        if alert.state == "closed":
            patient.alerts.pop(alert.id, None)
        else:
            patient.alerts[alert.id] = alert
        self._touch(patient, ALERTS, offset)

    def _log(self, logged: Logged) -> None:
        if len(self.alerts) == ALERT_LOG:
            oldest = self.alerts[0]
            self.base[ALERTS][oldest.partition] = max(self.base[ALERTS][oldest.partition], oldest.offset + 1)
        self.alerts.append(logged)
        self.new_alerts.append(logged)

    def link(self, link: Link, offset: int) -> None:
        """A device's connection; it leaves the patient that it was on before."""
        before = self.patients.get(self._device.get(link.device, ""))
        link = link.after(before.links.get(link.device) if before is not None else None)
        if before is not None and before.id != link.patient and before.links.pop(link.device, None) is not None:
            self._touch(before, LINKS, offset)
        if link.patient is None:
            return
        self._device[link.device] = link.patient
        patient = self.patient(link.patient)
        known = patient.links.get(link.device)
        if known is None or link.at >= known.at:
            patient.links[link.device] = link
            self._touch(patient, LINKS, offset)

    def context(self, context: PatientContext, offset: int, partition: int = 0) -> None:
        """Ward, bed, limits; the highest version is kept. offset -1: from the database, before the topic's records."""
        patient = self.patient(context.patient)
        if offset >= 0 and context.version > patient.placed[0]:
            self._place(patient, context, offset, partition)
        if patient.context is not None and patient.context.version >= context.version:
            return
        before, patient.context = patient.ward, context
        patient.score = patient.score if patient.scored else None
        if before is not None and before != patient.ward:
            self._moved.setdefault(patient.id, set()).add(before)
        if before != patient.ward:
            self.layout += 1
        self._touch(patient, PATIENTS, offset)

    def _place(self, patient: Patient, context: PatientContext, offset: int, partition: int) -> None:
        """When the topic moved the patient: those who were away are told by it, though the database may have told the picture before."""
        (known, before), ward = patient.placed, context.ward if context.active else None
        patient.placed = (context.version, ward)
        patient.changed[PATIENTS] = max(patient.changed[PATIENTS], offset)
        if not known and context.version > 1:  # where the patient was is not on the topic any more: who was away then begins anew
            self.base[PATIENTS][partition] = max(self.base[PATIENTS][partition], offset + 1)
        if before is not None and before != ward:
            patient.left[before] = offset
            self._moved.setdefault(patient.id, set()).add(before)
            patient.dirty.add(PATIENTS)
        patient.left.pop(ward or "", 0)

    def take(self) -> tuple[list[Change], list[Logged]]:
        """What changed since the last call: patients, then alerts in the order of their topic."""
        cells = self.table.take()
        rows = set(np.flatnonzero(cells[: len(self.rows)].any(axis=1)).tolist())
        rows |= {p.row for p in self.rows if p.dirty}
        moved, self._moved = self._moved, {}
        changes = [self._change(self.rows[row], cells[row], tuple(moved.get(self.rows[row].id, ()))) for row in sorted(rows)]
        alerts, self.new_alerts = self.new_alerts, []
        return changes, alerts

    def since(self, rows: set[int], offsets: tuple[tuple[int, ...], ...], at: int, partition_of: dict[int, int]) -> list[Change]:
        """What of `rows` changed at or after `offsets`, or went stale since `at` (ms)."""
        found = []
        for row in rows:
            patient, p = self.rows[row], partition_of[row]
            table = self.table
            aged = (table.state[row] == STALE) & (table.stale_at[row] >= at - CLOCK_SLACK_MS)
            cells = (table.state[row] != NONE) & ((table.offset[row] >= offsets[READINGS][p]) | aged)
            parts = frozenset(k for k in range(SCORES, len(KINDS)) if k != LINKS and patient.changed[k] >= offsets[k][p])
            if patient.changed[LINKS] >= min(offsets[LINKS]):
                parts |= {LINKS}
            if PATIENTS in parts:
                found.append(self.whole(patient))
            elif cells.any() or parts:
                found.append(Change(patient, cells, parts))
        return found

    def whole(self, patient: Patient) -> Change:
        """All of one patient, for a snapshot."""
        return Change(patient, np.ones(V, np.bool_), frozenset(range(len(KINDS))))

    def _change(self, patient: Patient, cells: np.ndarray, left: tuple[str, ...]) -> Change:
        parts, patient.dirty = frozenset(patient.dirty), set()
        if PATIENTS in parts:
            return replace(self.whole(patient), left=left)
        return Change(patient, cells, parts, left)

    def _touch(self, patient: Patient, part: int, offset: int) -> None:
        patient.changed[part] = max(patient.changed[part], offset)
        patient.dirty.add(part)
