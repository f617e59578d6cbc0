"""The picture shows no score of whom NEWS2 does not apply to, whichever of the two comes first."""

from typing import Any

import pytest

from dashboard_api.live import audience
from dashboard_api.live.state import Picture
from tests.unit.dashboard_api_live.ward import NOW
from vitals.context import PatientContext
from vitals.score import ScoreUpdate

WHY: list[dict[str, Any]] = [{"pregnant": True}, {"age_band": "4-12y"}]


def update(at: int = NOW) -> ScoreUpdate:
    return ScoreUpdate(patient="p", at=at, lowest=7, highest=9, tier="high", scale=1, inputs={})


def scored() -> Picture:
    picture = Picture(1)
    picture.context(PatientContext(patient="p", version=1, ward="north"), 0)
    picture.score(update(), 0)
    picture.take()
    return picture


@pytest.mark.parametrize("why", WHY)
def test_a_context_that_it_does_not_apply_to_takes_the_score_away_and_tells_so(why: dict[str, Any]) -> None:
    picture = scored()
    picture.context(PatientContext(patient="p", version=2, ward="north", **why), 1)
    ((change,), _) = picture.take()
    assert b'"score":null' in audience.spelled(picture, change)


@pytest.mark.parametrize("why", WHY)
def test_a_score_that_comes_after_it_is_not_shown(why: dict[str, Any]) -> None:
    picture = scored()
    picture.context(PatientContext(patient="p", version=2, ward="north", **why), 1)
    picture.score(update(NOW + 1), 1)
    assert picture.patient("p").score is None


def test_a_context_of_another_bed_leaves_it() -> None:
    picture = scored()
    picture.context(PatientContext(patient="p", version=2, ward="north", bed="9"), 1)
    assert picture.patient("p").score == update()


def test_once_it_applies_again_the_next_score_is_shown() -> None:
    picture = scored()
    for version, pregnant in ((2, True), (3, False)):
        picture.context(PatientContext(patient="p", version=version, ward="north", pregnant=pregnant), version)
    picture.score(update(NOW + 1), 1)
    assert picture.patient("p").score == update(NOW + 1)
