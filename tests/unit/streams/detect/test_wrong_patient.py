"""A device new to a patient that says what does not fit: the ward is asked, and only then."""

from typing import Any

import msgspec
import numpy as np
import pytest

from streams.detect.memory import empty
from streams.detect.newcomer import FAR, READINGS, other_weight, strange
from streams.detect.partition import Partition, Record
from streams.detect.rules import default
from streams.detect.wrong_patient import RULE
from tests.unit.streams.detect.readings import T0, batch
from tests.unit.streams.detect.test_waveform_watch import T0 as ECG_T0
from tests.unit.streams.detect.test_waveform_watch import chunks, heart, told
from vitals.batch import SCHEMA_ID, encode
from vitals.finding import Finding

Sample = tuple[Any, ...]
KNOWN_S = 600
"""Seconds with the first device: five times the baseline's warm-up."""
OWN = {"hr": 72.0, "rr": 15.0, "spo2": 97.0}
OTHER = {"hr": 110.0, "rr": 26.0, "spo2": 97.0}


def samples(device: str, vitals: dict[str, float], start_s: int, count: int, patient: str = "p", late_ms: int = 50) -> list[Sample]:
    rng = np.random.default_rng(7)
    said = [{name: value + float(rng.integers(-1, 2)) for name, value in vitals.items()} for _ in range(count)]
    return [(patient, device, start_s + i, T0 + (start_s + i) * 1_000, v, T0 + (start_s + i) * 1_000 + late_ms) for i, v in enumerate(said)]


def asked(*parts: list[Sample], each: int = 50) -> list[Finding]:
    """What is asked when the parts are folded one after another, so many samples at a time."""
    partition, found = Partition(0, empty(default()), {}), []
    for offset, some in enumerate(part[at : at + each] for part in parts for at in range(0, len(part), each)):
        outcome = partition.fold([Record(offset, encode(batch(some)), SCHEMA_ID, None, lambda: None)], 0)
        found += [f for f, _ in outcome.findings]
        found += partition.tick(int(batch(some).received_at.max()))
    return [f for f in found if f.rule == RULE]


def test_a_device_that_speaks_of_another_body_is_asked_about_once() -> None:
    found = asked(samples("old", OWN, 0, KNOWN_S), samples("new", OTHER, KNOWN_S, 60))
    said = [(f.phase, f.alert_class, f.subject, sorted(f.evidence["unlike_before"])) for f in found]
    assert said == [("start", "technical", "new", ["hr", "rr"])]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (samples("old", OWN, 0, KNOWN_S), samples("new", OWN, KNOWN_S, 60)),
        (samples("old", OWN, 0, KNOWN_S), samples("new", OWN | {"hr": 110.0}, KNOWN_S, 60)),
        (samples("old", OWN, 0, KNOWN_S), samples("old", OTHER, KNOWN_S, 60)),
        (samples("old", OWN, 0, 60), samples("new", OTHER, 60, 60)),
        (samples("old", OWN, 0, KNOWN_S), samples("new", OTHER, KNOWN_S, READINGS - 1)),
        (samples("old", OWN, 0, KNOWN_S), samples("new", OTHER, KNOWN_S, 60, late_ms=600_000)),
        ([], samples("new", OTHER, 0, KNOWN_S)),
    ],
    ids=["the same body", "one vital alone", "the same device", "little known", "too few", "a backlog", "the first device"],
)
def test_nobody_is_asked_without_cause(before: list[Sample], after: list[Sample]) -> None:
    assert asked(before, after) == []


@pytest.mark.parametrize("each", [1, 7, 1_000])
def test_the_question_is_the_same_in_any_batching(each: int) -> None:
    parts = samples("old", OWN, 0, KNOWN_S), samples("new", OTHER, KNOWN_S, 60)
    assert [(f.phase, f.subject, f.patient) for f in asked(*parts, each=each)] == [("start", "new", "p")]


def test_the_question_is_over_when_the_device_goes_to_another_patient() -> None:
    moved = samples("new", OTHER, KNOWN_S + 60, 5, patient="q")
    found = asked(samples("old", OWN, 0, KNOWN_S), samples("new", OTHER, KNOWN_S, 60), moved, samples("old", OWN, KNOWN_S + 130, 1))
    assert [(f.phase, f.id == found[0].id) for f in found] == [("start", True), ("end", True)]


@pytest.mark.parametrize(("kg", "times"), [(81.0, 0), (95.0, 1)])
def test_a_scale_that_weighs_another_person_is_asked_about(kg: float, times: int) -> None:
    scales = [[("p", "scale-1", 1, T0, {"weight": 80.0})], [("p", "scale-2", 1, T0 + 60_000, {"weight": kg})]]
    assert len(asked(*scales)) == times


def test_an_unknown_weight_is_no_other_weight() -> None:
    assert (other_weight(np.nan, 70.0), other_weight(70.0, 78.0)) == (False, True)


def test_what_was_not_known_before_is_not_strange() -> None:
    heard = [[1e3] * READINGS for _ in FAR]
    assert strange(np.full(len(FAR), np.nan), np.full(len(FAR), 1.0), heard).tolist() == [False] * len(FAR)


def test_a_memory_of_many_patients_asks_of_each_by_itself() -> None:
    both = [s for pair in zip(samples("a", OWN, 0, KNOWN_S), samples("b", OTHER, 0, KNOWN_S, patient="q"), strict=True) for s in pair]
    swapped = [
        s for pair in zip(samples("b2", OTHER, KNOWN_S, 60), samples("a2", OWN, KNOWN_S, 60, patient="q"), strict=True) for s in pair
    ]
    assert sorted((f.patient, f.subject) for f in asked(both, swapped)) == [("p", "b2"), ("q", "a2")]


CALM = [0.8] * 200
IRREGULAR = np.random.default_rng(5).uniform(0.45, 1.25, 250).tolist()


@pytest.mark.parametrize(
    ("first", "then", "times"), [(CALM, IRREGULAR, 1), (IRREGULAR, CALM, 1), (CALM, CALM, 0), (IRREGULAR, IRREGULAR, 0)]
)
def test_another_rhythm_on_a_device_new_to_the_patient_is_asked_about(first: list[float], then: list[float], times: int) -> None:
    since = ECG_T0 + 400_000
    new = [msgspec.structs.replace(c, device="new") for c in chunks(heart(then), start=since)]
    assert [f.subject for f in told(chunks(heart(first)) + new) if f.rule == RULE] == ["new/ecg_ii"] * times
