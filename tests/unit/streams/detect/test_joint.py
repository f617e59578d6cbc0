"""Scores see the samples of all devices of a patient in the order of their times; limits wait for no other device."""

import msgspec
import numpy as np
import pytest

from streams.detect import checkpoint, joint
from streams.detect.channels import BASELINE, CHANNELS, LIMITS, NEWS2
from streams.detect.conditions import discharge
from streams.detect.memory import Backlog, empty
from streams.detect.ruled import take_up
from streams.detect.step import step, tick
from streams.detect.watermark import Front
from tests.unit.streams.detect.courses import loud
from tests.unit.streams.detect.readings import T0, batch, series
from tests.unit.streams.detect.test_order import HOLD, HOUR, racing
from vitals.context import PatientContext
from vitals.registry import V
from vitals.rules import default


def restored(m):
    """`m` as a worker has it after a restart."""
    saved, again = checkpoint.save(m, range((len(m.patients) + 63) // 64), 0), empty(m.rules, hold_ms=HOLD)
    checkpoint.restore(again, saved)
    return again


ILL = {"hr": 135.0, "spo2": 90.0}
WATCH = {"rr": 26.0, "sbp": 95.0, "temp": 39.5, "acvpu": 0.0}


def both(n, *, watch=None, without=()):
    """A monitor a second and a watch in five of an ill patient; the watch speaks until its sample `watch`."""
    monitor = [("p", "monitor", i, T0 + i * 1_000, ILL) for i in range(n)]
    others = [("p", "watch", i, T0 + 200 + i * 5_000, WATCH) for i in range(n // 5 if watch is None else watch) if i not in without]
    return sorted(monitor + others, key=lambda s: s[3])


def when(samples, rule):
    """The time of the sample (s) with which each finding of `rule` is told."""
    m = empty(default(), hold_ms=HOLD)
    return [(s[3] - T0) // 1_000 for s in samples for f in step(m, batch([s]), 0) if f.rule == rule]


def test_a_limit_waits_for_no_other_device():
    samples = racing(60) + [("p", "patch", i, T0 + i * 45_000, {"temp": 36.8}) for i in range(2)]
    assert when(sorted(samples, key=lambda s: s[3]), "limits") == [30]


def test_a_score_waits_for_a_device_of_the_patient_no_longer_than_until_that_has_spoken():
    assert when(both(60), "news2") == [30]


def test_the_baseline_of_the_first_vital_is_of_all_devices_together():
    m, samples = empty(default(), hold_ms=HOLD), [(p, "ab"[i % 2], i // 2, *s) for p, _, i, *s in series("hr", [108.0] * 700)]
    step(m, batch(samples[:4]), 0)
    m.joint.cells.mean[0], m.joint.cells.variance[0], m.joint.cells.n[0] = 80.0, 4.0, 2_000.0
    assert [(f.rule, f.subject) for f in step(m, batch(samples[4:]), 0)] == [("baseline", "hr")]


def test_a_device_that_falls_silent_delays_a_score_by_a_minute():
    assert when(both(200, watch=5), "news2") == [92]


def test_a_sample_that_is_lost_delays_a_score_by_a_minute():
    assert when(both(200, without=[5]), "news2") == [92]


def test_what_runs_when_a_second_device_comes_goes_on_under_its_id():
    m = empty(default(), hold_ms=HOLD)
    alone = [("p", "all", i, T0 + i * 1_000, ILL | WATCH) for i in range(100)]
    began = [f.id for f in step(m, batch(alone), 0) if f.rule == "news2"]
    well = [("p", "all", i, T0 + i * 1_000, {"hr": 80.0, "spo2": 98.0, "rr": 15.0, "sbp": 120.0, "temp": 36.8}) for i in range(100, 900)]
    second = [("p", "patch", i, T0 + 100_500 + i * 5_000, {"glucose": 100.0}) for i in range(160)]
    ended = [(f.id, f.phase) for f in step(m, batch(sorted(well + second, key=lambda s: s[3])), 0) if f.rule == "news2"]
    assert (len(began), ended) == (1, [(began[0], "end")])


def test_the_clock_folds_what_has_waited_and_marks_it_for_the_checkpoint():
    m = empty(default(), hold_ms=HOLD)
    step(m, batch(both(60, watch=5)), 0)
    before, m.settings.dirty[0] = m.lanes.count, 0
    found = tick(m, T0 + 59_050 + HOLD + 1_001)
    assert ("news2" in {f.rule for f in found}, before > 0, m.lanes.count, m.settings.dirty[0]) == (True, True, 0, 1)


def test_time_alone_says_nothing_of_a_score_while_samples_wait():
    m = empty(default(), hold_ms=HOLD)
    step(m, batch(both(28, watch=5)), 0)
    assert [f.rule for s in range(29, 80) for f in tick(m, T0 + s * 1_000) if f.rule.startswith("news2")] == []


def test_what_waits_of_several_devices_is_in_a_checkpoint():
    m = empty(default(), hold_ms=HOLD)
    step(m, batch(both(60, watch=5)), 0)
    again = restored(m)
    assert (again.lanes.count, again.lanes.of) == (m.lanes.count, m.lanes.of)


def test_what_waits_is_folded_when_waiting_is_switched_off():
    m, off = empty(default(), hold_ms=HOLD), empty(default())
    step(m, batch(both(60, watch=5)), 0)
    checkpoint.restore(off, checkpoint.save(m, [0], 0))
    step(off, batch([("q", *s[1:]) for s in both(20)]), 0)
    assert ([f.phase for f in tick(off, T0 + 62_000) if f.rule == "news2"], off.lanes.count) == (["start"], 0)


def test_a_page_of_before_there_was_a_joint_memory_is_still_read():
    m = empty(default())
    step(m, batch(both(60)), 0)
    again = restored(m)
    well = [("p", "monitor", i, T0 + i * 1_000, {"hr": 80.0, "spo2": 98.0}) for i in range(60, 700)]
    well += [("p", "watch", i, T0 + 200 + i * 5_000, {"rr": 15.0, "sbp": 120.0, "temp": 36.8}) for i in range(12, 140)]
    found = [f.phase for f in step(again, batch(sorted(well, key=lambda s: s[3])), 0) if f.rule == "news2"]
    assert (len(m.lanes.of), len(again.lanes.of), found) == (0, 1, ["end"])


def test_what_was_told_of_a_patient_who_is_discharged_ends_and_what_waits_is_forgotten():
    m = empty(default(), hold_ms=HOLD)
    step(m, batch(both(60)), 0)
    step(m, batch([("p", "monitor", i, T0 + i * 1_000, ILL) for i in range(60, 80)]), 0)
    waited = m.lanes.count
    ended = {(f.rule, f.phase) for f in discharge(m, 0, T0 + 80_000)}
    assert (waited > 0, ("news2", "end") in ended, m.lanes.count) == (True, True, 0)


@pytest.mark.slow
def test_a_combination_whose_rule_is_gone_ends():
    m = empty(loud(), hold_ms=HOLD)
    step(m, batch([(p, d, s, t, {k: 60.0 if k == "sbp" else x for k, x in v.items()}) for p, d, s, t, v in both(800)]), 0)
    m.settings.dirty[0] = 0
    ended = [(f.rule, f.phase) for f in take_up(m, msgspec.structs.replace(loud(), combinations={}), T0 + 800_000)]
    assert (ended, m.settings.dirty[0]) == ([("combination", "end")], 1)


def test_what_is_known_of_the_patient_counts_for_the_score():
    m = empty(default(), hold_ms=HOLD)
    step(m, batch(both(20)), 0)
    m.know(PatientContext(patient="p", ward="w", version=2, pregnant=True), T0 + 20_000)
    assert [f.rule for s in both(80) if s[3] >= T0 + 20_000 for f in step(m, batch([s]), 0) if f.rule.startswith("news2")] == []


def test_history_of_several_devices_is_told_as_one_summary_of_the_score():
    m = empty(default(), hold_ms=HOLD)
    ill = [(*s, T0 + HOUR + k) for k, s in enumerate(both(100))]
    well = [("p", "monitor", i, T0 + i * 1_000, {"hr": 80.0, "spo2": 98.0}) for i in range(100, 900)]
    well += [("p", "watch", i, T0 + 200 + i * 5_000, {"rr": 15.0, "sbp": 120.0, "temp": 36.8}) for i in range(20, 180)]
    step(m, batch(ill + [(*s, T0 + HOUR + 1_000 + k) for k, s in enumerate(sorted(well, key=lambda s: s[3]))]), 0)
    found = tick(m, T0 + HOUR + 200_000)
    assert [(f.rule, f.phase, f.retrospective) for f in found if f.rule == "news2"] == [("news2", "start", True)]


def test_where_nothing_waits_there_is_no_joint_memory():
    m = empty(default())
    step(m, batch(both(20)), 0)
    assert (m.joint, m.lanes.of) == (None, {})


def test_a_patient_with_one_device_is_in_no_joint_memory():
    m = empty(default(), hold_ms=HOLD)
    step(m, batch([*both(20), *series("hr", [80.0] * 20, patient="q")]), 0)
    assert (list(m.lanes.of), m.joint.patients) == ([m.row_of["p"]], ["p"])


def known_of(patient, device="all"):
    """Two patients; of one, the limit of a pulse runs."""
    m = empty(default(), hold_ms=HOLD)
    step(m, batch([*racing(40), *(("q", device, i, T0 + i * 1_000, {"hr": 150.0}) for i in range(40))]), 0)
    return m, m.row_of[patient]


def test_of_what_runs_limits_go_to_the_device_and_the_rest_to_the_joint_memory():
    m, row = known_of("q")
    m.cells.busy[row * V] = LIMITS | BASELINE
    for each in (m.row_of["p"], row):
        joint.share(m, each)
    to, own = int(m.settings.joint[row]) * V, m.own[row]["all"] * V
    busy = [int(b) for b in (m.cells.busy[row * V], m.apart.cells.busy[own], m.joint.cells.busy[to])]
    assert (busy, m.joint.cells.value[to], m.apart.cells.value[own]) == ([0, LIMITS, BASELINE], 150.0, 150.0)


def test_history_that_is_summed_up_goes_with_the_channel_that_it_is_of():
    m, row = known_of("q")
    mine = {channel: Backlog(channel, channel, 1, 1.0, 1) for channel in (0, V - 1, V, NEWS2, CHANNELS - 1)}
    others = {CHANNELS - 1: mine[0], 2 * CHANNELS + NEWS2: mine[0]}
    m.backlog = {row * CHANNELS + channel: b for channel, b in mine.items()} | others
    joint.share(m, row)
    limits, rest = ({channel: b for channel, b in mine.items() if (channel < V) == low} for low in (True, False))
    assert (m.backlog, m.apart.backlog, m.joint.backlog) == (others, limits, rest)


def test_what_was_said_is_known_by_the_devices_that_spoke():
    m, row = known_of("q")
    m.slot(row, "new", T0)
    joint.share(m, row)
    lane = m.lanes.of[row]
    assert (lane.fronts, lane.said) == ({"all": Front(T0 + 39_000, T0 + 39_050, 1_000)}, {0: {"all": (150.0, T0 + 39_000)}})


def test_of_several_that_spoke_before_what_was_said_is_by_the_last():
    m = empty(default())
    step(m, batch([("p", d, 0, T0 + t, {"hr": 80.0}) for t, d in enumerate("abc")]), 0)
    assert restored(m).lanes.of[0].said == {0: {"c": (80.0, T0 + 2)}}


@pytest.mark.parametrize(("pending", "until", "known"), [(True, 90_000, 23_000), (True, 4_000, 4_000), (False, 90_000, 90_000)])
def test_all_is_known_of_a_joint_patient_up_to_what_waits_here_or_before(pending, until, known):
    m = empty(default(), hold_ms=HOLD)
    step(m, batch(both(60, watch=5 if pending else None)), 0)
    tick(m, T0 + 59_100 + (0 if pending else 2 * HOLD))
    assert (joint.known_until(m, np.array([T0 + until])) - T0).tolist() == [known]


def test_a_patient_with_one_device_is_discharged_beside_one_with_several():
    m = empty(default(), hold_ms=HOLD)
    step(m, batch([*both(20), *series("hr", [150.0] * 40, patient="q")]), 0)
    ended = [(f.patient, f.rule, f.phase) for f in discharge(m, m.row_of["q"], T0 + 40_000)]
    assert (ended, m.settings.joint[m.row_of["q"]]) == ([("q", "limits", "end")], -1)


@pytest.mark.parametrize("standing", [True, False], ids=["a device that was gone speaks behind a gap", "it does not"])
def test_of_devices_of_which_samples_stand_the_others_wait(standing):
    m = empty(default(), hold_ms=HOLD)
    step(m, batch(both(60)), 0)
    back = T0 + 900_000
    watch = [("p", "watch", 14, back + 1_000, WATCH)] if standing else []
    step(m, batch([*watch, ("p", "monitor", 60, back + 2_000, ILL)]), 0)
    step(m, batch([("p", "monitor", 61, back + 3_000, ILL)]), 0)
    assert len(m.lanes.of[0].pending) == (2 if standing else 0)


def test_until_those_go_on():
    m = empty(default(), hold_ms=HOLD)
    step(m, batch(both(60)), 0)
    back = T0 + 900_000
    step(m, batch([("p", "watch", 14, back + 1_000, WATCH), ("p", "monitor", 60, back + 2_000, ILL)]), 0)
    step(m, batch([("p", "watch", k, back - 5_000 * (14 - k), WATCH) for k in (12, 13)]), 0)
    tick(m, back + 63_000)
    assert m.lanes.of[0].pending == []
