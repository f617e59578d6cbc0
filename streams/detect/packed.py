"""Samples as few bytes: the columns of a batch, without what is not there, compressed. In: a batch. Out: bytes, and some samples back.

A sample has values for few of the vitals: what is not NaN, and which that is, is a third of the columns, and half the work to compress.
Whose the samples are is not in it: who keeps them knows.
"""

from typing import Any

import cramjam
import msgspec
import numpy as np
import numpy.typing as npt

from vitals.batch import Batch
from vitals.registry import V

type_i64 = npt.NDArray[np.int64]
_Sparse = tuple[bytes, bytes]
"""Which are there, as bits; those."""


class _Columns(msgspec.Struct, array_like=True, gc=False):
    devices: list[str]
    device: bytes
    seq: bytes
    observed_at: bytes
    received_at: bytes
    clock_ms: bytes
    values: _Sparse
    quality: _Sparse
    no_value: bytes


_WRITTEN, _READ = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(_Columns)


def packed(batch: Batch) -> bytes:
    """The samples but for their patients."""
    columns = _Columns(
        list(batch.devices),
        batch.device.tobytes(),
        batch.seq.tobytes(),
        batch.observed_at.tobytes(),
        batch.received_at.tobytes(),
        batch.clock_ms.tobytes(),
        _sparse(batch.values),
        _sparse(batch.quality),
        batch.no_value.tobytes(),
    )
    return bytes(cramjam.lz4.compress_block(_WRITTEN.encode(columns)))


def unpacked(data: bytes, at: type_i64, patients: tuple[str, ...], patient: npt.NDArray[np.int32]) -> Batch:
    """The samples at the places `at` (n,), which are of these patients; patient: (n,), index into them."""
    columns = _READ.decode(bytes(cramjam.lz4.decompress_block(data)))
    n = len(columns.seq) // 8
    return Batch(
        patients,
        patient,
        tuple(columns.devices),
        np.frombuffer(columns.device, dtype=np.int32)[at],
        np.frombuffer(columns.seq, dtype=np.int64)[at],
        np.frombuffer(columns.observed_at, dtype=np.int64)[at],
        np.frombuffer(columns.received_at, dtype=np.int64)[at],
        np.frombuffer(columns.clock_ms, dtype=np.int32)[at],
        _dense(columns.values, n, np.dtype(np.float64))[at],
        _dense(columns.quality, n, np.dtype(np.float32))[at],
        np.frombuffer(columns.no_value, dtype=np.uint32)[at],
    )


def _sparse(x: npt.NDArray[np.floating]) -> _Sparse:
    there = x == x
    return np.packbits(there).tobytes(), x[there].tobytes()


def _dense(sparse: _Sparse, n: int, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    there = np.unpackbits(np.frombuffer(sparse[0], dtype=np.uint8), count=n * V).astype(np.bool_).reshape(n, V)
    x = np.full((n, V), np.nan, dtype=kind)
    x[there] = np.frombuffer(sparse[1], dtype=kind)
    return x
