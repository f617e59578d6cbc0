"""`telemetry.waveform`: chunks in, each once."""

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
}
_COLUMNS = ", ".join(_TYPES)
_INSERT = f"""INSERT INTO telemetry.waveform ({_COLUMNS})
SELECT * FROM unnest({", ".join(f"%s::{t}[]" for t in _TYPES.values())})
ON CONFLICT DO NOTHING RETURNING patient_no, channel, observed_at, device_no, seq"""  # noqa: S608 - built of this module's constants

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
    def row(self) -> tuple[object, ...]:
        """In the order of the columns."""
        w = self.waveform
        return (*self.key, _moment(w.received_at), w.rate_hz, w.unit, w.gain, w.offset, w.samples)


def _moment(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)


def store(session: Session, chunks: Sequence[Numbered]) -> list[bool]:
    """Of each chunk, whether it was new; of equal ones the first is."""
    if not chunks:
        return []
    columns = [list(column) for column in zip(*(chunk.row for chunk in chunks), strict=True)]
    left = set(session.rows(_INSERT, columns))
    new = []
    for chunk in chunks:
        new.append(chunk.key in left)
        left.discard(chunk.key)
    return new
