"""A simulated ward for several days, for the alarms' benchmark: mostly calm bodies, some of which deteriorate over hours.

In: how many patients and days, a seed. Out: samples every 30 s in batches of a minute, and what was scripted. The bodies are the
simulator's; its stories' curves, which pass in minutes for onlookers, are stretched to hours. Artefacts as on wards: single wild values,
probes that fall off, poor signals.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from devices.simulator.physiology import VITALS, born, drifted, step
from devices.simulator.stories import STORIES, severity
from streams.detect.rehearsal import batch_of
from vitals.batch import Batch
from vitals.registry import V, index

T0 = 1_800_000_000_000
EVERY_S, STRETCH = 30, 60
_SLOW = 600
_COLUMNS = [index(name) for name in VITALS]
_WILD = np.array([70.0, 25.0, -25.0, 3.0, 70.0, 50.0])


@dataclass(frozen=True, slots=True)
class Script:
    """Patient `patient` lives `story` from `onset_s` for `lasts_s`."""

    patient: int
    story: str
    onset_s: int
    lasts_s: int


def scripted(patients: int, days: int, seed: int) -> list[Script]:
    """One patient in four deteriorates once; the first is left alone for half a day, so that baselines are known."""
    rng = np.random.default_rng(seed)
    stories = ("sepsis", "bleeding", "desaturation")
    lasts = {"sepsis": 300 * STRETCH, "bleeding": 500 * STRETCH, "desaturation": 170 * STRETCH}
    chosen = [stories[i % len(stories)] for i in range(patients // 4)]
    return [Script(4 * i, s, int(rng.integers(43_200, days * 86_400 - lasts[s])), lasts[s]) for i, s in enumerate(chosen)]


def names(patients: int) -> list[str]:
    """Their pseudonyms."""
    return [f"sim-{i:03d}" for i in range(patients)]


def ward(patients: int, days: int, scripts: list[Script], seed: int) -> Iterator[Batch]:
    """Batches in the order of time, two samples a patient in each."""
    rng = np.random.default_rng(seed)
    bodies = born([STORIES["calm"]] * patients, seed)
    own = np.arange(patients, dtype=np.int32)
    for second in range(0, days * 86_400, 2 * EVERY_S):
        rows = []
        for half in (second, second + EVERY_S):
            bodies, values = step(bodies, rng.normal(size=(patients, 6)), EVERY_S, half % 86_400 / 3600, _drift(patients, scripts, half))
            rows.append(_measured(values, rng, half))
        at = np.repeat([T0 + second * 1000, T0 + (second + EVERY_S) * 1000], patients)
        whole = batch_of(names(patients), np.tile(own, 2), at, np.concatenate(rows))
        yield replace(whole, quality=_quality(whole, rng), no_value=_off(2 * patients, rng))


def _drift(patients: int, scripts: list[Script], second: int) -> npt.NDArray[np.float64]:
    drift = np.zeros((patients, 6))
    for s in scripts:
        elapsed = second - s.onset_s
        if 0 <= elapsed < s.lasts_s:
            drift[s.patient] = drifted(STORIES[s.story], severity(STORIES[s.story], elapsed / STRETCH))
    return drift


def _measured(values: npt.NDArray[np.float64], rng: np.random.Generator, second: int) -> npt.NDArray[np.float64]:
    """(n, V) as a device says it: whole numbers, wild values now and then, pressures and temperature every ten minutes."""
    wild = rng.random(values.shape) < 5e-4
    said = np.where(wild, values + _WILD, values)
    said[:, 2] = np.minimum(said[:, 2], 100)
    said = np.where(np.arange(6) == 3, np.round(said, 1), np.rint(said))
    if second % _SLOW >= EVERY_S:
        said[:, 3:] = np.nan
    out = np.full((len(values), V), np.nan)
    out[:, _COLUMNS] = said
    return out


def _quality(batch: Batch, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    quality = np.full(batch.values.shape, np.nan, dtype=np.float32)
    quality[:, index("spo2")] = np.where(rng.random(len(batch)) < 0.02, 0.3, 0.95)
    return quality


def _off(samples: int, rng: np.random.Generator) -> npt.NDArray[np.uint32]:
    return np.where(rng.random(samples) < 0.002, np.uint32(1 << index("rr")), np.uint32(0)).astype(np.uint32)
