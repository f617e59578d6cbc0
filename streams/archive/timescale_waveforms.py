"""`telemetry.waveform`: chunks in, each once, whatever its device's clock was taken for each time that it came."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from streams.archive.record import Record
from streams.archive.timescale import Session
from vitals.waveform import Waveform

_EPOCH = datetime.fromtimestamp(0, UTC)
_TYPES = {
    "patient_no": "int",
    "channel": "text",
    "observed_at": "timestamptz",
    "device_no": "int",
    "seq": "bigint",
    "received_at": "timestamptz",
    "rate_hz": "float8",
    "unit": "text",
    "gain": "float8",
    "offset_number": "float8",
    "samples": "bytea",
    "clock_ms": "int",
}
_COLUMNS = ", ".join(_TYPES)
_INSERT = f"""INSERT INTO telemetry.waveform ({_COLUMNS})
SELECT * FROM unnest({", ".join(f"%s::{t}[]" for t in _TYPES.values())})
ON CONFLICT DO NOTHING RETURNING patient_no, channel, observed_at, device_no, seq"""  # noqa: S608 - built of this module's constants

_KNOWN = """
WITH asked AS MATERIALIZED (
    SELECT * FROM unnest(%s::int[], %s::text[], %s::timestamptz[], %s::int[], %s::bigint[])
    WITH ORDINALITY AS n (patient_no, channel, raw_at, device_no, seq, place)
    WHERE device_no IN (SELECT d.no FROM clinical.device d JOIN clinical.clock c ON c.device = d.id WHERE c.clock_ms <> 0)
)
SELECT place::int - 1 FROM asked a, LATERAL (
    (SELECT 1 FROM telemetry.waveform t WHERE t.patient_no = a.patient_no AND t.channel = a.channel AND t.observed_at = a.raw_at
        AND t.device_no = a.device_no AND t.seq = a.seq AND t.clock_ms = 0 LIMIT 1)
    UNION ALL (SELECT 1 FROM telemetry.waveform t WHERE t.device_no = a.device_no AND t.channel = a.channel AND t.seq = a.seq
        AND t.clock_ms <> 0 AND t.observed_at - t.clock_ms * interval '1 millisecond' = a.raw_at
        AND t.observed_at BETWEEN a.raw_at - interval '25 days' AND a.raw_at + interval '25 days' LIMIT 1)
    LIMIT 1
) known"""
"""Which are there under whatever correction; asked only of devices whose clock was ever corrected. A lateral: each is looked up in an
index and nothing is read whole. More than 25 days is no `clock_ms`: 32 bits."""

Key = tuple[int, str, datetime, int, int]


@dataclass(frozen=True, slots=True)
class Numbered:
    """A chunk with the small numbers of its patient and device."""

    record: Record
    waveform: Waveform
    patient_no: int
    device_no: int

    @property
    def key(self) -> Key:
        """What makes it one."""
        w = self.waveform
        return self.patient_no, w.channel, _moment(w.observed_at), self.device_no, w.seq

    @property
    def own(self) -> Key:
        """The same by the device's own time, which no correction changes."""
        w = self.waveform
        return self.patient_no, w.channel, _moment(w.observed_at - w.clock_ms), self.device_no, w.seq

    @property
    def row(self) -> tuple[object, ...]:
        """In the order of the columns."""
        w = self.waveform
        return (*self.key, _moment(w.received_at), w.rate_hz, w.unit, w.gain, w.offset, w.samples, w.clock_ms)


def _moment(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)


def store(session: Session, chunks: Sequence[Numbered]) -> list[bool]:
    """Of each chunk, whether it was new; of equal ones, by the device's own time, the first is."""
    if not chunks:
        return []
    known = {place for (place,) in session.rows(_KNOWN, _columns([chunk.own for chunk in chunks]))}
    first = {chunk.own[1:]: n for n, chunk in reversed(list(enumerate(chunks)))}
    fresh = [n for n in sorted(first.values()) if n not in known]
    left = set(session.rows(_INSERT, _columns([chunks[n].row for n in fresh]))) if fresh else set()
    new = {n for n in fresh if chunks[n].key in left}
    return [n in new for n in range(len(chunks))]


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
