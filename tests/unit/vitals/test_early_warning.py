"""The early-warning table is used as it was trained, and says why."""

import numpy as np
import numpy.typing as npt
import pytest

from vitals.early_warning import FEATURES, HOURS, features, support, table
from vitals.registry import BY_NAME, V


def day(**vitals: float | list[float]) -> npt.NDArray[np.float64]:
    hourly = np.full((HOURS, V), np.nan)
    for name, value in vitals.items():
        hourly[:, BY_NAME[name].index] = value
    return hourly


CALM = {"hr": 75.0, "rr": 15.0, "temp": 37.0, "sbp": 125.0, "map": 85.0, "spo2": 97.0, "acvpu": 0.0}
ILL = {"hr": 125.0, "rr": 31.0, "temp": 35.4, "sbp": 86.0, "map": 55.0, "spo2": 88.0, "acvpu": 1.0}


def test_a_deteriorating_day_says_more_than_a_calm_one() -> None:
    model = table()
    calm, ill = support(day(**CALM), model), support(day(**ILL), model)
    assert calm is not None
    assert ill is not None
    assert ill.probability > 3 * calm.probability


def test_little_known_says_nothing() -> None:
    assert support(day(hr=75.0, rr=15.0, temp=37.0), table()) is None


def test_contributions_and_intercept_are_the_whole_of_the_log_odds() -> None:
    model = table()
    found = support(day(**ILL), model)
    assert found is not None
    odds = model.intercept + sum(found.contributions.values())
    assert found.probability == pytest.approx(1 / (1 + np.exp(-odds)))


def test_contributions_come_largest_first() -> None:
    found = support(day(**ILL), table())
    assert found is not None
    sizes = [abs(part) for part in found.contributions.values()]
    assert sizes == sorted(sizes, reverse=True)


def test_change_is_the_last_six_hours_against_the_eighteen_before() -> None:
    rising = day(hr=[80.0] * 18 + [92.0] * 6)
    assert dict(zip(FEATURES, features(rising), strict=True))["hr change"] == 12.0


def test_what_was_not_measured_has_no_feature() -> None:
    found = dict(zip(FEATURES, features(day(hr=75.0)), strict=True))
    assert {name for name, value in found.items() if np.isfinite(value)} == {"hr mean", "hr spread", "hr change", "hr high"}
