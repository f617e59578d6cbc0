"""What two rule sets differ in: which events the other finds, within an hour on the same patient, and how much earlier."""

import pytest

from streams.detect.comparison import compared
from tests.unit.streams.detect.readings import T0
from vitals.finding import Finding

MINUTE = 60_000


def event(minutes, patient="p", **changes):
    said = {"phase": "start", "priority": "high", "alert_class": "physiological", "retrospective": False} | changes
    at = T0 + minutes * MINUTE
    return Finding(
        id=f"{patient}{minutes}", patient=patient, ward="", rule="limits", rule_version=1, title="", started_at=at, at=at,
        received_at=at, detected_at=at, subject="hr", ended_at=None, evidence={}, **said,
    )  # fmt: skip


def told(before, after):
    c = compared(before, after, 2.0)
    return c.found, len(c.lost), c.lead_s


@pytest.mark.parametrize(
    ("after", "expected"),
    [([10], (1, 0, 0)), ([4], (1, 0, 360)), ([15], (1, 0, -300)), ([70], (1, 0, -3600)), ([71], (0, 1, 0)), ([-50], (1, 0, 3600)),
     ([-51], (0, 1, 0)), ([], (0, 1, 0)), ([0, 13, 30], (1, 0, -180)), ([8, 13], (1, 0, 120))],
)  # fmt: skip
def test_an_event_is_found_within_an_hour_of_it_by_the_nearest(after, expected):
    assert told([event(10)], [event(m) for m in after]) == expected


def test_the_lead_is_the_median_of_what_is_found():
    before = [event(0), event(200), event(400), event(600)]
    assert told(before, [event(-1), event(198), event(390)]) == (3, 1, 120)


def test_another_patients_alert_finds_nothing():
    assert told([event(0)], [event(0, patient="q")]) == (0, 1, 0)


@pytest.mark.parametrize("changes", [{"phase": "end"}, {"priority": "medium"}, {"alert_class": "technical"}, {"retrospective": True}])
def test_only_what_is_high_and_of_the_body_and_now_is_an_event(changes):
    assert (told([event(0, **changes)], []), told([event(0)], [event(0, **changes)])) == ((0, 0, 0), (0, 1, 0))


def test_a_worsening_to_high_is_an_event():
    assert told([event(0, phase="update")], [event(1, phase="update")]) == (1, 0, -60)
