"""The readings that `bench_detect` folds: the ward of the rivals (5,000 patients, six vitals, one a second), as columnar batches.

In: how many patients and seconds, how many readings a batch. Out: (partition, record) pairs. The same physiology, spikes, implausible
values and seed as the rivals' generator; the implausible ones are left out, as the gateway refuses them before detection.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from vitals.batch import Batch, encode
from vitals.registry import HIGH, LOW, V, index
from vitals.topics import partition_of

NAMES = ("hr", "spo2", "rr", "temp", "sbp", "dbp")
COLUMNS = [index(name) for name in NAMES]
T0 = 1_795_228_800_000
_MEAN, _SPREAD = np.array([78, 97.5, 15, 36.8, 125, 75]), np.array([10, 0.6, 1.5, 0.3, 10, 7])
_NOISE, _DRIFT = np.array([2.5, 0.5, 1.0, 0.08, 3.5, 2.5]), np.array([55, -9, 14, 2.2, -38, -20.0])
_SPIKE, _LOST = np.array([70, -30, 25, 4, 70, 50.0]), np.array([0, 0, 0, 0, 0, 999.0])


def seconds(patients: int, steps: int, seed: int = 7) -> Iterator[npt.NDArray[np.float64]]:
    """(patients, V) values of each second: autocorrelated noise, 3 % who deteriorate, rare spikes; NaN where implausible."""
    r = np.random.default_rng(seed)
    base = _MEAN + r.normal(size=(patients, 6)) * _SPREAD
    noise = np.zeros((patients, 6))
    worse, onset = r.random(patients) < 0.03, r.integers(40, max(41, steps), patients)
    for s in range(steps):
        noise = 0.6 * noise + 0.8 * r.normal(size=(patients, 6)) * _NOISE
        severity = np.where(worse, np.clip((s - onset) / 60.0, 0, 1), 0)[:, None]
        v = base + noise + severity * _DRIFT
        v[:, 1] = np.minimum(v[:, 1], 100)
        v = np.where(r.random((patients, 6)) < 1e-4, v + _SPIKE, v)
        v = np.where(r.random((patients, 6)) < 2e-3, _LOST, v)
        v = np.where(np.arange(6) == 3, np.round(v, 1), np.rint(v))
        values = np.full((patients, V), np.nan)
        values[:, COLUMNS] = np.where((v < LOW[COLUMNS]) | (v > HIGH[COLUMNS]), np.nan, v)
        yield values


def records(patients: int, steps: int, readings_each: int, partitions: int = 4) -> Iterator[tuple[int, bytes]]:
    """(partition, record), each of about `readings_each` readings; a second of a partition is cut into equal batches."""
    names = [f"P{p:05d}" for p in range(patients)]
    owner = np.array([partition_of(n, partitions) for n in names])
    rows = max(1, readings_each // 6)
    groups = [np.array_split(mine, max(1, round(len(mine) / rows))) for mine in (np.flatnonzero(owner == p) for p in range(partitions))]
    for s, values in enumerate(seconds(patients, steps)):
        for piece in range(max(len(g) for g in groups)):
            for partition, group in enumerate(groups):
                if piece < len(group):
                    yield partition, encode(batch_at(names, group[piece], s, values))


def moment(second: int, who: Any) -> Any:
    """ms at which patients `who` are read in that second."""
    return T0 + second * 1000 + (who * 7919) % 900


def batch_at(names: list[str], who: npt.NDArray[np.int64], s: int, values: npt.NDArray[np.float64]) -> Batch:
    """One sample of each of `who` (indices into names) at second `s`; values (patients, V)."""
    n = len(who)
    at = moment(s, who)
    own = np.arange(n, dtype=np.int32)
    return Batch(
        tuple(names[p] for p in who),
        own,
        tuple(f"mon-{p:05d}" for p in who),
        own,
        np.full(n, s, dtype=np.int64),
        at,
        at + 80,
        np.zeros(n, dtype=np.int32),
        values[who],
        np.full((n, V), np.nan, dtype=np.float32),
        np.zeros(n, dtype=np.uint32),
    )
