"""Stored readings as batches, for detection over history.

In: an address of TimescaleDB and a span of time. Out: one Batch a day, ordered by time, and the patients' present contexts.
Binary COPY with a fixed width a row, so that numpy reads it without a loop, and times as PostgreSQL has them: reckoning a time in SQL
costs the server more than all else of the row. Nothing is written.
Raises PartAway when the server does not answer.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import psycopg

from vitals.batch import Batch
from vitals.context import PatientContext
from vitals.errors import PartAway
from vitals.registry import V

_READINGS = """COPY (
    SELECT patient_no::int4, device_no::int4, vital::int2, observed_at, seq::int8,
           coalesce(value, 'NaN')::float8, coalesce(quality, 'NaN')::float4, value IS NULL
    FROM telemetry.reading WHERE observed_at >= {begin} AND observed_at < {end}
) TO STDOUT (FORMAT BINARY)"""
_FIELDS = (
    ("patient", ">i4"),
    ("device", ">i4"),
    ("vital", ">i2"),
    ("at", ">i8"),
    ("seq", ">i8"),
    ("value", ">f8"),
    ("quality", ">f4"),
    ("none", "?"),
)
_ROW = np.dtype([("fields", ">i2"), *(pair for name, kind in _FIELDS for pair in ((f"{name}_size", ">i4"), (name, kind)))])
_EPOCH_MS = 946_684_800_000
"""2000-01-01 UTC, from which PostgreSQL counts microseconds."""
_HEADER_BYTES, _END = 19, struct.pack(">h", -1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class History:
    """A span of stored readings."""

    url: str
    begin: datetime
    end: datetime

    def contexts(self) -> list[PatientContext]:
        """The patients as they are now; their own limits are left out: the rules are rehearsed, not the exceptions."""
        with self._connection() as connection:
            rows = connection.execute("SELECT id, version, ward, bed, age_band, spo2_scale, pregnant FROM clinical.patient").fetchall()
        names = ("patient", "version", "ward", "bed", "age_band", "spo2_scale", "pregnant")
        return [msgspec.convert(dict(zip(names, row, strict=True)), PatientContext) for row in rows]

    def rules(self) -> bytes | None:
        """The rule set in force, JSON; None while nobody has changed the shipped one."""
        with self._connection() as connection:
            row = connection.execute("SELECT body::text FROM clinical.rule_set ORDER BY version DESC LIMIT 1").fetchone()
        return None if row is None else str(row[0]).encode()

    def batches(self) -> Iterator[Batch]:
        """One a day, of the days that have readings."""
        with self._connection() as connection:
            names = {int(no): str(name) for no, name in connection.execute("SELECT no, id FROM clinical.patient").fetchall()}
            day = self.begin
            while day < self.end:
                until = min(day + _DAY, self.end)
                rows = _copied(connection, day, until)
                if len(rows):
                    yield _batch(rows, names)
                day = until

    def _connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        try:
            return psycopg.connect(self.url, connect_timeout=5)
        except psycopg.Error as error:
            raise PartAway(f"the database does not answer: {error}") from error


def _copied(connection: psycopg.Connection[tuple[Any, ...]], begin: datetime, end: datetime) -> npt.NDArray[np.void]:
    sql = _READINGS.format(begin=_literal(begin), end=_literal(end))
    with connection.cursor() as cursor, cursor.copy(sql.encode()) as copy:
        data = b"".join(bytes(block) for block in copy)
    body = data[_HEADER_BYTES:].removesuffix(_END)
    return np.frombuffer(body, dtype=_ROW)


def _literal(at: datetime) -> str:
    """COPY takes no parameters; a time of our own making needs no escaping."""
    return f"timestamptz '{at.astimezone(UTC).isoformat()}'"


def _batch(rows: npt.NDArray[np.void], names: dict[int, str]) -> Batch:
    """Readings of one sample (device, seq, time) side by side."""
    # in the machine's own order of bytes all that follows is twice as fast
    at, device_no, seq = (rows[name].astype(np.int64) for name in ("at", "device", "seq"))
    at = (at + 500) // 1000 + _EPOCH_MS
    order = np.lexsort((seq, device_no, at))
    at, device_no, seq = at[order], device_no[order], seq[order]
    new = np.ones(len(rows), dtype=np.bool_)
    new[1:] = (at[1:] != at[:-1]) | (device_no[1:] != device_no[:-1]) | (seq[1:] != seq[:-1])
    cell = (np.cumsum(new) - 1) * V + rows["vital"][order]
    n, none = int(np.count_nonzero(new)), cell[rows["none"][order]]
    values, quality = np.full(n * V, np.nan), np.full(n * V, np.nan, dtype=np.float32)
    values[cell], quality[cell] = rows["value"][order], rows["quality"][order]
    no_value = np.zeros(n, dtype=np.uint32)
    np.bitwise_or.at(no_value, none // V, np.left_shift(np.uint32(1), (none % V).astype(np.uint32)))
    patients, patient = np.unique(rows["patient"][order[new]].astype(np.int64), return_inverse=True)
    devices, device = np.unique(device_no[new], return_inverse=True)
    at = at[new]
    return Batch(
        tuple(names[int(p)] for p in patients),
        patient.astype(np.int32),
        tuple(str(d) for d in devices),
        device.astype(np.int32),
        seq[new],
        at,
        at,
        np.zeros(n, dtype=np.int32),
        values.reshape(n, V),
        quality.reshape(n, V),
        no_value,
    )
