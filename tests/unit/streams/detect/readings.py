"""Readings for the detectors' tests: a batch from rows that a person can read."""

import numpy as np

from vitals.batch import Batch
from vitals.registry import V, index

T0 = 1_800_000_000_000


def batch(samples):
    """Samples are (patient, device, seq, observed_at, {vital: value or None}[, received_at[, {vital: quality}]])."""
    n = len(samples)
    patients, devices = sorted({s[0] for s in samples}), sorted({s[1] for s in samples})
    values, quality = np.full((n, V), np.nan), np.full((n, V), np.nan, dtype=np.float32)
    no_value = np.zeros(n, dtype=np.uint32)
    for i, sample in enumerate(samples):
        for name, value in sample[4].items():
            if value is None:
                no_value[i] |= np.uint32(1 << index(name))
            else:
                values[i, index(name)] = value
        for name, q in (sample[6] if len(sample) > 6 else {}).items():
            quality[i, index(name)] = q
    return Batch(
        tuple(patients),
        np.array([patients.index(s[0]) for s in samples], dtype=np.int32),
        tuple(devices),
        np.array([devices.index(s[1]) for s in samples], dtype=np.int32),
        np.array([s[2] for s in samples], dtype=np.int64),
        np.array([s[3] for s in samples], dtype=np.int64),
        np.array([s[5] if len(s) > 5 else s[3] + 50 for s in samples], dtype=np.int64),
        np.zeros(n, dtype=np.int32),
        values,
        quality,
        no_value,
    )


def series(vital, values, patient="p", every=1000, start=T0, first_seq=0, device="d"):
    """One vital of one patient, a reading each `every` ms."""
    return [(patient, device, first_seq + i, start + i * every, {vital: v}) for i, v in enumerate(values)]


def told(findings):
    """What a test compares: who, what, when, in order."""
    return [(f.patient, f.rule, f.subject, f.phase, f.priority, f.started_at, f.ended_at, f.retrospective) for f in findings]
