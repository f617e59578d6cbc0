"""The waveform worker's desk: records of one worker's partitions to findings, and to the marks that survive a restart.

In: records of `vitals.waveforms`, patients' wards. Out: findings, and the patient's marks when they changed. Promise: a record that
cannot be read or judged is told as a refusal with its bytes and stops nothing. Bounded: a watch a patient, dropped an hour after the
last record of a patient who has nothing on, by our own clock: a worker that catches up on hours forgets no heart on the way. The one
broad `except` of this worker is here.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from streams.detect.waveform import marks
from streams.detect.waveform.hearing import Hearing
from vitals.context import PatientContext
from vitals.errors import WireFormatError
from vitals.finding import Finding
from vitals.refusal import Reason, Refusal
from vitals.waveform import decode

log = logging.getLogger("vigil.waveform")
IDLE_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one record gave; `kept`: the patient's marks when they changed, else None."""

    patient: str = ""
    findings: tuple[Finding, ...] = ()
    refusal: Refusal | None = None
    kept: bytes | None = None

    @property
    def told(self) -> bool:
        """Whether there is anything to make durable."""
        return bool(self.findings) or self.refusal is not None or self.kept is not None


@dataclass(slots=True)
class Ward:
    """Watches by partition and patient, when each was last taken up (ms), and where each patient lies."""

    places: dict[str, PatientContext] = field(default_factory=dict)
    watches: dict[int, dict[str, Hearing]] = field(default_factory=dict)
    taken: dict[tuple[int, str], int] = field(default_factory=dict)

    def place(self, context: PatientContext) -> None:
        """A patient's context, the newest version wins."""
        known = self.places.get(context.patient)
        if known is None or known.version <= context.version:
            self.places[context.patient] = context

    def revoked(self) -> None:
        """Partitions may go elsewhere: what is on is in the marks."""
        self.watches.clear()
        self.taken.clear()

    def open(self, partition: int, marked: Mapping[str, bytes]) -> None:
        """A partition that came to this worker, with its patients' marks."""
        self.watches[partition] = {patient: marks.decode(patient, data) for patient, data in marked.items()}

    def take(self, partition: int, value: bytes, source: str, now: int) -> Outcome:
        """One record of an opened partition."""
        try:
            return self._judged(partition, value, now)
        except WireFormatError as error:
            detail = str(error)
        except Exception as error:  # the one guard: whatever breaks on a record must not stop a patient's alarms
            log.exception("event=not_judged")
            detail = f"{type(error).__name__} while judging"
        return Outcome(
            refusal=Refusal(reason=Reason.MALFORMED, detail=detail, door="waveform", source=source, received_at=now, payload=value)
        )

    def idle(self, now: int) -> None:
        """Drops the watches of patients of whom nothing came for long and who have nothing on."""
        for number, known in self.watches.items():
            for patient in [p for p, w in known.items() if not marks.marks(p, w) and now - self.taken.get((number, p), 0) > IDLE_MS]:
                del known[patient]
                self.taken.pop((number, patient), None)

    def _judged(self, partition: int, value: bytes, now: int) -> Outcome:
        chunk = decode(value)
        context = self.places.get(chunk.patient)
        if context is not None and not context.active:
            return Outcome()
        known = self.watches[partition]
        hearing = known.setdefault(chunk.patient, Hearing())
        before = marks.marks(chunk.patient, hearing)
        found = hearing.take(chunk, context.ward if context else "", now)
        self.taken[partition, chunk.patient] = now
        kept = marks.marks(chunk.patient, hearing)
        return Outcome(chunk.patient, tuple(found), None, marks.encode(kept) if kept.keys() != before.keys() or found else None)
