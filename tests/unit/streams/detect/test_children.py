"""Children's limits as shipped: Bedside PEWS's cells of 2 and 4 points (Parshuram 2009), and pressures that no healthy child has."""

import pytest

from streams.detect.memory import empty
from streams.detect.scores import PEWS_AGE
from streams.detect.step import step
from tests.unit.streams.detect.readings import T0, batch
from vitals.context import AgeBand, PatientContext
from vitals.rules import default

AGES: list[AgeBand] = ["0-3m", "3-12m", "1-4y", "4-12y", "12-16y"]
YOUNGEST_Y = {"0-3m": 0, "3-12m": 0.25, "1-4y": 1, "4-12y": 4, "12-16y": 12}
"""Years of the youngest of each band."""
ITEMS = {"hr": "hr", "pulse": "hr", "rr": "rr", "sbp": "sbp"}
"""Vital -> PEWS's item."""
MINUTES = 10
LEVELS = {"medium": 1, "high": 2}


def levels(age: AgeBand, values: dict[str, tuple[str, float]]) -> dict[str, int]:
    """Patient -> the step told of ten minutes of one value of one vital each; 0: nothing."""
    m, told = empty(default()), dict.fromkeys(values, 0)
    for patient in values:
        m.know(PatientContext(patient=patient, version=1, ward="north", age_band=age), T0)
    every = [(patient, patient, i, T0 + i * 1000, {vital: x}) for i in range(60 * MINUTES) for patient, (vital, x) in values.items()]
    for f in step(m, batch(every), T0):
        if f.rule == "limits":
            told[f.patient] = max(told[f.patient], LEVELS[f.priority])
    return told


def at_each_bound(age: AgeBand, inwards: int) -> dict[str, tuple[str, float]]:
    """A patient for each vital and each bound of 2 and of 4 points, at it or so far inside of it."""
    found = {}
    for vital, item in ITEMS.items():
        lows, highs = PEWS_AGE[age][item]
        for level in (1, 2):
            found[f"{vital} low {level}"] = vital, lows[level] + inwards
            found[f"{vital} high {level}"] = vital, highs[level] - inwards
    return found


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("inwards", [0, 1])
def test_at_each_of_pewss_bounds_its_step_is_told_and_one_inside_the_milder_one(age: AgeBand, inwards: int) -> None:
    values = at_each_bound(age, inwards)
    assert levels(age, values) == {patient: int(patient[-1]) - inwards for patient in values}


@pytest.mark.parametrize("age", AGES)
def test_a_child_whose_pressures_are_usual_raises_nothing(age: AgeBand) -> None:
    """Mean pressure: the 5th centile of the youngest, 1.5 * years + 40, systolic 2 * years + 65 (Haque and Zaritsky 2007, unchecked)."""
    sbp, mean = 2 * YOUNGEST_Y[age] + 65, 1.5 * YOUNGEST_Y[age] + 40
    values = {"map": ("map", mean), "dbp": ("dbp", (3 * mean - sbp) / 2)}
    assert levels(age, values) == dict.fromkeys(values, 0)


@pytest.mark.parametrize("age", AGES)
def test_a_childs_mean_pressure_of_twenty_is_told_at_the_second_step(age: AgeBand) -> None:
    assert levels(age, {"p": ("map", 20.0)}) == {"p": 2}
