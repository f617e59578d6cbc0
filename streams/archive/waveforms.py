"""Stores records of `vitals.waveforms`, each handful in one transaction with its Kafka offsets.

Promise: a chunk is stored once. A chunk that is there already (patient, channel, the device's own time, device, number: whatever its clock
was taken for when it came before) is refused as `duplicate`, but for one that was given again on the way here, which is counted; one of a
device or patient that the database does not know, out of range or unreadable is refused by name, with its bytes.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from streams.archive import timescale_attribution, timescale_notes, timescale_progress, timescale_waveforms
from streams.archive.readings import READER, Tell
from streams.archive.record import Record, Stored, due
from streams.archive.sift import DOOR, SEQ_LIMIT, Noted, in_time, unreadable
from streams.archive.timescale import Session
from vitals.errors import WireFormatError
from vitals.refusal import Reason, Refusal
from vitals.waveform import Waveform, decode

Chunk = tuple[Record, Waveform]


class Waveforms:
    """Belongs to one thread."""

    dense = True

    def __init__(self, session: Session, topic: str, tell: Tell) -> None:
        self._session = session
        self._topic = topic
        self._tell = tell
        self._patients = timescale_progress.Directory("patient")
        self._devices = timescale_progress.Directory("device")

    def forget(self) -> None:
        """Nothing is remembered that could change."""

    def store(self, records: Sequence[Record]) -> Stored:
        """One transaction. Raises PartAway; then nothing is stored."""
        with self._session.transaction() as session:
            found = timescale_progress.stored(session, READER, self._topic, {r.partition for r in records})
            todo = due(records, found, self.dense)
            chunks, refused = unpacked(todo.records)
            good = self._known(chunks, refused)
            new = timescale_waveforms.store(session, good)
            if good:
                moments = np.array([each.waveform.received_at for each in good])
                timescale_attribution.look_again(session, np.array([each.device_no for each in good]), moments)
            there = [chunk for chunk, fresh in zip(chunks_of(good), new, strict=True) if not fresh]
            mistaken = [refusal(chunk, Reason.DUPLICATE, "this chunk is stored already") for chunk in there if not chunk[1].again]
            refused += mistaken
            timescale_notes.refusals(session, refused)
            timescale_progress.advance(session, READER, self._topic, todo.next_offsets)
            if refused:
                self._tell(refused)
        reasons = Counter(str(n.refusal.reason) for n in refused)
        return Stored(sum(new), todo.skipped, reasons, todo.gaps, again=len(there) - len(mistaken))

    def _known(self, chunks: Sequence[Chunk], refused: list[Noted]) -> list[timescale_waveforms.Numbered]:
        """The chunks with their small numbers; the others are added to `refused`."""
        patients = self._patients.numbers(self._session, (w.patient for _, w in chunks))
        devices = self._devices.numbers(self._session, (w.device for _, w in chunks))
        good = []
        for chunk in chunks:
            waveform = chunk[1]
            fault = fault_of(waveform, waveform.patient in patients, waveform.device in devices)
            if fault is None:
                good.append(timescale_waveforms.Numbered(chunk[0], waveform, patients[waveform.patient], devices[waveform.device]))
            else:
                refused.append(refusal(chunk, *fault))
        return good


def chunks_of(good: Sequence[timescale_waveforms.Numbered]) -> list[Chunk]:
    """Back to record and waveform."""
    return [(each.record, each.waveform) for each in good]


def unpacked(records: Sequence[Record]) -> tuple[list[Chunk], list[Noted]]:
    """The chunks; a record that is none becomes a refusal."""
    good: list[Chunk] = []
    bad: list[Noted] = []
    for record in records:
        try:
            good.append((record, decode(record.value)))
        except WireFormatError as error:
            bad.append(Noted(unreadable(record, str(error)), record.traceparent))
    return good, bad


def fault_of(waveform: Waveform, patient_known: bool, device_known: bool) -> tuple[Reason, str] | None:
    """The first check that a chunk fails."""
    checks = (
        (device_known, Reason.UNKNOWN_DEVICE, "the database does not know this device"),
        (patient_known, Reason.UNASSIGNED_DEVICE, "the database does not know the patient that the chunk is for"),
        (abs(waveform.clock_ms) < 2**31, Reason.BAD_TIME, "clock_ms is out of range"),
        (0 <= waveform.seq < SEQ_LIMIT, Reason.MALFORMED, "seq is out of range"),
        ("\0" not in waveform.channel + waveform.unit, Reason.MALFORMED, "channel or unit is not text"),
        (in_time(waveform.observed_at) and in_time(waveform.received_at), Reason.BAD_TIME, "outside the years 1900 to 2200"),
    )
    return next(((reason, detail) for passed, reason, detail in checks if not passed), None)


def refusal(chunk: Chunk, reason: Reason, detail: str) -> Noted:
    """A chunk's refusal; its payload is the record as it came."""
    record, waveform = chunk
    made = Refusal(
        reason=reason,
        detail=detail,
        door=DOOR,
        source=record.topic,
        received_at=waveform.received_at,
        payload=record.value,
        device=waveform.device,
        seq=waveform.seq,
        observed_at=waveform.observed_at,
    )
    return Noted(made, record.traceparent)
