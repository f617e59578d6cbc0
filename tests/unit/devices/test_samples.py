"""Claims about samples, people and batches."""

import json

import numpy as np

from devices.simulator import people, sample
from devices.simulator.stories import STORIES

ROW = np.array([71.6, 15.4, 97.8, 36.84, 121.6, 77.2])


def test_numbers_have_a_monitors_resolution() -> None:
    assert sample.six(ROW) == {"hr": 72, "spo2": 98, "rr": 15, "temp": 36.8, "sbp": 122, "dbp": 77}


def test_a_patient_in_sepsis_is_confused_at_the_end() -> None:
    said = [sample.slow(ROW, STORIES["sepsis"], severity)["acvpu"] for severity in (0.0, 1.0)]
    assert said == ["A", "C"]


def test_a_copd_patient_is_on_oxygen_from_the_beginning() -> None:
    assert sample.slow(ROW, STORIES["copd"], 0.0)["on_oxygen"] == 1


def test_a_probe_that_is_off_says_nothing_in_each_of_the_ways_that_monitors_have() -> None:
    said = [sample.probe_off({"spo2": 97, "hr": 70}, turn) for turn in range(4)]
    assert said == [{"spo2": nothing, "hr": 70} for nothing in (None, 0, -100, 8388607)]


def test_a_batch_holds_the_samples_unchanged_and_in_order() -> None:
    samples = [sample.encoded(seq, 1_700_000_000_000 + seq, {"hr": 70}) for seq in (3, 4)]
    assert json.loads(sample.batched(samples)) == {"batch": [json.loads(s) for s in samples]}


def test_the_same_seed_makes_the_same_people_and_no_two_share_a_number() -> None:
    made = [people.person(place, STORIES["calm"], 1) for place in range(200)]
    assert (made, len({p.mrn for p in made})) == ([people.person(place, STORIES["calm"], 1) for place in range(200)], 200)


def test_wards_have_twelve_beds_and_never_run_out() -> None:
    assert [people.ward_of(place)[0] for place in (0, 11, 12, 47, 48, 96)] == ["north", "north", "south", "west", "north-2", "north-3"]
