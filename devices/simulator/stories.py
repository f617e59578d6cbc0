"""The stories that a simulated patient or device can live, as named data.

A story has a body's course (where the vitals drift to, and how fast) and the faults of its device. Times are seconds after the
story's onset, at speed 1; they are minutes where a real patient takes hours, so that a person who looks can see them happen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Fault = Literal["", "probe_off", "flat_battery", "outage", "clock_skew", "duplicates"]


@dataclass(frozen=True, slots=True)
class Story:
    """One story.

    Attributes:
        drift: vital -> what is added to the patient's own baseline when it is at its worst (canonical units).
        curve: (seconds after onset, severity 0..1), linear between; the last severity stays.
        period_s: begins again after so many seconds; None = happens once.
        baseline: vital -> this patient's own baseline, where it is special.
        confused_above, oxygen_above: the severity from which the patient is confused (C of ACVPU), or gets oxygen.
        fault: what the device does while the severity is above 0.
    """

    name: str
    text: str
    drift: Mapping[str, float] = field(default_factory=dict)
    curve: tuple[tuple[float, float], ...] = ((0.0, 0.0),)
    period_s: float | None = None
    baseline: Mapping[str, float] = field(default_factory=dict)
    confused_above: float = 2.0
    oxygen_above: float = 2.0
    spo2_scale: int = 1
    fault: Fault = ""


def _episode(start: float, rise: float, stay: float, fall: float) -> tuple[tuple[float, float], ...]:
    return ((start, 0.0), (start + rise, 1.0), (start + rise + stay, 1.0), (start + rise + stay + fall, 0.0))


_ALL = (
    Story("calm", "nothing happens"),
    Story(
        "sepsis",
        "fever, then a racing heart and breath, falling pressure, confusion: NEWS2 passes 7 within two minutes of the onset",
        {"hr": 44, "rr": 12, "spo2": -5, "temp": 2.3, "sbp": -36, "dbp": -20},
        ((0, 0), (40, 0.35), (120, 0.85), (180, 1)),
        confused_above=0.7,
    ),
    Story(
        "copd",
        "a prescribed target of 88-92 % (SpO2 scale 2), on oxygen: low saturation that is right for this patient",
        baseline={"spo2": 90, "rr": 18, "hr": 84},
        oxygen_above=-1,
        spo2_scale=2,
    ),
    Story(
        "bleeding",
        "pressure falls while the heart speeds up",
        {"hr": 52, "rr": 9, "spo2": -2, "temp": -0.7, "sbp": -46, "dbp": -22},
        ((60, 0), (240, 0.7), (420, 1)),
        confused_above=0.9,
    ),
    Story(
        "desaturation",
        "the saturation drops for two minutes, every seven",
        {"spo2": -17, "hr": 16, "rr": 5},
        _episode(20, 20, 110, 20),
        420,
    ),
    Story(
        "probe_off", "the finger clip is off for a minute, every four", curve=_episode(30, 0.1, 60, 0.1), period_s=240, fault="probe_off"
    ),
    Story(
        "flat_battery",
        "the battery runs down, the device dies, and comes back charged",
        curve=_episode(0, 240, 1, 1),
        period_s=420,
        fault="flat_battery",
    ),
    Story(
        "outage",
        "the radio is away for 90 s, every five minutes; the backlog comes afterwards",
        curve=_episode(40, 0.1, 90, 0.1),
        period_s=300,
        fault="outage",
    ),
    Story("clock_skew", "the device's clock is 95 s slow", curve=((0, 1),), fault="clock_skew"),
    Story("duplicates", "every fifth message is sent twice", curve=((0, 1),), fault="duplicates"),
)

STORIES: Mapping[str, Story] = MappingProxyType({story.name: story for story in _ALL})
WARD: tuple[str, ...] = (
    "calm",
    "sepsis",
    "calm",
    "desaturation",
    "probe_off",
    "copd",
    "outage",
    "bleeding",
    "flat_battery",
    "clock_skew",
    "duplicates",
)
"""The scenario "ward": these once, in the order of the beds; every other bed is calm."""
SCENARIOS: tuple[str, ...] = ("ward", *STORIES)


def severity(story: Story, elapsed_s: float) -> float:
    """How far the story is, 0..1, `elapsed_s` after its onset (negative: not begun; a story that always is, is at once)."""
    curve = story.curve
    if elapsed_s < 0:
        return 0.0
    at = elapsed_s % story.period_s if story.period_s else elapsed_s
    before = max((p for p in curve if p[0] <= at), default=(0.0, 0.0))
    after = min((p for p in curve if p[0] > at), default=before)
    if after[0] == before[0]:
        return before[1]
    return before[1] + (after[1] - before[1]) * (at - before[0]) / (after[0] - before[0])


def story_of(scenario: str, place: int) -> Story:
    """The story of the patient at `place` (from 0). Raises KeyError for a scenario that does not exist."""
    if scenario != "ward":
        return STORIES[scenario]
    return STORIES[WARD[place]] if place < len(WARD) else STORIES["calm"]
