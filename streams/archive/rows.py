"""From samples to the rows of `telemetry.reading`: one row for each vital that a sample has, or says that it has no value for.

In: decoded batches with the small numbers of their patients and devices. Out: columns, ready for COPY; and the roll-up buckets they touch.
Promise: a row for each number and each "no value" bit, none else; rows come sorted by patient, vital and time, as the index wants them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from vitals.registry import V

Ints = npt.NDArray[np.int64]
_BITS = np.left_shift(1, np.arange(V)).astype(np.int64)
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """n samples by column; times in ms since 1970 UTC; values, quality: (n, V), NaN = absent; no_value: (n,) bit mask."""

    patient_no: Ints
    device_no: Ints
    seq: Ints
    observed_at: Ints
    received_at: Ints
    clock_ms: npt.NDArray[np.int32]
    values: npt.NDArray[np.float64]
    quality: npt.NDArray[np.float32]
    no_value: npt.NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.seq)

    def take(self, chosen: npt.NDArray[np.bool_]) -> "Samples":
        """The samples where `chosen`, in order."""
        if chosen.all():
            return self
        return Samples(*(getattr(self, f.name)[chosen] for f in fields(self)))


def joined(parts: Sequence[Samples]) -> Samples:
    """One after the other; at least one."""
    if len(parts) == 1:
        return parts[0]
    return Samples(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Samples)))


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """m rows by column; value NaN = the device said that there is none; quality NaN = not given."""

    patient_no: Ints
    vital: Ints
    observed_at: Ints
    device_no: Ints
    seq: Ints
    value: npt.NDArray[np.float64]
    quality: npt.NDArray[np.float32]
    received_at: Ints
    clock_ms: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.seq)


def present(samples: Samples) -> npt.NDArray[np.bool_]:
    """(n, V) True where the sample says something of the vital: a number, or that there is none."""
    told: npt.NDArray[np.bool_] = ~np.isnan(samples.values)
    if samples.no_value.any():
        told |= (samples.no_value[:, None].astype(np.int64) & _BITS) != 0
    return told


def rows_of(samples: Samples, told: npt.NDArray[np.bool_]) -> Rows:
    """The rows of `samples`, of which `told` = `present(samples)`; a "no value" bit wins over a number."""
    order = np.lexsort((samples.observed_at, samples.patient_no))
    vital, place = np.nonzero(told[order].T)
    sample = order[place]
    patient = samples.patient_no[sample]
    by_patient = np.argsort(patient, kind="stable")
    sample, vital, patient = sample[by_patient], vital[by_patient], patient[by_patient]
    value = samples.values[sample, vital]
    if samples.no_value.any():
        value[(samples.no_value[sample].astype(np.int64) & _BITS[vital]) != 0] = np.nan
    return Rows(
        patient_no=patient,
        vital=vital,
        observed_at=samples.observed_at[sample],
        device_no=samples.device_no[sample],
        seq=samples.seq[sample],
        value=value,
        quality=samples.quality[sample, vital],
        received_at=samples.received_at[sample],
        clock_ms=samples.clock_ms[sample],
    )


@dataclass(frozen=True, slots=True, eq=False)
class Touched:
    """Roll-up buckets by column, (k,) each, every (patient, bucket) once; bucket: minutes (or hours) since 1970; vitals: bit mask."""

    patients: Ints
    buckets: Ints
    vitals: Ints


def touched(patient: Ints, bucket: Ints, vitals: Ints) -> Touched:
    """The distinct (patient, bucket) with the union of their vitals."""
    order = np.lexsort((bucket, patient))
    p, b, v = patient[order], bucket[order], vitals[order]
    if not len(p):
        return Touched(p, b, v)
    starts = np.flatnonzero(np.concatenate(([True], (p[1:] != p[:-1]) | (b[1:] != b[:-1]))))
    return Touched(p[starts], b[starts], np.bitwise_or.reduceat(v, starts))


def minutes_of(samples: Samples, told: npt.NDArray[np.bool_]) -> Touched:
    """The one-minute buckets that `samples` change."""
    return touched(samples.patient_no, samples.observed_at // MINUTE_MS, told @ _BITS)
