"""Of several devices of one patient, too, re-ordering changes no finding; and what is of one vital waits for no other device."""

import msgspec
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from streams.detect import checkpoint
from streams.detect.conditions import discharge
from streams.detect.memory import empty
from streams.detect.ruled import take_up
from streams.detect.step import step, tick
from tests.unit.streams.detect.courses import loud
from tests.unit.streams.detect.readings import T0, batch, series
from tests.unit.streams.detect.test_order import HOLD, HOUR, racing, shaken
from vitals.context import PatientContext
from vitals.rules import default

DEVICES = {
    "monitor": (1_000, {"hr": (80, 120, 150), "spo2": (97, 93, 86, None)}),
    "watch": (5_000, {"rr": (15, 22, 26), "acvpu": (0, 1)}),
    "cuff": (20_000, {"sbp": (120, 105, 70)}),
    "patch": (45_000, {"temp": (36.8, 38.6, 40.0)}),
    "round": (150_000, {"dbp": (80, 45), "glucose": (100, 300)}),
}
"""Of each device the pause between its samples, and its vitals with their levels (None: no value)."""
OF_ONE_VITAL = {"limits", "baseline", "signal"}


def watched(rng, patient, names, length_ms):
    """Samples of one patient with several devices, whose vitals jump between their levels, wander, and are poor now and then."""
    found = []
    for device in names:
        every, vitals = DEVICES[device]
        level, first = dict.fromkeys(vitals, 0), int(rng.integers(0, every))
        for i in range(length_ms // every):
            for name, levels in vitals.items():
                if rng.random() < every / 240_000:
                    level[name] = int(rng.integers(0, len(levels)))
            now = {v: vitals[v][k] for v, k in level.items()}
            values = {v: x if x is None or v == "acvpu" else round(x + float(rng.normal(0, 1)), 1) for v, x in now.items()}
            quality = {"hr": 0.2 if rng.random() < 0.03 else 1.0} if "hr" in values else {}
            at = T0 + first + i * every + int(rng.integers(0, every // 5))
            found.append((patient, f"{device}-{patient}", i + 7, at, values, at + 50, quality))
    return found


def ward(rng):
    """Samples of two patients, each with two to five devices, in order."""
    found = []
    for patient in "pq":
        names = rng.choice(list(DEVICES), int(rng.integers(2, len(DEVICES) + 1)), replace=False).tolist()
        found += watched(rng, patient, names, int(rng.integers(20, 40)) * 60_000)
    return sorted(found, key=lambda s: s[5])


def restored(m):
    """`m` as a worker has it after a restart."""
    saved, again = checkpoint.save(m, range((len(m.patients) + 63) // 64), 0), empty(m.rules, hold_ms=HOLD)
    checkpoint.restore(again, saved)
    return again


def raised(samples, cuts=(), *, restart=False):
    """The findings of `samples` cut into batches, saved and restored at every cut; of what is of one vital not what is shown beside it."""
    m, found = empty(loud(), hold_ms=HOLD), []
    for begin, end in zip([0, *cuts], [*cuts, len(samples)], strict=True):
        found += step(m, batch(samples[begin:end]), 0) if begin < end else []
        m = restored(m) if restart else m
    found = [f for f in found + tick(m, T0 + 100 * HOUR) if f.rule != "outage"]
    shown = [{} if f.rule in OF_ONE_VITAL else f.evidence for f in found]
    return sorted((f.id, f.phase, f.priority, f.at, f.ended_at or 0, f.retrospective, str(e)) for f, e in zip(found, shown, strict=True))


@pytest.mark.slow
@settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(seed=st.integers(0, 2**32), share=st.sampled_from([0.02, 0.2, 1.0]), restart=st.booleans(), data=st.data())
def test_of_several_devices_reordering_within_a_minute_and_duplicates_change_no_finding(seed, share, restart, data):
    rng = np.random.default_rng(seed)
    samples = ward(rng)
    late = shaken(samples, rng, share)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(late)), max_size=8)))
    assert raised(late, cuts, restart=restart) == raised(samples)


@pytest.mark.slow
def test_without_the_order_of_all_devices_what_is_of_several_vitals_would_change(monkeypatch):
    rng = np.random.default_rng(3)
    samples = ward(rng)
    late = shaken(samples, rng, 1.0)
    monkeypatch.setattr("streams.detect.arrival.joint.share", lambda *_: None)
    assert raised(late) != raised(samples)


ILL = {"hr": 135.0, "spo2": 90.0}
WATCH = {"rr": 26.0, "sbp": 95.0, "temp": 39.5, "acvpu": 0.0}


def both(n, *, watch=None, without=()):
    """A monitor a second and a watch in five of an ill patient; the watch speaks until its sample `watch`."""
    monitor = [("p", "monitor", i, T0 + i * 1_000, ILL) for i in range(n)]
    others = [("p", "watch", i, T0 + 200 + i * 5_000, WATCH) for i in range(n // 5 if watch is None else watch) if i not in without]
    return sorted(monitor + others, key=lambda s: s[3])


def when(samples, rule, m=None):
    """The time of the sample (s) with which each finding of `rule` is told."""
    m = m or empty(default(), hold_ms=HOLD)
    return [(s[3] - T0) // 1_000 for s in samples for f in step(m, batch([s]), 0) if f.rule == rule]


def test_a_limit_waits_for_no_other_device():
    samples = racing(60) + [("p", "patch", i, T0 + i * 45_000, {"temp": 36.8}) for i in range(2)]
    assert when(sorted(samples, key=lambda s: s[3]), "limits") == [30]


def test_a_score_waits_for_a_device_of_the_patient_no_longer_than_until_that_has_spoken():
    assert when(both(60), "news2") == [30]


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
    told = [f.id for f in step(m, batch([("p", "monitor", 60, T0 + 60_000, {"hr": 135.0})]), 0)]
    again = restored(m)
    well = [("p", "monitor", i, T0 + i * 1_000, {"hr": 80.0, "spo2": 98.0}) for i in range(61, 700)]
    well += [("p", "watch", i, T0 + 200 + i * 5_000, {"rr": 15.0, "sbp": 120.0, "temp": 36.8}) for i in range(13, 140)]
    found = [f.phase for f in step(again, batch(sorted(well, key=lambda s: s[3])), 0) if f.rule == "news2"]
    assert (told, len(m.lanes.of), len(again.lanes.of), found) == ([], 0, 1, ["end"])


def test_what_was_told_of_a_patient_who_is_discharged_ends_and_what_waits_is_forgotten():
    m = empty(default(), hold_ms=HOLD)
    step(m, batch(both(60)), 0)
    step(m, batch([("p", "monitor", i, T0 + i * 1_000, ILL) for i in range(60, 80)]), 0)
    waited = m.lanes.count
    ended = {(f.rule, f.phase) for f in discharge(m, 0, T0 + 80_000)}
    assert (waited > 0, ("news2", "end") in ended, m.lanes.count) == (True, True, 0)


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
