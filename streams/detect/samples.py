"""Batches made of batches: several as one, or some of one. In: batches. Out: a batch; the order is as given, nothing is copied twice."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vitals.batch import Batch

_COLUMNS = ("seq", "observed_at", "received_at", "clock_ms", "values", "quality", "no_value")


def merged(batches: Sequence[Batch]) -> Batch:
    """The samples of all, in order. A patient may be listed more than once among `patients`."""
    if len(batches) == 1:
        return batches[0]
    patients = np.cumsum([0, *(len(b.patients) for b in batches)])
    devices = np.cumsum([0, *(len(b.devices) for b in batches)])
    return Batch(
        tuple(p for b in batches for p in b.patients),
        np.concatenate([b.patient + np.int32(first) for b, first in zip(batches, patients, strict=False)]),
        tuple(d for b in batches for d in b.devices),
        np.concatenate([b.device + np.int32(first) for b, first in zip(batches, devices, strict=False)]),
        *(np.concatenate([getattr(b, name) for b in batches]) for name in _COLUMNS),
    )


def taken(batch: Batch, at: npt.NDArray[np.int64]) -> Batch:
    """Some samples of `batch`."""
    return Batch(batch.patients, batch.patient[at], batch.devices, batch.device[at], *(getattr(batch, n)[at] for n in _COLUMNS))
