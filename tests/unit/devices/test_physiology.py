"""Claims about the bodies: seeded, quiet when calm, in deep trouble at the end of a sepsis."""

import numpy as np

from devices.simulator import physiology
from devices.simulator.physiology import VITALS
from devices.simulator.stories import STORIES


def course(story: str, steps: int = 600, severity: float = 0.0, seed: int = 5) -> "np.ndarray[tuple[int, int, int], np.dtype[np.float64]]":
    """(steps, 20, 6): twenty patients of one story, once a second."""
    bodies, rng = physiology.born([STORIES[story]] * 20, seed), np.random.default_rng(seed)
    drift = np.tile(physiology.drifted(STORIES[story], severity), (20, 1))
    rows = []
    for _ in range(steps):
        bodies, values = physiology.step(bodies, rng.normal(size=(20, 6)), 1.0, 12.0, drift)
        rows.append(values)
    return np.array(rows)


def of(rows: "np.ndarray[tuple[int, int, int], np.dtype[np.float64]]", vital: str) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    return rows[:, :, VITALS.index(vital)]


def test_the_same_seed_is_the_same_life() -> None:
    assert np.array_equal(course("calm", 50), course("calm", 50))


def test_the_state_that_goes_in_is_not_changed() -> None:
    bodies = physiology.born([STORIES["calm"]], 1)
    before = bodies.deviation.copy()
    physiology.step(bodies, np.ones((1, 6)), 1.0, 4.0, np.zeros((1, 6)))
    assert np.array_equal(bodies.deviation, before)


def test_a_calm_body_alarms_nobody() -> None:
    rows = course("calm")
    inside = [(45, 115, "hr"), (10, 22, "rr"), (95, 100, "spo2"), (36.0, 38.0, "temp"), (100, 160, "sbp")]
    assert all(low <= of(rows, name).min() and of(rows, name).max() <= high for low, high, name in inside)


def test_a_sepsis_at_its_worst_is_what_news2_fears() -> None:
    last = course("sepsis", severity=1.0)[-60:]
    typical = {name: float(np.median(of(last, name))) for name in VITALS}
    assert (typical["hr"] >= 111, typical["rr"] >= 25, typical["sbp"] <= 100, typical["temp"] >= 38.6) == (True, True, True, True)


def test_a_copd_patient_lives_on_a_saturation_of_its_own() -> None:
    assert 87 <= float(np.median(of(course("copd"), "spo2"))) <= 93


def test_diastolic_stays_below_systolic_whatever_happens() -> None:
    rows = course("bleeding", severity=1.0)
    assert (of(rows, "dbp") < of(rows, "sbp")).all()


def test_noise_remembers_itself() -> None:
    hr = of(course("calm"), "hr")
    moved = hr - hr.mean(axis=0)
    assert float((moved[1:] * moved[:-1]).sum() / (moved**2).sum()) > 0.8


def test_the_night_is_slower_than_the_day() -> None:
    bodies, still = physiology.born([STORIES["calm"]], 3), np.zeros((1, 6))
    night, day = (physiology.step(bodies, still, 1.0, hour, still)[1][0, 0] for hour in (4.0, 16.0))
    assert night < day
