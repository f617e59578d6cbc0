"""Every boundary of MEWS, qSOFA and Bedside PEWS, on both sides, as CLINICAL.md's tables say."""

import numpy as np
import numpy.typing as npt
import pytest

from streams.detect.scores import PEWS_WORST, mews, pews, qsofa
from vitals.context import AgeBand
from vitals.registry import BY_NAME, V


def patient(**vitals: float) -> npt.NDArray[np.float64]:
    values = np.full((1, V), np.nan)
    for name, value in vitals.items():
        values[0, BY_NAME[name].index] = value
    return values


MEWS_CELLS = {
    "sbp": [(70, 3), (71, 2), (80, 2), (81, 1), (100, 1), (101, 0), (199, 0), (200, 2), (70.5, 2), (199.5, 2)],
    "hr": [(40, 2), (41, 1), (50, 1), (51, 0), (100, 0), (101, 1), (110, 1), (111, 2), (129, 2), (130, 3)],
    "rr": [(8, 2), (9, 0), (14, 0), (15, 1), (20, 1), (21, 2), (29, 2), (30, 3)],
    "temp": [(34.9, 2), (35.0, 0), (38.4, 0), (38.5, 2), (34.94, 2), (34.95, 0), (38.44, 0), (38.45, 2)],
    "acvpu": [(0, 0), (1, 1), (2, 1), (3, 2), (4, 3)],
}


@pytest.mark.parametrize(("item", "value", "points"), [(i, v, p) for i, cells in MEWS_CELLS.items() for v, p in cells])
def test_mews_scores_each_cell(item: str, value: float, points: int) -> None:
    assert mews(patient(**{item: value})).points[item][0] == points


@pytest.mark.parametrize(
    ("vitals", "total"),
    [
        ({"rr": 21, "sbp": 101, "acvpu": 0}, 0),
        ({"rr": 22, "sbp": 101, "acvpu": 0}, 1),
        ({"rr": 21, "sbp": 100, "acvpu": 0}, 1),
        ({"rr": 21, "sbp": 101, "acvpu": 1}, 1),
        ({"rr": 22, "sbp": 100, "acvpu": 4}, 3),
    ],
)
def test_qsofa_counts_its_three_signs(vitals: dict[str, float], total: int) -> None:
    found = qsofa(patient(**vitals))
    assert (found.lowest[0], found.highest[0]) == (total, total)


# CLINICAL.md's cells as written: (>low & <high) scores 0, then the bounds of 1, 2 and 4
PEWS_TABLE: dict[AgeBand, dict[str, list[tuple[int, int]]]] = {
    "0-3m": {"hr": [(110, 150), (90, 180), (80, 190)], "sbp": [(60, 80), (50, 100), (45, 130)], "rr": [(29, 61), (19, 81), (15, 91)]},
    "3-12m": {"hr": [(100, 150), (80, 170), (70, 180)], "sbp": [(80, 100), (70, 120), (60, 150)], "rr": [(24, 51), (19, 71), (15, 81)]},
    "1-4y": {"hr": [(90, 120), (70, 150), (60, 170)], "sbp": [(90, 110), (75, 125), (65, 160)], "rr": [(19, 41), (15, 61), (12, 71)]},
    "4-12y": {"hr": [(70, 110), (60, 130), (50, 150)], "sbp": [(90, 120), (80, 140), (70, 170)], "rr": [(19, 31), (14, 41), (10, 51)]},
    "12-16y": {"hr": [(60, 100), (50, 120), (40, 140)], "sbp": [(100, 130), (85, 150), (75, 190)], "rr": [(11, 17), (10, 23), (9, 30)]},
}
PEWS_CASES = [
    (age, item, value, points)
    for age, items in PEWS_TABLE.items()
    for item, bounds in items.items()
    for (low, high), points, milder in zip(bounds, (1, 2, 4), (0, 1, 2), strict=True)
    for value, points in ((low, points), (low + 0.5, milder), (high, points), (high - 0.5, milder))
]


@pytest.mark.parametrize(("age", "item", "value", "points"), PEWS_CASES)
def test_pews_scores_at_or_beyond_each_bound(age: AgeBand, item: str, value: float, points: int) -> None:
    assert pews(patient(**{item: value}), age).points[item][0] == points


@pytest.mark.parametrize(
    ("item", "vitals", "points"),
    [
        ("spo2", {"spo2": 95}, 0),
        ("spo2", {"spo2": 94}, 1),
        ("spo2", {"spo2": 91}, 1),
        ("spo2", {"spo2": 90}, 2),
        ("oxygen", {"on_oxygen": 0}, 0),
        ("oxygen", {"o2_flow": 0}, 0),
        ("oxygen", {"o2_flow": 3.9}, 2),
        ("oxygen", {"o2_flow": 4}, 4),
        ("oxygen", {"fio2": 49}, 2),
        ("oxygen", {"fio2": 50}, 4),
        ("oxygen", {"fio2": 21}, 0),
        ("oxygen", {"on_oxygen": 1}, 2),
        ("oxygen", {}, -1),
    ],
)
def test_pews_rows_for_all_ages(item: str, vitals: dict[str, float], points: int) -> None:
    assert pews(patient(**vitals), "1-4y").points[item][0] == points


@pytest.mark.parametrize(
    ("vitals", "between"),
    [
        ({}, (0, 4)),
        ({"on_oxygen": 0}, (0, 0)),
        ({"on_oxygen": 1}, (2, 4)),
        ({"on_oxygen": 1, "o2_flow": 0}, (2, 4)),
        ({"on_oxygen": 1, "fio2": 21}, (2, 4)),
        ({"on_oxygen": 1, "o2_flow": 3.9}, (2, 2)),
        ({"on_oxygen": 1, "fio2": 22}, (2, 2)),
        ({"on_oxygen": 1, "fio2": 50}, (4, 4)),
        ({"o2_flow": 3.9}, (2, 2)),
    ],
)
def test_oxygen_of_an_amount_that_nobody_says_may_be_much(vitals: dict[str, float], between: tuple[int, int]) -> None:
    found, others = pews(patient(**vitals), "1-4y"), sum(PEWS_WORST.values()) - PEWS_WORST["oxygen"]
    assert (found.lowest[0], found.highest[0] - others) == between


@pytest.mark.parametrize(("effort", "refill", "points"), [(0, 2.9, (0, 0)), (1, 3.0, (1, 4)), (2, 2.0, (2, 0)), (3, 4.0, (4, 4))])
def test_pews_takes_what_a_nurse_sees(effort: float, refill: float, points: tuple[int, int]) -> None:
    found = pews(patient(), "4-12y", np.array([effort]), np.array([refill])).points
    assert (found["effort"][0], found["refill"][0]) == points


def test_nothing_known_is_anything_from_none_to_all() -> None:
    found = pews(patient(), "3-12m")
    assert (found.lowest[0], found.highest[0]) == (0, sum(PEWS_WORST.values()) == 26 and 26)


def test_of_mews_and_qsofa_too_a_missing_item_may_be_at_its_worst() -> None:
    found = [(score(patient()).lowest[0], score(patient()).highest[0]) for score in (mews, qsofa)]
    assert found == [(0, 3 + 3 + 3 + 2 + 3), (0, 3)]


def test_pulse_stands_in_for_a_missing_heart_rate() -> None:
    assert mews(patient(pulse=135)).points["hr"][0] == 3


def test_an_adult_has_no_paediatric_score() -> None:
    with pytest.raises(KeyError):
        pews(patient(hr=80), "adult")
