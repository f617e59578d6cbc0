"""The wire form gives back what it was given, and refuses what it did not make."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitals.batch import Batch, decode, encode
from vitals.errors import WireFormatError
from vitals.registry import V

IDS = st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=5, unique=True)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    patients, devices = draw(IDS), draw(IDS)
    n = draw(st.integers(0, 20))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = np.where(rng.random((n, V)) < 0.5, np.nan, rng.normal(80, 30, (n, V)))
    return Batch(
        tuple(patients),
        rng.integers(0, len(patients), n).astype(np.int32),
        tuple(devices),
        rng.integers(0, len(devices), n).astype(np.int32),
        rng.integers(0, 2**62, n),
        rng.integers(0, 2**42, n),
        rng.integers(0, 2**42, n),
        rng.integers(-1000, 1000, n).astype(np.int32),
        values,
        rng.random((n, V)).astype(np.float32),
        rng.integers(0, 2**V, n).astype(np.uint32),
    )


def rows(batch: Batch) -> list[tuple[object, ...]]:
    return [
        (
            batch.patients[batch.patient[i]],
            batch.devices[batch.device[i]],
            batch.seq[i],
            batch.observed_at[i],
            batch.received_at[i],
            batch.clock_ms[i],
            batch.values[i].tobytes(),
            batch.quality[i].tobytes(),
            batch.no_value[i],
        )
        for i in range(len(batch))
    ]


@settings(max_examples=50, deadline=None)
@given(batches())
def test_decoding_gives_back_every_row_in_order(batch: Batch) -> None:
    assert rows(decode(encode(batch))) == rows(batch)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_other_bytes_are_a_named_error(data: bytes) -> None:
    with pytest.raises(WireFormatError):
        decode(data)


@settings(max_examples=100, deadline=None)
@given(batches(), st.data())
def test_a_damaged_batch_is_a_named_error(batch: Batch, data: st.DataObject) -> None:
    whole = bytearray(encode(batch))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(WireFormatError):
        decode(bytes(whole))
