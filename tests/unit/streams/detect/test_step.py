"""The fold: what the detectors say, and that neither batching nor a restart changes it."""

import doctest

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.detect import checkpoint, dedupe, rounds
from streams.detect.conditions import discharge, worst_first
from streams.detect.memory import empty
from streams.detect.rules import default
from streams.detect.silence import dismissed, linked
from streams.detect.step import step, tick
from tests.unit.streams.detect.courses import loud
from tests.unit.streams.detect.readings import T0, batch, series, told
from vitals.context import Limit, PatientContext
from vitals.link import Link

HOUR = 3_600_000


def memory(**context):
    m = empty(default())
    if context:
        m.know(PatientContext(patient="p", version=1, ward="north", **context), T0)
    return m


def every_reading_counts():
    """Nobody waits for the next reading of what is charted by hand."""
    return empty(msgspec.structs.replace(default(), charted=None))


def run(samples, m=None, ticks=()):
    m = m or memory()
    found = step(m, batch(samples), 0)
    return [f for now in ticks for f in tick(m, now)] if ticks else found


def test_an_excursion_beyond_the_second_step_is_told_after_its_shorter_wait():
    found = run(series("hr", [80] * 30 + [150] * 60 + [80] * 61))
    assert told(found) == [
        ("p", "limits", "hr", "start", "high", T0 + 30_000, None, False),
        ("p", "limits", "hr", "end", "high", T0 + 30_000, T0 + 90_000, False),
    ]


@pytest.mark.parametrize(("seconds", "times"), [(30, 0), (31, 1)])
def test_an_excursion_shorter_than_its_wait_is_not_told(seconds, times):
    assert len([f for f in run(series("hr", [80] * 30 + [150] * seconds + [80] * 20)) if f.phase == "start"]) == times


def test_a_milder_excursion_waits_longer_and_grows_worse_by_an_update():
    found = run(series("hr", [125] * 130 + [150] * 40))
    assert [(f.phase, f.priority, f.at - T0) for f in found if f.rule == "limits"] == [
        ("start", "medium", 120_000),
        ("update", "high", 160_000),
    ]


def test_what_comes_at_one_moment_is_told_worst_first():
    values = {"temp": 39.5, "sbp": 85, "hr": 150, "rr": 35}
    m = every_reading_counts()
    step(m, batch([("p", "d", 0, T0, values)]), 0)
    starts = [f.priority for f in tick(m, T0 + 20 * 60_000) if f.alert_class == "physiological"]
    assert starts == [*["high"] * starts.count("high"), "medium", "low"]


def test_what_one_condition_did_stays_in_its_order():
    found = [f for f in run(series("hr", [125] * 130 + [150] * 40 + [80] * 70)) if f.rule == "limits"]
    assert [f.phase for f in worst_first(found)] == ["start", "update", "end"]


def test_a_value_on_the_limit_is_no_excursion():
    assert run(series("hr", [120] * 400 + [45] * 400)) == []


def test_within_the_hysteresis_the_excursion_goes_on():
    found = run(series("hr", [125, 118] * 90))
    assert told(found) == [("p", "limits", "hr", "start", "medium", T0, None, False)]


def test_time_without_readings_proves_nothing():
    samples = series("hr", [80] * 60 + [150] * 5) + series("hr", [80] * 5, start=T0 + HOUR, first_seq=65)
    assert [f for f in run(samples) if f.rule == "limits"] == []


def test_a_single_charted_value_is_told_once_it_has_stood_long_enough():
    found = run([("p", "d", 0, T0, {"temp": 40.0})], every_reading_counts(), ticks=(T0 + 299_000, T0 + 301_000, T0 + 400_000))
    assert told(found) == [("p", "limits", "temp", "start", "low", T0, None, False)]


def test_hourly_values_around_a_limit_are_one_condition():
    values = [80, 80, 80, 125, 80, 125, 80, 80, 125, *[80] * 30]
    found = run(series("hr", values, every=HOUR), every_reading_counts())
    assert [(f.rule, f.phase, f.ended_at) for f in found] == [("limits", "start", None), ("limits", "end", T0 + 9 * HOUR)]


def test_an_hourly_combination_is_one_condition_and_says_its_pace():
    hr = [80, 80, 80, *[118, 118, 118, 80] * 2]
    samples = [("p", "d", i, T0 + i * HOUR, {"hr": x, "sbp": 100}) for i, x in enumerate(hr)]
    found = [f for f in run(samples, empty(loud())) if f.rule == "combination"]
    assert [(f.phase, f.evidence["every_s"]) for f in found] == [("start", 3600.0)]


def test_a_finding_says_how_often_its_vital_is_read():
    found = run(series("hr", [80, 80, 80, *[125] * 6], every=HOUR))
    assert [f.evidence["every_s"] for f in found] == [3600.0]


def test_spot_checks_have_no_baseline_of_their_own():
    rng = np.random.default_rng(3)
    values = [*(70 + rng.normal(0, 2, 300)), *([110.0] * 5)]
    assert run(series("hr", values, every=HOUR)) == []


def test_beyond_a_patients_own_wider_limit_the_second_step_keeps_its_distance():
    samples = series("hr", [170.5] * 130)
    wider, widest = Limit(high=165), Limit(high=160)
    found = [run(samples, memory(limits={"hr": limit})) for limit in (wider, widest)]
    assert [[f.priority for f in each] for each in found] == [["medium"], ["high"]]


def test_patient_limits_replace_the_sites_until_they_expire():
    m = memory(limits={"hr": Limit(high=160, expires_at=T0 + 100_000)})
    first = run(series("hr", [150] * 90), m)
    tick(m, T0 + 100_000)
    later = run(series("hr", [150] * 60, start=T0 + 101_000, first_seq=90), m)
    assert ([f.rule for f in first], [f.phase for f in later]) == ([], ["start"])


def test_a_dead_channel_is_one_technical_condition_however_long():
    found = run(series("sbp", [None] * 600))
    assert told(found) == [("p", "signal", "sbp", "start", "low", T0, None, False)]


def test_the_pressures_of_one_line_are_one_condition():
    samples = [("p", "d", i, T0 + i * 60_000, {"sbp": None, "dbp": None, "map": None, "hr": 80}) for i in range(300)]
    assert told(run(samples)) == [("p", "signal", "sbp", "start", "low", T0, None, False)]


def test_a_cuff_beside_a_dead_line_does_not_make_it_flicker():
    line = [("p", "a", i, T0 + i * 60_000, {"sbp": None, "dbp": None}) for i in range(300)]
    cuff = [("p", "b", i, T0 + i * 1_800_000 + 1, {"sbp": 120, "dbp": 80}) for i in range(1, 10)]
    assert [f.phase for f in run(sorted(line + cuff, key=lambda s: s[3])) if f.rule == "signal"] == ["start"]


def test_no_value_ends_when_values_are_back():
    found = run(series("spo2", [None] * 100 + [97] * 601))
    assert [(f.phase, f.ended_at) for f in found] == [("start", None), ("end", T0 + 100_000)]


def test_a_poor_signal_is_technical_and_never_physiological():
    samples = [("p", "d", i, T0 + i * 1000, {"spo2": 70.0}, T0 + i * 1000, {"spo2": 0.3}) for i in range(300)]
    assert [(f.rule, f.alert_class) for f in run(samples)] == [("signal", "technical")]


def test_news2_fires_on_the_lower_end_with_its_evidence():
    found = run([("p", "d", i, T0 + i * 1000, {"rr": 26, "spo2": 91, "sbp": 99, "hr": 80}) for i in range(60)])
    score = [f for f in found if f.rule == "news2"]
    assert [(f.phase, f.priority, f.evidence["lowest"], f.evidence["highest"]) for f in score] == [("start", "high", 8, 16)]


def test_a_score_is_high_and_what_may_be_either_has_no_side():
    many, one = {"rr": 26, "spo2": 91, "sbp": 99, "hr": 80, "glucose": None}, {"spo2": 97, "hr": 80, "acvpu": 1}
    found = run([(p, p, i, T0 + i * 1000, values) for i in range(400) for p, values in (("p", many), ("q", one))])
    assert {(f.rule, f.evidence.get("side")) for f in found if f.rule != "limits"} == {
        ("news2", "high"), ("news2-single", None), ("signal", None),
    }  # fmt: skip


def test_children_and_the_pregnant_have_no_news2():
    samples = [("p", "d", i, T0 + i * 1000, {"rr": 26, "spo2": 91, "sbp": 99, "hr": 80}) for i in range(600)]
    found = [run(samples, memory(age_band="12-16y")), run(samples, memory(pregnant=True))]
    assert {f.rule for each in found for f in each} == {"limits"}


def test_a_discharged_patient_raises_nothing():
    assert run(series("hr", [190] * 300), memory(active=False)) == []


def test_a_discharge_ends_what_was_told():
    m = memory()
    started = run(series("hr", [80] * 10 + [150] * 60), m)
    ended = discharge(m, 0, T0) + dismissed(m, 0, T0)
    assert ([(f.id, f.phase) for f in ended], m.timers.side.any()) == ([(f.id, "end") for f in started], False)


def test_a_backlog_raises_one_retrospective_finding_for_what_is_over():
    values = ([97] * 300 + [80] * 200) * 3 + [97] * 300
    late = [(*s, T0 + 2 * HOUR) for s in series("spo2", values)]
    found = run(late, ticks=(T0 + 2 * HOUR + 6_000,))
    limits = [f for f in found if f.rule == "limits"]
    span = ("p", "limits", "spo2", "start", "high", T0 + 300_000, T0 + 1_500_000, True)
    assert (told(limits), [f.evidence["times"] for f in limits]) == ([span], [3])


def test_a_backlog_whose_newest_is_still_abnormal_pages_once_it_has_settled():
    late = [(*s, T0 + HOUR) for s in series("spo2", [97] * 300 + [80] * 200)]
    m = memory()
    first = step(m, batch(late), 0)
    after = tick(m, T0 + HOUR + 6_000)
    assert (first, [x for x in told(after) if x[1] == "limits"]) == (
        [],
        [("p", "limits", "spo2", "start", "high", T0 + 300_000, None, False)],
    )


def test_history_behind_newer_readings_is_told_as_history():
    m = memory()
    step(m, batch(series("spo2", [97] * 10, start=T0 + HOUR, first_seq=500)), 0)
    step(m, batch([(*s, T0 + HOUR + 20_000) for s in series("spo2", [97] * 300 + [80] * 100 + [97] * 100)]), 0)
    found = tick(m, T0 + HOUR + 26_000)
    assert [(f.started_at, f.retrospective) for f in found if f.rule == "limits"] == [(T0 + 300_000, True)]


def test_a_silent_device_is_one_technical_condition_until_it_speaks():
    m = memory()
    step(m, batch(series("hr", [80] * 20)), 0)
    quiet = [f for s in range(30, 200, 10) for f in tick(m, T0 + s * 1000)]
    back = step(m, batch(series("hr", [80], start=T0 + 300_000, first_seq=20)), 0)
    assert [(f.rule, f.phase, f.subject, f.started_at) for f in quiet + back] == [
        ("silence", "start", "d", T0 + 19_000),
        ("silence", "end", "d", T0 + 19_000),
    ]


def test_the_cause_of_a_silence_is_named():
    m = memory()
    step(m, batch(series("hr", [80] * 20)), 0)
    link = Link(device="d", state="offline", at=T0 + 20_000, battery=0.02, patient="p")
    m.links["d"] = link
    low = linked(m, link, T0 + 20_000)
    found = tick(m, T0 + 41_000)
    assert ([f.rule for f in low], [(f.rule, f.evidence["cause"]) for f in found]) == (["battery"], [("silence", "battery")])


def test_a_device_that_moved_is_not_missed_at_its_former_patient():
    m = memory()
    step(m, batch(series("hr", [80] * 20)), 0)
    step(m, batch(series("hr", [80] * 20, patient="q", start=T0 + 20_000, first_seq=20)), 0)
    assert {f.patient for f in tick(m, T0 + 200_000)} == {"q"}


def test_a_device_that_moved_to_another_partitions_patient_is_not_missed_at_its_former_one():
    here, there = memory(), memory()
    here.house = there.house = [here, there]
    step(here, batch(series("hr", [80] * 20)), 0)
    step(there, batch(series("hr", [80] * 20, patient="q", start=T0 + 20_000, first_seq=20)), 0)
    assert {f.patient for m in (here, there) for f in tick(m, T0 + 200_000)} == {"q"}


def test_a_value_far_from_the_patients_own_baseline_is_told_at_low_priority():
    rng = np.random.default_rng(3)
    values = [*(70 + rng.normal(0, 2, 1800)), *([110.0] * 400)]
    assert [(f.rule, f.priority) for f in run(series("hr", values))] == [("baseline", "low")]


def test_the_baseline_is_silent_while_it_warms_up():
    assert run(series("hr", [60] * 100 + [110] * 10)) == []


def test_a_duplicate_changes_nothing():
    samples = series("hr", [80] * 30 + [150] * 60)
    twice = [s for s in samples for _ in range(2)]
    m = memory()
    assert (told(run(twice, m)), m.counts["duplicate"]) == (told(run(samples)), 90)


def test_the_examples_are_true():
    assert [doctest.testmod(m).failed for m in (dedupe, rounds)] == [0, 0]


@st.composite
def wards(draw):
    """Samples of a few patients as a partition could bring them: late, twice, without values, poor, out of limits."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    samples, clock = [], dict.fromkeys("pqr", T0)
    seqs, level = dict.fromkeys("pqr", 0), dict.fromkeys("pqr", 80.0)
    for _ in range(draw(st.integers(20, 150))):
        patient = "pqr"[rng.integers(0, 3)]
        clock[patient] += int(rng.integers(500, 30_000))
        level[patient] = float(rng.choice([80, 125, 150, 40])) if rng.random() < 0.1 else level[patient]
        observed = clock[patient] - (int(rng.integers(0, HOUR)) if rng.random() < 0.15 else 0)
        received = clock[patient] + (int(rng.integers(0, 300_000)) if rng.random() < 0.2 else 40)
        spo2 = None if rng.random() < 0.1 else float(rng.choice([97, 86, 82]))
        vitals = {"hr": level[patient] + float(rng.normal(0, 2)), "spo2": spo2, "rr": float(rng.choice([15, 26]))}
        samples.append((patient, f"dev-{patient}", seqs[patient], observed, vitals, received, {"rr": float(rng.choice([1.0, 0.2]))}))
        if rng.random() < 0.9:
            seqs[patient] += 1
    return samples


def folded(samples, cuts, restart):
    """The findings of `samples` cut into batches; with `restart`, saved and restored at every cut."""
    m, found = memory(), []
    for begin, end in zip([0, *cuts], [*cuts, len(samples)], strict=True):
        if begin < end:
            found += step(m, batch(samples[begin:end]), 0)
        if restart:
            saved = checkpoint.save(m, range((len(m.patients) + 63) // 64), 0)
            m = memory()
            checkpoint.restore(m, saved)
    found += tick(m, T0 + 100 * HOUR)
    return sorted(told(found), key=lambda x: x[0]), m


def means(m):
    """Each patient's learned means, wherever its row is."""
    return {p: m.cells.mean[m.row_of[p] * 15 : m.row_of[p] * 15 + 15].tolist() for p in m.patients}


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(samples=wards(), data=st.data())
def test_neither_batching_nor_a_restart_changes_a_finding(samples, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(samples)), max_size=6)))
    whole, once = folded(samples, [], restart=False)
    cut, again = folded(samples, cuts, restart=True)
    assert (cut, means(again)) == (whole, means(once))


@pytest.mark.slow
@settings(max_examples=6, deadline=None)
@given(samples=wards())
def test_one_sample_at_a_time_is_the_same_as_all_at_once(samples):
    assert folded(samples, range(1, len(samples)), restart=False)[0] == folded(samples, [], restart=False)[0]


def test_the_input_is_left_unchanged():
    b = batch(series("hr", [150] * 50))
    before = b.values.copy()
    step(memory(), b, 0)
    assert np.array_equal(b.values, before, equal_nan=True)


def test_memory_is_bounded_by_patients_and_vitals():
    m = memory()
    for _ in range(3):
        step(m, batch([(f"p{i}", f"d{i}", 0, T0, {"hr": 80}) for i in range(1000)]), 0)
    tables = (m.cells, m.rows, m.settings, m.timers, m.devices)
    size = sum(getattr(t, f).nbytes for t in tables for f in t.__slots__)
    assert size / m.room / 15 < 2048
