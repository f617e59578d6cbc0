"""Rows to PostgreSQL's binary COPY stream, without a Python step a row.

In: `Rows`. Out: the bytes of one COPY ... (FORMAT BINARY) with `COLUMNS`. Promise: NaN becomes NULL; times keep their millisecond.
A tuple's length depends on which of its two nullable fields are there, so the rows go out in up to four groups of one fixed layout each,
each group a numpy structured array; the order of rows between the groups is not kept.
Format: PostgreSQL 15 manual, COPY, "Binary Format".
"""

from itertools import product

import numpy as np
import numpy.typing as npt

from streams.archive.rows import Rows

COLUMNS = ("patient_no", "vital", "observed_at", "device_no", "seq", "received_at", "clock_ms", "value", "quality")
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_EPOCH_MS = 946_684_800_000
"""2000-01-01 UTC, from which PostgreSQL counts."""
_FORMS = {
    "patient_no": ">i4",
    "vital": ">i2",
    "observed_at": ">i8",
    "device_no": ">i4",
    "seq": ">i8",
    "received_at": ">i8",
    "clock_ms": ">i4",
    "value": ">f8",
    "quality": ">f4",
}


def _template(nulls: frozenset[str]) -> npt.NDArray[np.void]:
    """One tuple with its field count and lengths filled in; a null field has the length -1 and no bytes."""
    layout: list[tuple[str, str]] = [("fields", ">i2")]
    for name in COLUMNS:
        layout.append((f"{name}_length", ">i4"))
        if name not in nulls:
            layout.append((name, _FORMS[name]))
    row = np.zeros(1, dtype=layout)
    row["fields"] = len(COLUMNS)
    for name in COLUMNS:
        row[f"{name}_length"] = -1 if name in nulls else np.dtype(_FORMS[name]).itemsize
    return row


_LAYOUTS = {
    (no_value, no_quality): _template(frozenset(n for n, absent in (("value", no_value), ("quality", no_quality)) if absent))
    for no_value, no_quality in product((False, True), repeat=2)
}


def _microseconds(ms: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return (ms - _EPOCH_MS) * 1000


def encode(rows: Rows) -> bytes:
    """The whole COPY stream, header and trailer included."""
    columns = {name: getattr(rows, name) for name in COLUMNS}
    columns["observed_at"] = _microseconds(rows.observed_at)
    columns["received_at"] = _microseconds(rows.received_at)
    nulls = (np.isnan(rows.value), np.isnan(rows.quality))
    parts = [_HEADER]
    for key, template in _LAYOUTS.items():
        chosen = (nulls[0] == key[0]) & (nulls[1] == key[1])
        if chosen.any():
            parts.append(_group(columns, chosen, template))
    parts.append(_TRAILER)
    return b"".join(parts)


def _group(columns: dict[str, npt.NDArray[np.generic]], chosen: npt.NDArray[np.bool_], template: npt.NDArray[np.void]) -> bytes:
    whole = bool(chosen.all())
    out = np.repeat(template, len(chosen) if whole else int(chosen.sum()))
    names = out.dtype.names or ()
    for name, column in columns.items():
        if name in names:
            out[name] = column if whole else column[chosen]
    return out.tobytes()
