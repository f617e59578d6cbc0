"""Samples to rows, rows to COPY, samples to roll-up buckets."""

import struct

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.archive import pgcopy
from streams.archive.rows import Rows, Samples, minutes_of, present, rows_of
from vitals.registry import V

_VALUE = st.one_of(st.none(), st.just(float("nan")), st.floats(-1e6, 1e6))
_SAMPLE = st.tuples(st.integers(1, 3), st.integers(0, 300_000), st.lists(_VALUE, min_size=V, max_size=V))


def samples_of(given_samples: list[tuple[int, int, list[float | None]]]) -> Samples:
    """A value None is absent, NaN is "no value"; seq is the place in the list."""
    n = len(given_samples)
    values = np.array([[np.nan if v is None else v for v in s[2]] for s in given_samples], float).reshape(n, V)
    bits = [sum((v is not None and v != v) << i for i, v in enumerate(s[2])) for s in given_samples]
    quality = np.full((n, V), np.nan, np.float32)
    quality[::2] = 0.5
    return Samples(
        patient_no=np.array([s[0] for s in given_samples], np.int64),
        device_no=np.full(n, 7, np.int64),
        seq=np.arange(n, dtype=np.int64),
        observed_at=np.array([s[1] for s in given_samples], np.int64),
        received_at=np.full(n, 9, np.int64),
        clock_ms=np.full(n, -3, np.int32),
        values=values,
        quality=quality,
        no_value=np.array(bits, np.uint32),
    )


def read_copy(stream: bytes) -> list[tuple[object, ...]]:
    """PostgreSQL's side of the binary COPY format."""
    forms = dict(zip(pgcopy.COLUMNS, (">i", ">h", ">q", ">i", ">q", ">q", ">i", ">d", ">f"), strict=True))
    assert stream.startswith(b"PGCOPY\n\xff\r\n\0" + bytes(8))
    at, found = 19, []
    while (fields := struct.unpack_from(">h", stream, at)[0]) != -1:
        at, row = at + 2, []
        assert fields == len(forms)
        for form in forms.values():
            (length,) = struct.unpack_from(">i", stream, at)
            at += 4
            row.append(None if length < 0 else struct.unpack_from(form, stream, at)[0])
            at += max(length, 0)
        found.append(tuple(row))
    assert at + 2 == len(stream)
    return found


@settings(max_examples=40)
@given(st.lists(_SAMPLE, min_size=1, max_size=12))
def test_every_number_and_every_no_value_becomes_one_row_that_postgresql_can_read(given_samples: list[tuple[int, int, list]]) -> None:
    samples = samples_of(given_samples)
    found = read_copy(pgcopy.encode(rows_of(samples, present(samples))))
    micro = -946_684_800_000_000
    expected = [
        (patient, vital, at * 1000 + micro, 7, seq, 9000 + micro, -3, None if value != value else value, None if seq % 2 else 0.5)
        for seq, (patient, at, values) in enumerate(given_samples)
        for vital, value in enumerate(values)
        if value is not None
    ]
    assert sorted(found, key=str) == sorted(expected, key=str)


@settings(max_examples=40)
@given(st.lists(_SAMPLE, min_size=1, max_size=12))
def test_rows_come_in_the_order_of_the_index(given_samples: list[tuple[int, int, list]]) -> None:
    samples = samples_of(given_samples)
    rows = rows_of(samples, present(samples))
    keys = list(zip(rows.patient_no.tolist(), rows.vital.tolist(), rows.observed_at.tolist(), strict=True))
    assert keys == sorted(keys)


@settings(max_examples=40)
@given(st.lists(_SAMPLE, min_size=1, max_size=12))
def test_the_buckets_touched_are_those_of_the_rows(given_samples: list[tuple[int, int, list]]) -> None:
    samples = samples_of(given_samples)
    rows: Rows = rows_of(samples, present(samples))
    found = minutes_of(samples, present(samples))
    unfolded = {
        (patient, minute, vital)
        for patient, minute, mask in zip(found.patients.tolist(), found.buckets.tolist(), found.vitals.tolist(), strict=True)
        for vital in range(V)
        if mask >> vital & 1
    }
    assert unfolded == set(zip(rows.patient_no.tolist(), (rows.observed_at // 60_000).tolist(), rows.vital.tolist(), strict=True))
