"""What of a handful of records can be stored, and why the rest cannot. Pure.

In: records of `vitals.readings`, the small numbers of patients and devices, the ledger. Out: the samples to store, with their runs;
refusals for the others: `malformed` (not a batch, or numbers that no device can have), `unknown_device`, `unassigned_device` (a patient
that the database does not know), `bad_time` (outside 1900 to 2200), `duplicate`.
Promise: each sample of each batch is in exactly one of the two, but for what was stored before and given again on the way here (a gateway
that was killed cannot know what it had taken): that is counted. Of samples with one identity the first to come is stored.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from streams.archive.ledger import Ledger, Runs, runs_of
from streams.archive.record import Record
from streams.archive.rows import Samples, joined
from vitals.batch import SCHEMA_ID, Batch, decode
from vitals.errors import WireFormatError
from vitals.refusal import Reason, Refusal
from vitals.registry import VITALS

DOOR = "archive"
_FIRST_MS, _LAST_MS = -2_208_988_800_000, 7_258_118_400_000
SEQ_LIMIT = 2**62
Mask = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
_NOWHERE: Ints = np.empty((2, 0), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Noted:
    """A refusal with the trace of the record that it came from."""

    refusal: Refusal
    traceparent: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Unpacked:
    """A record and the batch in it."""

    record: Record
    batch: Batch


@dataclass(frozen=True, slots=True, eq=False)
class Sifted:
    """`samples` to store (None when there are none), `runs` by partition, and the refusals of the others.

    origins: (2, k) int64, of each sample the place in `unpacked` and the row in that batch. again: those stored before and given again.
    """

    samples: Samples | None
    origins: Ints
    runs: Mapping[int, Runs]
    refused: Sequence[Noted]
    again: int = 0


def unpack(records: Iterable[Record]) -> tuple[list[Unpacked], list[Noted]]:
    """The batches; a record that is none becomes a refusal."""
    good: list[Unpacked] = []
    bad: list[Noted] = []
    for record in records:
        try:
            if record.schema not in (SCHEMA_ID, b""):
                raise WireFormatError(f"unknown schema {record.schema[:64]!r}")
            good.append(Unpacked(record, decode(record.value)))
        except WireFormatError as error:
            bad.append(Noted(unreadable(record, str(error)), record.traceparent))
    return good, bad


def unreadable(record: Record, detail: str) -> Refusal:
    """The refusal of a whole record."""
    return Refusal(
        reason=Reason.MALFORMED, detail=detail, door=DOOR, source=record.topic, received_at=record.timestamp, payload=record.value
    )


def sift(unpacked: Sequence[Unpacked], patients: Mapping[str, int], devices: Mapping[str, int], ledger: Ledger) -> Sifted:
    """Sorts all samples. The ledger must know every device in `devices`; it is not changed."""
    refused: list[Noted] = []
    parts: list[Samples] = []
    origins: list[Ints] = []
    for place, each in enumerate(unpacked):
        samples = _numbered(each.batch, patients, devices)
        good = _usable(each, samples, refused)
        parts.append(samples.take(good))
        origins.append(np.stack((np.full(int(good.sum()), place), np.flatnonzero(good))))
    if not parts:
        return Sifted(None, _NOWHERE, {}, refused)
    everything, origin = joined(parts), np.concatenate(origins, axis=1)
    fresh = ledger.fresh(everything.device_no, everything.seq)
    repeated, again = duplicates(unpacked, origin[:, ~fresh])
    samples, kept = everything.take(fresh), origin[:, fresh]
    partitions = np.array([each.record.partition for each in unpacked], dtype=np.int64)[kept[0]]
    return Sifted(samples if len(samples) else None, kept, _runs(samples, partitions), refused + repeated, again)


def duplicates(unpacked: Sequence[Unpacked], origins: Ints) -> tuple[list[Noted], int]:
    """Of the samples at `origins`, (2, k), that are stored already: the refusals, and how many were given again and are none."""
    told = [(unpacked[place], row) for place, row in origins.T.tolist() if not unpacked[place].record.again]
    detail = "a sample with this number is stored already"
    return [_refused(each, row, Reason.DUPLICATE, detail) for each, row in told], origins.shape[1] - len(told)


def _numbered(batch: Batch, patients: Mapping[str, int], devices: Mapping[str, int]) -> Samples:
    patient_nos = np.array([patients.get(p, 0) for p in batch.patients], dtype=np.int64)
    device_nos = np.array([devices.get(d, 0) for d in batch.devices], dtype=np.int64)
    return Samples(
        patient_no=patient_nos[batch.patient],
        device_no=device_nos[batch.device],
        seq=batch.seq,
        observed_at=batch.observed_at,
        received_at=batch.received_at,
        clock_ms=batch.clock_ms,
        values=batch.values,
        quality=batch.quality,
        no_value=batch.no_value,
    )


def _usable(each: Unpacked, samples: Samples, refused: list[Noted]) -> Mask:
    """(n,) True where a sample can be stored; each other one is added to `refused` with the first check that it fails."""
    checks = (
        (samples.device_no > 0, Reason.UNKNOWN_DEVICE, "the database does not know this device"),
        (samples.patient_no > 0, Reason.UNASSIGNED_DEVICE, "the database does not know the patient that the sample is for"),
        ((samples.seq >= 0) & (samples.seq < SEQ_LIMIT), Reason.MALFORMED, "seq is out of range"),
        (in_time(samples.observed_at) & in_time(samples.received_at), Reason.BAD_TIME, "outside the years 1900 to 2200"),
    )
    good = np.ones(len(samples), dtype=bool)
    for passed, reason, detail in checks:
        refused.extend(_refused(each, row, reason, detail) for row in np.flatnonzero(good & ~passed).tolist())
        good &= passed
    return good


Times = TypeVar("Times", int, Ints)


def in_time(ms: Times) -> Any:
    """Whether a time (or each of an array) lies in the years 1900 to 2200."""
    return (ms >= _FIRST_MS) & (ms < _LAST_MS)


def _runs(samples: Samples, partitions: npt.NDArray[np.int64]) -> dict[int, Runs]:
    found = {}
    for partition in np.unique(partitions).tolist():
        mine = partitions == partition
        found[partition] = runs_of(samples.device_no[mine], samples.seq[mine])
    return found


def _refused(each: Unpacked, row: int, reason: Reason, detail: str) -> Noted:
    batch = each.batch
    return Noted(
        Refusal(
            reason=reason,
            detail=detail,
            door=DOOR,
            source=each.record.topic,
            received_at=int(batch.received_at[row]),
            payload=payload(batch, row),
            device=batch.devices[batch.device[row]],
            seq=int(batch.seq[row]),
            observed_at=int(batch.observed_at[row]),
        ),
        each.record.traceparent,
    )


def payload(batch: Batch, row: int) -> bytes:
    """The sample as JSON in the form of CONTRACT.md section 2: canonical units, vitals in the registry's order, times in ms."""
    numbers: dict[str, Any] = {}
    for vital in VITALS:
        value = float(batch.values[row, vital.index])
        if int(batch.no_value[row]) >> vital.index & 1:
            numbers[vital.name] = None
        elif value == value:
            numbers[vital.name] = value
    sample: dict[str, Any] = {"seq": int(batch.seq[row]), "observed_at": int(batch.observed_at[row]), "vitals": numbers}
    quality = {v.name: round(float(q), 6) for v in VITALS if (q := batch.quality[row, v.index]) == q}
    if quality:
        sample["quality"] = quality
    return msgspec.json.encode(sample)
