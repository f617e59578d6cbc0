"""Claims about the stories: when they are at their worst, and that a scenario is one of each."""

import pytest

from devices.simulator.stories import SCENARIOS, STORIES, WARD, severity, story_of


@pytest.mark.parametrize("name", STORIES)
def test_nothing_has_happened_before_the_onset(name: str) -> None:
    assert severity(STORIES[name], -0.1) == 0


@pytest.mark.parametrize("name", STORIES)
def test_severity_stays_between_none_and_the_worst(name: str) -> None:
    found = [severity(STORIES[name], t / 2) for t in range(2000)]
    assert 0 <= min(found) <= max(found) <= 1


def test_a_story_that_happens_once_stays_at_its_worst() -> None:
    assert severity(STORIES["sepsis"], 86_400) == 1


def test_a_story_with_a_period_begins_again() -> None:
    dip = STORIES["desaturation"]
    assert dip.period_s is not None
    assert severity(dip, 100) == severity(dip, 100 + 3 * dip.period_s) == 1


def test_between_two_points_severity_is_linear() -> None:
    assert severity(STORIES["sepsis"], 20) == pytest.approx(0.175)


def test_the_ward_has_one_of_each_and_is_calm_beyond() -> None:
    assert ({story_of("ward", place).name for place in range(len(WARD))}, story_of("ward", 500).name) == (set(STORIES), "calm")


def test_a_scenario_of_one_story_is_that_story_in_every_bed() -> None:
    assert {story_of(name, 7).name for name in SCENARIOS if name != "ward"} == set(STORIES)
