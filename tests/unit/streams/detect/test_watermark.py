"""A sample goes on when the patient's other devices have spoken past it, or can no longer be waited for."""

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.detect import watermark
from streams.detect.order import GRACE_MS
from streams.detect.waiting import Row
from streams.detect.watermark import Front, Lane, Lanes

HOLD = 60_000


def said(t, received_at=None, seq=0):
    return Row(seq, t, t + 50 if received_at is None else received_at, 0, 0, b"", b"")


def lanes_with(**fronts):
    """One patient, whose devices have spoken up to `at` with `pause`."""
    lanes = Lanes(HOLD)
    lanes.open(0, Lane({name: Front(at, at + 50, pause) for name, (at, pause) in fronts.items()}))
    return lanes


def speak(lanes, device, row, *, late=False):
    """The times that go on with a sample."""
    if lanes.passes(0, (device, row.observed_at, row.received_at), late=late):
        return [row.observed_at, *(r.observed_at for _, r in lanes.free(0))]
    lanes.hold(0, device, row)
    return [r.observed_at for _, r in lanes.free(0)]


def test_a_sample_waits_for_a_device_that_may_have_spoken_before_it():
    lanes = lanes_with(a=(100_000, 1_000), b=(100_200, 1_000))
    assert [speak(lanes, "a", said(101_000)), speak(lanes, "b", said(101_200))] == [[], [101_000, 101_200]]


def test_what_comes_together_goes_on_in_the_order_of_its_times():
    lanes = lanes_with(a=(100_000, 5_000), b=(100_200, 1_000))
    waited = [speak(lanes, "b", said(100_200 + 1_000 * k)) for k in range(1, 7)]
    assert ([t for found in waited for t in found], speak(lanes, "a", said(105_000))) == (
        [101_200, 102_200],
        [103_200, 104_200, 105_000, 105_200, 106_200],
    )


@pytest.mark.parametrize(("front", "waits"), [((100_000, 1_000), True), ((100_000, 0), False), ((100_500, 1_000), False)])
def test_it_waits_for_a_device_of_known_pace_that_is_due(front, waits):
    lanes = lanes_with(a=front)
    assert (speak(lanes, "b", said(101_000)) == []) == waits


@pytest.mark.parametrize(("t", "waits"), [(780_000 - 1, False), (780_000, True), (900_000, True)])
def test_a_device_that_speaks_seldom_is_waited_for_only_about_when_it_is_due(t, waits):
    lanes = lanes_with(cuff=(0, 900_000))
    assert (speak(lanes, "b", said(t)) == []) == waits


@pytest.mark.parametrize(("t", "waits"), [(163_000, True), (163_001, False)])
def test_a_device_that_is_gone_is_not_waited_for(t, waits):
    lanes = lanes_with(a=(100_000, 1_000))
    assert (speak(lanes, "b", said(t)) == []) == waits


@pytest.mark.parametrize(("t", "waits"), [(100_000, False), (100_001, True)])
def test_one_of_which_samples_stand_behind_a_gap_is_waited_for_though_it_was_gone_or_spoke_but_once(t, waits):
    lanes = lanes_with(a=(100_000, 0))
    lanes.standing = {0: {"a"}, 1: {"c"}}
    assert (speak(lanes, "b", said(t, 500_000)) == []) == waits


@pytest.mark.parametrize("standing", [{}, {0: {"b"}}, {1: {"a"}}], ids=["none stands", "its own do", "another patient's do"])
def test_else_it_is_not(standing):
    lanes = lanes_with(a=(100_000, 0), b=(100_000, 0))
    lanes.standing = standing
    assert speak(lanes, "b", said(101_000)) == [101_000]


def test_nor_longer_than_a_minute_or_until_none_stands_any_more():
    lanes, went = lanes_with(a=(100_000, 0)), []
    for standing, now in (({0: {"a"}}, 161_050 + GRACE_MS), ({0: {"a"}}, 161_051 + GRACE_MS), ({}, 0)):
        lanes.standing = {0: {"a"}}
        speak(lanes, "b", said(101_000))
        lanes.standing = standing
        went.append([r.observed_at for _, _, r in lanes.due(now)])
    assert went == [[], [101_000, 101_000], [101_000]]


@pytest.mark.parametrize("device", ["new", "gone"])
def test_where_a_device_that_is_late_begins_or_comes_back_all_wait_for_a_minute(device):
    lanes = lanes_with(a=(200_000, 1_000), gone=(100_000, 0))
    begins = speak(lanes, device, said(200_200), late=True)
    after = [speak(lanes, "a", said(201_000 + t)) for t in (0, 59_000, 59_200, 59_201)]
    assert (begins, after) == ([], [[], [], [], [200_200, 201_000, 260_000, 260_200, 260_201]])


def test_of_one_that_is_in_time_or_goes_on_they_do_not():
    lanes = lanes_with(a=(200_000, 1_000))
    went = [speak(lanes, "new", said(200_100)), speak(lanes, "a", said(200_150), late=True)]
    assert (went, lanes.of[0].begun) == ([[200_100], [200_150]], 0)


@pytest.mark.parametrize(("age", "waits"), [(120_000, True), (120_001, False)])
def test_a_device_that_speaks_of_history_is_not_waited_for(age, waits):
    lanes = Lanes(HOLD)
    lanes.open(0, Lane({"a": Front(1_000_000 - age, 1_000_000, 1_000)}))
    assert (speak(lanes, "b", said(1_000_500)) == []) == waits


def test_nothing_waits_longer_than_a_minute_of_what_comes_in():
    lanes = lanes_with(a=(100_000, 50_000), b=(130_000, 1_000))
    each = {t: speak(lanes, "b", said(t)) for t in range(131_000, 194_000, 1_000)}
    assert {t: found for t, found in each.items() if found} == {192_000: [131_000], 193_000: [132_000]}


def test_what_is_older_than_what_went_on_goes_at_once():
    lanes = lanes_with(a=(100_000, 1_000), b=(100_200, 1_000))
    assert [speak(lanes, "b", said(t)) for t in (100_400, 100_300)] == [[100_400], [100_300]]


@pytest.mark.parametrize(("way_ms", "noted"), [(HOLD + GRACE_MS, [(0, 100_300)]), (HOLD + GRACE_MS + 1, [])])
def test_it_is_noted_if_it_was_a_minute_on_its_way_at_most(way_ms, noted):
    lanes = lanes_with(b=(100_200, 1_000))
    speak(lanes, "b", said(100_400))
    speak(lanes, "b", said(100_300, 100_300 + way_ms))
    assert lanes.late == noted


@pytest.mark.parametrize(("device", "noted"), [("a", [(0, 100_400)]), ("b", []), ("c", [])])
def test_of_one_moment_what_comes_behind_a_device_of_a_later_name_is_late(device, noted):
    lanes = lanes_with(b=(100_200, 1_000))
    speak(lanes, "b", said(100_400))
    speak(lanes, device, said(100_400))
    assert lanes.late == noted


@pytest.mark.parametrize(("device", "noted"), [("a", [(0, 101_200)]), ("c", [])])
def test_so_it_is_if_that_had_waited(device, noted):
    lanes = lanes_with(a2=(100_000, 1_000), b=(100_200, 1_000))
    went = [speak(lanes, "b", said(101_200)), speak(lanes, "a2", said(102_000))]
    speak(lanes, device, said(101_200))
    assert (went, lanes.late) == ([[], [101_200]], noted)


def test_the_clock_lets_go_what_has_waited_long_enough():
    lanes = lanes_with(a=(100_000, 1_000))
    speak(lanes, "b", said(101_000, seq=1))
    late = 101_050 + HOLD + GRACE_MS
    went = [[(row, name, r.seq) for row, name, r in lanes.due(now)] for now in (late, late + 1)]
    assert (went, lanes.count) == ([[], [(0, "b", 1)]], 0)


def test_no_more_than_a_bounded_number_waits():
    lanes = lanes_with(a=(100_000, 10_000))
    went = [speak(lanes, "b", said(106_000 + k, 110_000)) for k in range(1_027)]
    assert (went[:1_024], went[1_024:], lanes.count) == ([[]] * 1_024, [[106_000], [106_001], [106_002]], 1_024)


def test_of_all_patients_no_more_than_a_bounded_number_waits(monkeypatch):
    monkeypatch.setattr(watermark, "MOST_ALL", 3)
    lanes = lanes_with(a=(100_000, 10_000))
    assert [speak(lanes, "b", said(106_000 + k, 110_000)) for k in range(5)] == [[], [], [], [106_000], [106_001]]


def test_of_which_devices_something_waits_is_known():
    lanes = lanes_with(a=(100_000, 10_000))
    speak(lanes, "b", said(106_000))
    speak(lanes, "c", said(106_001))
    assert [lanes.of[0].holds(device) for device in "abc"] == [False, True, True]


def test_what_waits_of_a_patient_who_is_taken_up_again_is_counted():
    lanes = lanes_with()
    lanes.open(1, Lane({}, pending=[(1, "b", said(1)), (2, "b", said(2))]))
    assert lanes.count == 2


def test_of_one_moment_that_was_let_go_another_device_still_waits():
    lanes = lanes_with(a=(100_000, 50_000))
    speak(lanes, "b", said(140_000))
    lanes.due(140_050 + HOLD + GRACE_MS + 1)
    assert speak(lanes, "c", said(140_000, 201_000)) == []


def test_a_pause_in_which_it_was_taken_off_is_not_a_devices_own():
    front = Front(100_000, 100_050)
    pauses = []
    for t in (101_000, 701_000, 702_000, 704_000, 706_000):
        front.spoke(t, t + 50)
        pauses.append(front.pause)
    assert pauses == [1_000, 1_000, 1_000, 1_000, 2_000]


def test_two_samples_of_one_moment_say_nothing_of_a_pace():
    front = Front(100_000, 100_050, 1_000)
    front.spoke(100_000, 100_060)
    assert (front.pause, front.received_at) == (1_000, 100_060)


def test_what_waits_of_a_patient_whom_nobody_watches_is_forgotten():
    lanes = lanes_with(a=(100_000, 1_000))
    speak(lanes, "b", said(101_000))
    lanes.clear(0)
    assert (lanes.count, lanes.due(10**9)) == (0, [])


def test_nothing_waits_where_waiting_is_switched_off():
    lanes = Lanes(0)
    lanes.open(0, Lane({"a": Front(100_000, 100_050, 1_000)}))
    assert speak(lanes, "b", said(101_000)) == [101_000]


@given(paces=st.lists(st.sampled_from([1_000, 5_000, 20_000, 45_000, 90_000, 400_000]), min_size=2, max_size=5), seed=st.integers(0, 2**32))
def test_devices_that_keep_their_pace_go_on_in_the_order_of_their_times_however_late_each_sample_is(paces, seed):
    rng, lanes, come = np.random.default_rng(seed), Lanes(HOLD), []
    for k, pace in enumerate(paces):
        first = int(rng.integers(0, pace))
        times = [first + i * pace + int(rng.integers(0, min(pace // 5, HOLD))) for i in range(min(60, 2_000_000 // pace))]
        late = [t + (int(rng.integers(0, HOLD)) if i > 1 else 50) for i, t in enumerate(times)]
        in_order = np.maximum.accumulate(late)  # as `order` gives them on
        come += [(int(r), f"d{k}", i, t) for i, (t, r) in enumerate(zip(times, in_order, strict=True))]
    lanes.open(0, Lane({}))
    went = [t for r, device, i, t in sorted(come) for t in speak(lanes, device, said(t, r, i))]
    went += [row.observed_at for _, _, row in lanes.due(10**12)]
    begun = max(sorted(t for _, name, _, t in come if name == f"d{k}")[1] for k in range(len(paces)))
    after = [t for t in went if t > begun]
    assert (after, len(went)) == (sorted(after), len(come))


def test_the_examples_are_true():
    assert doctest.testmod(watermark).failed == 0
