"""Bodies: what the vitals of simulated patients do from one moment to the next. Pure and seeded; many patients at once.

In: baselines, the present state, fresh normal noise, the hour of the day and the stories' drift. Out: the next state and the vitals.
The model is this project's own, made to look alive and to couple what is coupled; it is no source of clinical truth:
noise is first-order autoregressive with a time constant a vital; heart rate takes part in breathing's and, against it, in pressure's
noise (baroreflex); all follow a circadian cosine with its low at 04:00; temperature moves least.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from devices.simulator.stories import Story

type_f64 = npt.NDArray[np.float64]

VITALS = ("hr", "rr", "spo2", "temp", "sbp", "dbp")
"""The columns of every (n, 6) array here, in canonical units."""

_MEAN = np.array([74.0, 15.5, 97.8, 36.8, 124.0, 76.0])
_BETWEEN = np.array([6.0, 0.9, 0.4, 0.15, 5.0, 4.0])  # between patients, one standard deviation
_WITHIN = np.array([2.2, 0.8, 0.35, 0.05, 3.0, 2.2])  # within one patient
_TAU_S = np.array([25.0, 20.0, 40.0, 900.0, 90.0, 90.0])
_CIRCADIAN = np.array([4.0, 0.6, 0.1, 0.25, 5.0, 3.0])
_LOW = np.array([25.0, 2.0, 40.0, 30.0, 40.0, 20.0])
_HIGH = np.array([240.0, 70.0, 100.0, 43.0, 280.0, 180.0])
_MIX = np.eye(6)
_MIX[1, 0], _MIX[1, 1] = 0.4, 0.9165  # breathing goes with the heart
_MIX[4, 0], _MIX[4, 4] = -0.3, 0.954  # pressure goes against it
_MIX[5, 4], _MIX[5, 5] = 0.7, 0.714  # both pressures go together


@dataclass(frozen=True, slots=True, eq=False)
class Bodies:
    """n patients: `baseline` and the present deviation from it, both (n, 6) float64."""

    baseline: type_f64
    deviation: type_f64


def born(stories: list[Story], seed: int) -> Bodies:
    """Patients with baselines of their own, drawn from `seed`."""
    rng = np.random.default_rng(seed)
    shape = (len(stories), len(VITALS))
    baseline = _MEAN + np.clip(rng.normal(size=shape), -2, 2) * _BETWEEN
    for row, story in enumerate(stories):
        for vital, value in story.baseline.items():
            baseline[row, VITALS.index(vital)] = value
    return Bodies(baseline, _WITHIN * rng.normal(size=shape))


def step(bodies: Bodies, noise: type_f64, dt_s: float, hour: float, drift: type_f64) -> tuple[Bodies, type_f64]:
    """`noise` (n, 6) standard normal, `hour` 0..24, `drift` (n, 6) -> the bodies `dt_s` later and their vitals (n, 6)."""
    phi = np.exp(-dt_s / _TAU_S)
    deviation = bodies.deviation * phi + np.sqrt(1 - phi * phi) * _WITHIN * (noise @ _MIX.T)
    daily = -_CIRCADIAN * np.cos((hour - 4.0) / 24.0 * 2 * np.pi)
    values = np.clip(bodies.baseline + deviation + daily * 0.5 + drift, _LOW, _HIGH)
    values[:, 5] = np.minimum(values[:, 5], values[:, 4] - 15)
    return Bodies(bodies.baseline, deviation), values


def drifted(story: Story, severity: float) -> type_f64:
    """(6,) what the story adds at this severity."""
    return np.array([story.drift.get(vital, 0.0) for vital in VITALS]) * severity
