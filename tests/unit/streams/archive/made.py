"""Batches for the archive's tests."""

from collections.abc import Sequence

import numpy as np

from streams.archive.record import Record
from vitals.batch import SCHEMA_ID, Batch, encode
from vitals.registry import V

Sample = tuple[str, str, int, int, dict[int, float]]
"""patient, device, seq, observed_at in ms, vital -> value (NaN = the device says that there is none)."""


def batch(samples: Sequence[Sample], received_at: int = 1_000) -> Batch:
    """The samples in this order."""
    patients = sorted({s[0] for s in samples})
    devices = sorted({s[1] for s in samples})
    values = np.full((len(samples), V), np.nan)
    no_value = np.zeros(len(samples), np.uint32)
    for row, sample in enumerate(samples):
        for vital, value in sample[4].items():
            values[row, vital] = value
            no_value[row] |= np.uint32((value != value) << vital)
    return Batch(
        patients=tuple(patients),
        patient=np.array([patients.index(s[0]) for s in samples], np.int32),
        devices=tuple(devices),
        device=np.array([devices.index(s[1]) for s in samples], np.int32),
        seq=np.array([s[2] for s in samples], np.int64),
        observed_at=np.array([s[3] for s in samples], np.int64),
        received_at=np.full(len(samples), received_at, np.int64),
        clock_ms=np.zeros(len(samples), np.int32),
        values=values,
        quality=np.full((len(samples), V), np.nan, np.float32),
        no_value=no_value,
    )


def record(samples: Sequence[Sample], offset: int = 0, partition: int = 0, topic: str = "vitals.readings") -> Record:
    """A Kafka record of the samples."""
    return Record(topic, partition, offset, encode(batch(samples)), SCHEMA_ID, timestamp=1_000)
