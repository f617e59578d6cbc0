"""The patient's own baseline, one reading at a time: what it weighs, what it moves, and from when on it is believed."""

import numpy as np
import pytest

from streams.detect import baseline
from streams.detect.memory import empty
from vitals.rules import default

RULE = default().baseline
MINUTE = 60_000
SHARE = MINUTE / (MINUTE + RULE.half_life_s * 1000 / np.log(2))
"""What a reading weighs a minute after the last one: its time's share of the half-life."""


def learned(x, mean=70.0, variance=4.0, n=1000.0, elapsed=MINUTE, least=1.0):
    """z, mean, variance and n of one cell after a reading `x`."""
    cells, at = empty(default()).cells, np.array([3])
    cells.mean[3], cells.variance[3], cells.n[3] = mean, variance, n
    z = baseline.learn(cells, at, np.array([x]), np.array([elapsed]), np.array([least]), RULE)
    return tuple(float(column) for column in (z[0], cells.mean[3], cells.variance[3], cells.n[3]))


def test_a_reading_is_judged_by_what_was_known_and_moves_it_by_its_share_of_time():
    expected = (1.5, 70 + 3 * SHARE, (1 - SHARE) * (4 + 9 * SHARE), 1001)
    assert learned(73.0) == pytest.approx(expected, rel=1e-4)


def test_after_a_long_pause_a_reading_weighs_more_but_never_all():
    hour = 60 * MINUTE / (60 * MINUTE + RULE.half_life_s * 1000 / np.log(2))
    assert learned(73.0, elapsed=60 * MINUTE)[1] == pytest.approx(70 + 3 * hour, rel=1e-4)


@pytest.mark.parametrize("side", [1, -1])
def test_an_artefact_moves_the_baseline_by_three_deviations_at_most(side):
    assert learned(70.0 + side * 100)[1] == pytest.approx(70 + side * 6 * SHARE, rel=1e-4)


def test_a_very_steady_patient_is_measured_with_the_least_deviation():
    assert learned(73.0, variance=0.01, least=9.0)[0] == 1.0


def test_the_first_reading_is_the_mean_and_says_nothing():
    assert learned(80.0, mean=0.0, variance=0.0, n=0.0) == pytest.approx((np.nan, 80.0, 0.0, 1.0), nan_ok=True)


def test_while_there_is_little_every_reading_counts_alike():
    assert learned(73.0, n=2.0, elapsed=1)[1] == pytest.approx(70 + 3 / 3)


@pytest.mark.parametrize(("n", "judged"), [(-1, False), (0, True)])
def test_it_judges_once_as_many_are_known_as_the_rule_says(n, judged):
    assert (learned(73.0, n=RULE.warm_up + n)[0] == 1.5) is judged
