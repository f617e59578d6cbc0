"""A device new to a patient, by the numbers: what is far, how many readings say so, and for how long it is looked at."""

import numpy as np
import pytest

from streams.detect import checkpoint, wrong_patient
from streams.detect.memory import empty
from streams.detect.newcomer import FAR, Newcomer, other_weight, strange
from streams.detect.step import step, tick
from streams.detect.transplant import transplant
from streams.detect.waiting import Row
from streams.detect.wrong_patient import RULE
from tests.unit.streams.detect.readings import T0, batch
from vitals.registry import V, index
from vitals.rules import default

N, NAN = len(FAR), float("nan")
WARM_UP, LATE = default().baseline.warm_up, default().late_s * 1000
MINUTE = 60_000


def far(name, away, sd=1.0, count=10):
    """Whether `count` readings so far above the mean are strange; of all other vitals nothing is heard."""
    i = list(FAR).index(name)
    heard = [[] for _ in FAR]
    heard[i] = [50.0 + away] * count
    found = strange(np.full(N, 50.0), np.full(N, sd), heard).tolist()
    assert not any(found[:i] + found[i + 1 :])
    return found[i]


@pytest.mark.parametrize(("name", "least"), [("hr", 20), ("rr", 6), ("spo2", 5), ("temp", 0.8), ("sbp", 25), ("map", 20)])
def test_far_is_beyond_the_least_distance_of_its_vital_to_both_sides(name, least):
    assert [far(name, away, sd=0.1) for away in (least - 0.01, least + 0.01, -least + 0.01, -least - 0.01)] == [False, True, False, True]


@pytest.mark.parametrize(("away", "strange"), [(40.0, False), (40.1, True)])
def test_of_a_restless_patient_four_deviations_are_far(away, strange):
    assert far("hr", away, sd=10.0) is strange


@pytest.mark.parametrize(("count", "strange"), [(9, False), (10, True), (12, True)])
def test_ten_readings_make_a_median(count, strange):
    assert far("hr", 100, count=count) is strange


def test_of_what_is_heard_the_first_ten_count():
    heard = [[] for _ in FAR]
    heard[0] = [50.0] * 10 + [200.0] * 20
    assert not strange(np.full(N, 50.0), np.full(N, 1.0), heard).any()


@pytest.mark.parametrize(("now", "other"), [(88.0, False), (88.1, True), (72.0, False), (71.9, True), (80.0, False)])
def test_a_tenth_of_a_weight_is_no_other_person(now, other):
    assert other_weight(80.0, now) is other


USUAL = {"hr": 70.0, "rr": 15.0, "spo2": 97.0}
OTHER = {"hr": 120.0, "rr": 30.0}


def known(n=1000, weight=NAN, hold_ms=0):
    """A patient whose own baseline is known of `n` readings each, on the device `a`; a second one before him."""
    m = empty(default(), hold_ms=hold_ms)
    step(m, batch([("o", "z", 1, T0 - 1000, {"hr": 80.0})]), 0)
    step(m, batch([("p", "a", 1, T0 - 1000, dict(USUAL))]), 0)
    for name, x in USUAL.items():
        cell = V + index(name)
        m.cells.mean[cell], m.cells.variance[cell], m.cells.n[cell] = x, 1.0, n
    m.cells.value[V + index("weight")] = weight
    return m


def said(m, *samples):
    """What is asked, a sample (device, ms, vitals[, late ms[, patient]]) at a time."""
    found = []
    for seq, (device, t, vitals, *more) in enumerate(samples):
        late, patient = [*more, *(0, "p")[len(more) :]]
        one = batch([(patient, device, 10 + seq, T0 + t, vitals, T0 + t + late)])
        found += step(m, one, 0)
    return shown(found)


def shown(findings):
    asked = (f for f in findings if f.rule == RULE)
    return [(f.phase, f.subject, f.started_at - T0, f.at - T0, f.ended_at, f.evidence) for f in asked]


def several(device, vitals, count=10, start=0, every=1000, late=0):
    return [(device, start + i * every, dict(vitals), late) for i in range(count)]


def test_ten_strange_readings_ask_with_what_is_usual_and_what_is_now():
    found = said(known(), *several("b", OTHER))
    unlike = {"hr": {"usual": 70.0, "now": 120.0}, "rr": {"usual": 15.0, "now": 30.0}}
    assert found == [("start", "b", 9000, 9000, None, {"device": "b", "unlike_before": unlike})]


@pytest.mark.parametrize("vitals", [{"hr": 120.0}, {"hr": 120.0, "rr": 16.0}, {"hr": 71.0, "rr": 15.0, "spo2": 97.0}])
def test_one_strange_vital_asks_nothing(vitals):
    assert said(known(), *several("b", vitals, 30)) == []


def test_nine_strange_readings_ask_nothing():
    assert said(known(), *several("b", OTHER, 9)) == []


@pytest.mark.parametrize(("every", "asked"), [(112_500, True), (112_501, False)])
def test_a_newcomer_is_looked_at_for_a_quarter_of_an_hour(every, asked):
    """The ninth reading, after which one more is waited for or not, is eight pauses after the first."""
    assert bool(said(known(), *several("b", OTHER, 10, every=every))) is asked


def test_what_comes_as_history_says_nothing_of_who_it_is():
    samples = several("b", OTHER, 20, late=LATE + 1), several("b", OTHER, 20, start=60_000, late=LATE)
    assert [len(said(known(), *each)) for each in samples] == [0, 1]


@pytest.mark.parametrize(("n", "asked"), [(WARM_UP - 1, False), (WARM_UP, True)])
def test_only_a_baseline_that_was_known_before_the_device_came_counts(n, asked):
    assert bool(said(known(n), *several("b", OTHER))) is asked


def test_the_device_that_was_there_is_no_newcomer():
    assert said(known(), *several("a", OTHER, 20)) == []


def test_the_question_ends_when_the_device_is_elsewhere_and_is_asked_once():
    m = known()
    found = said(m, *several("b", OTHER, 30), ("b", 60_000, {"hr": 80.0}, 0, "o"), ("b", 61_000, {"hr": 80.0}, 0, "o"))
    assert shown(tick(m, T0 + 90_000)) == []
    found += shown(f for late in (90_001, 90_002) for f in tick(m, T0 + late))
    assert [(phase, device, start, at, ended) for phase, device, start, at, ended, _ in found] == [
        ("start", "b", 9000, 9000, None),
        ("end", "b", 9000, 29_000, T0 + 29_000),
    ]


@pytest.mark.parametrize(("weight", "kg", "asked"), [(80.0, 95.0, True), (80.0, 81.0, False), (NAN, 95.0, False)])
def test_a_new_scale_with_another_weight_asks_at_once(weight, kg, asked):
    found = said(known(weight=weight), ("scale", 0, {"weight": kg}))
    unlike = {"weight": {"usual": 80.0, "now": 95.0}}
    assert [evidence for *_, evidence in found] == ([{"device": "scale", "unlike_before": unlike}] if asked else [])


def test_another_patients_readings_in_the_batch_are_nobodys_but_theirs():
    m = known()
    found = []
    for i in range(10):
        one = batch([("o", "z", 50 + i, T0 + i * 1000, dict(OTHER)), ("p", "b", 50 + i, T0 + i * 1000, dict(USUAL))])
        found += step(m, one, 0)
    assert shown(found) == []


def together(m, *samples):
    """What is asked of one batch of (device, ms, vitals)."""
    one = batch([("p", device, 100 + t, T0 + t, vitals) for device, t, vitals in samples])
    return [evidence.get("unlike_before") for *_, evidence in shown(step(m, one, 0))]


def test_the_old_devices_readings_are_not_the_newcomers():
    old, new = [("a", t, OTHER) for t in range(0, 12_000, 1000)], [("b", t + 1, USUAL) for t in range(0, 12_000, 1000)]
    assert together(known(), *(sample for pair in zip(old, new, strict=True) for sample in pair)) == []


def test_what_is_now_is_of_the_first_ten_readings_also_where_more_come_at_once():
    later = {name: x + 20 for name, x in OTHER.items()}
    samples = [("b", t * 1000, OTHER if t < 10 else later) for t in range(20)]
    m = known()
    assert together(m, *samples[:5]) == []
    (unlike,) = together(m, *samples[5:])
    assert {name: each["now"] for name, each in unlike.items()} == {"hr": 120.0, "rr": 30.0}


def test_a_weight_among_other_readings_is_compared_too():
    assert len(together(known(weight=80.0), ("a", 0, USUAL), ("scale", 1000, {"weight": 95.0}))) == 1


def test_a_vital_that_comes_less_often_is_waited_for():
    samples = [("b", i * 1000, OTHER if i % 2 else {"hr": 120.0}, 0) for i in range(20)]
    assert [phase for phase, *_ in said(known(), *samples)] == ["start"]


def restarted(m, hold_ms=0):
    """The memory as a checkpoint has it."""
    again = empty(default(), hold_ms=hold_ms)
    checkpoint.restore(again, checkpoint.save(m, [0], 1))
    return again


@pytest.mark.parametrize("hold_ms", [0, MINUTE])
@pytest.mark.parametrize("after", range(0, 12, 3))
def test_a_restart_changes_neither_what_is_asked_nor_that_it_is_over(after, hold_ms):
    def through(cut):
        m, found = known(hold_ms=hold_ms), []
        for k, (device, t, vitals, _) in enumerate(several("b", OTHER, 12)):
            if k == cut:
                m = restarted(m, hold_ms)
            found += step(m, batch([("p", device, 10 + k, T0 + t, vitals, T0 + t)]), 0)
        found += tick(m, T0 + 2 * MINUTE)
        found += step(m, batch([("o", "b", 30, T0 + 3 * MINUTE, {"hr": 80.0})]), 0)
        return shown(found + tick(restarted(m, hold_ms), T0 + 4 * MINUTE))

    assert (through(after), len(through(after))) == (through(None), 2)


def test_of_a_patient_who_is_discharged_the_question_is_over_and_no_newcomer_is_looked_at():
    m = known()
    said(m, *several("b", OTHER), *several("c", OTHER, 5, start=10_000))
    over = wrong_patient.dismissed(m, 1, 0)
    assert (shown(over), m.newcomers, m.settings.dirty[1]) == ([("end", "b", 9000, 9000, T0 + 9000, {})], {}, 1)


def test_of_whom_nothing_is_known_nobody_new_is_looked_at():
    m = known(n=0)
    said(m, *several("b", OTHER, 1))
    assert m.newcomers == {}


def test_a_newcomer_who_was_elsewhere_before_what_is_late_came_is_still_looked_at():
    """Its samples on the next patient came first: those on the one before wait, and it has not been heard of there."""
    m = known(hold_ms=MINUTE)
    step(m, batch([("o", "b", 30, T0 + 20_000, {"hr": 80.0})]), 0)
    m.slot(1, "b", T0)
    wrong_patient.meet(m, 1, "b")
    tick(m, T0 + 2 * MINUTE)
    assert list(m.newcomers) == [1]


def test_who_has_left_for_a_minute_unasked_is_looked_at_no_more():
    m = known(weight=80.0)
    said(m, ("b", 0, {"hr": 71.0}), ("b", 1_000, {"hr": 80.0}, 0, "o"))
    before = list(m.newcomers)
    tick(m, T0 + 61_001)
    assert (before, list(m.newcomers)) == ([1], [])


def test_a_weight_that_is_said_again_is_compared_once():
    assert [phase for phase, *_ in said(known(weight=80.0), ("s", 0, {"weight": 81.0}), ("s", 60_000, {"weight": 95.0}))] == []


def test_what_is_put_in_the_place_of_another_knows_the_same_newcomers():
    better, m = known(hold_ms=MINUTE), known(hold_ms=MINUTE)
    for each in (better, m):
        said(each, *several("b", OTHER, 3))
    tick(better, T0 + MINUTE)
    said(better, *several("b", OTHER, 4, start=3_000))
    transplant(better, 1, m, 1)
    assert wrong_patient.known(m, 1) == wrong_patient.known(better, 1) != {}


def test_how_far_a_device_has_spoken_is_known_where_what_waited_went_on_elsewhere():
    better, m = known(), known()
    for each, count in ((better, 7), (m, 3)):
        said(each, *several("b", OTHER, count))
    transplant(better, 1, m, 1)
    assert m.devices.at[m.slot_of[1, "b"]] == T0 + 6_000


@pytest.mark.parametrize(("waits", "expected"), [("a", ["end"]), ("b", [])])
def test_what_another_device_said_and_waits_keeps_no_question_open(waits, expected):
    m = known(hold_ms=MINUTE)
    asked = Newcomer(mean=[70.0] * N, sd=[1.0] * N, asked=T0)
    said(m, ("b", 0, {"hr": 71.0}), ("b", 1_000, {"hr": 80.0}, 0, "o"))
    wrong_patient.restore(m, 1, {"b": asked})
    m.lanes.hold(1, waits, Row(3, T0 + 2_000, T0 + 2_050, 0, 0, b"", b""))
    assert [f.phase for f in wrong_patient.left(m, T0 + 2 * MINUTE)] == expected


def test_more_than_ten_readings_of_one_vital_do_not_move_what_is_now():
    hr = [110.0] * 5 + [130.0] * 15
    (asked,) = said(known(), *(("b", i * 1000, {"hr": hr[i]} | ({"rr": 30.0} if i % 2 else {}), 0) for i in range(20)))
    assert asked[-1]["unlike_before"]["hr"]["now"] == 120.0


@pytest.mark.parametrize(("count", "looked_at"), [(9, [1]), (10, [])])
def test_who_has_said_ten_readings_of_all_is_looked_at_no_more(count, looked_at):
    m = known()
    said(m, *several("b", {"hr": 70.0, "rr": 15.0, "spo2": 97.0, "temp": 37.0, "sbp": 120.0, "map": 90.0}, count))
    assert list(m.newcomers) == looked_at


def test_where_samples_wait_newcomers_are_looked_at_where_all_are_in_order():
    m = known(hold_ms=MINUTE)
    said(m, *several("b", OTHER, 1))
    assert (m.newcomers, list(m.joint.newcomers)) == ({}, [0])


def test_a_scale_is_looked_at_by_the_weight_alone():
    assert len(said(known(n=0, weight=80.0), ("s", 0, {"hr": 70.0}), ("s", 1_000, {"weight": 95.0}))) == 1


def test_what_was_asked_stays_asked_however_long_the_device_is_there():
    m = known()
    said(m, *several("b", OTHER), ("b", 20 * MINUTE, OTHER))
    assert [one.asked - T0 for one in wrong_patient.known(m, 1).values()] == [9000]


def test_who_is_looked_at_when_samples_begin_to_wait_is_so_where_all_are_in_order():
    m = known()
    said(m, *several("b", OTHER, 3))
    after = restarted(m, MINUTE)
    assert (after.newcomers, [list(by) for by in after.joint.newcomers.values()]) == ({}, [["b"]])
