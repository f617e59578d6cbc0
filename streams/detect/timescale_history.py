"""Stored readings as batches, for detection over history.

In: an address of TimescaleDB and a span of time. Out: one Batch a day, ordered by time, and the patients' present contexts.
Binary COPY of arrays, one row a patient's vital and day, so that neither side makes a message of each reading and numpy takes them as they
are; times as PostgreSQL has them, since reckoning one in SQL costs more than all else of a reading. Nothing is written.
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
    SELECT patient_no::int4, device_no::int4, vital::int2, array_agg(observed_at), array_agg(seq::int8),
           array_agg(coalesce(value, 'NaN')::float8), array_agg(coalesce(quality, 'NaN')::float4), array_agg(value IS NULL)
    FROM telemetry.reading WHERE observed_at >= {begin} AND observed_at < {end} GROUP BY 1, 2, 3
) TO STDOUT (FORMAT BINARY)"""
_WHOSE = struct.Struct(">hiiiiih")
"""The number of fields, then patient, device and vital, each behind its size."""
_COLUMNS = {"at": ">i8", "seq": ">i8", "value": ">f8", "quality": ">f4", "none": "?"}
_ARRAY = struct.Struct(">iiiIii")
"""Size, dimensions, whether any is NULL (none is), the elements' type, how many, the first one's number; then each behind its size."""
_EPOCH_MS = 946_684_800_000
"""2000-01-01 UTC, from which PostgreSQL counts microseconds."""
_HEADER_BYTES, _END = 19, struct.pack(">h", -1)

Columns = dict[str, npt.NDArray[Any]]
"""Of m readings: patient, device, vital and those of `_COLUMNS`."""
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
                if rows is not None:
                    yield _batch(rows, names)
                day = until

    def _connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        try:
            return psycopg.connect(self.url, connect_timeout=5)
        except psycopg.Error as error:
            raise PartAway(f"the database does not answer: {error}") from error


def _copied(connection: psycopg.Connection[tuple[Any, ...]], begin: datetime, end: datetime) -> Columns | None:
    """The readings of a span; None where there are none."""
    sql = _READINGS.format(begin=_literal(begin), end=_literal(end))
    with connection.cursor() as cursor, cursor.copy(sql.encode()) as copy:
        data = b"".join(bytes(block) for block in copy)
    rows, at = [], _HEADER_BYTES
    while data[at : at + len(_END)] != _END:
        row, at = _row(data, at)
        rows.append(row)
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]} if rows else None


def _row(data: bytes, at: int) -> tuple[Columns, int]:
    """One patient's vital by one device, and where the next begins."""
    _, _, patient, _, device, _, vital = _WHOSE.unpack_from(data, at)
    found, at = Columns(), at + _WHOSE.size
    for name, kind in _COLUMNS.items():
        size, _, _, _, count, _ = _ARRAY.unpack_from(data, at)
        cells = np.dtype([("size", ">i4"), ("x", kind)])
        column = np.frombuffer(data, dtype=cells, count=count, offset=at + _ARRAY.size)["x"]
        found[name], at = column.astype(column.dtype.newbyteorder("=")), at + 4 + size
    whose = {"patient": patient, "device": device, "vital": vital}
    return {name: np.full(len(found["at"]), no, dtype=np.int64) for name, no in whose.items()} | found, at


def _literal(at: datetime) -> str:
    """COPY takes no parameters; a time of our own making needs no escaping."""
    return f"timestamptz '{at.astimezone(UTC).isoformat()}'"


def _batch(rows: Columns, names: dict[int, str]) -> Batch:
    """Readings of one sample (device, seq, time) side by side."""
    at, device_no, seq = (rows["at"] + 500) // 1000 + _EPOCH_MS, rows["device"], rows["seq"]
    order = np.lexsort((seq, device_no, at))
    at, device_no, seq = at[order], device_no[order], seq[order]
    new = np.ones(len(at), dtype=np.bool_)
    new[1:] = (at[1:] != at[:-1]) | (device_no[1:] != device_no[:-1]) | (seq[1:] != seq[:-1])
    cell = (np.cumsum(new) - 1) * V + rows["vital"][order]
    n, none = int(np.count_nonzero(new)), cell[rows["none"][order]]
    values, quality = np.full(n * V, np.nan), np.full(n * V, np.nan, dtype=np.float32)
    values[cell], quality[cell] = rows["value"][order], rows["quality"][order]
    no_value = np.zeros(n, dtype=np.uint32)
    np.bitwise_or.at(no_value, none // V, np.left_shift(np.uint32(1), (none % V).astype(np.uint32)))
    patients, patient = np.unique(rows["patient"][order[new]], return_inverse=True)
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
