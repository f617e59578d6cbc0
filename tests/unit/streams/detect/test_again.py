"""What nobody announced is told at once and put right afterwards: in the end, what is raised is what it would have been in order."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from alerts import findings
from alerts.desk import Desk
from alerts.same import withdrawn
from streams.detect import again, checkpoint, wrong_patient
from streams.detect.lately import STRIDE_MS
from streams.detect.memory import empty
from streams.detect.order import GRACE_MS, HOLD_MS
from streams.detect.partition import Partition
from tests.unit.alerts.stories import SITE
from tests.unit.streams.detect.courses import loud
from tests.unit.streams.detect.readings import T0, series
from tests.unit.streams.detect.test_held_back import HOUR, record, shaken
from tests.unit.streams.detect.test_several_devices import SEEDS, SHARES, ward
from vitals.context import Limit, PatientContext

OF_ARRIVALS = ("outage", "silence")
"""What is about when something came."""
RANK = ("low", "medium", "high")
VITALS = {"hr": (80, 150, 30), "spo2": (97, 86, None), "rr": (15, 30, 6), "sbp": (120, 70, 85), "temp": (37, 40.1, 34.5)}
HELD_MS = HOLD_MS + GRACE_MS


def new(rules=None, pages=None):
    return Partition(0, empty(rules or loud(), hold_ms=HOLD_MS), pages or {})


def raised(samples, each=50, every_ms=5_000):
    """All that is told: in records of at most `each` samples, or so many ms; after each come time, a checkpoint, what is judged again."""
    p, found, offset, k = new(), [], 0, 0
    while k < len(samples):
        n = next(
            (i for i in range(k + 1, min(k + each, len(samples))) if samples[i][5] > samples[k][5] + every_ms), min(k + each, len(samples))
        )
        now, k, come = samples[n - 1][5], n, samples[k:n]
        found += [f for f, _ in p.fold([record(come, offset)], now).findings]
        found += p.again(now) + p.tick(now + 100)
        p.pages()
        offset += 1
    for now in (T0 + HOUR, T0 + 2 * HOUR):  # as on any other day, time goes by, and others speak
        p.seen_ms = now
        found += p.tick(now)
    return found


def spans(found):
    """When each condition was, and how grave, by the last word on it; not what was withdrawn: over where it began."""
    last, of = {f.id: f for f in found}, defaultdict(list)
    for f in last.values():
        if f.rule not in OF_ARRIVALS and (f.retrospective or f.ended_at != f.started_at):
            of[f.patient, f.rule, f.subject, f.started_at].append((f.ended_at or 100 * HOUR + T0, RANK.index(f.priority)))
    return {what: tuple(max(column) for column in zip(*each, strict=True)) for what, each in of.items()}


def told(found):
    """All that was told, what was withdrawn too: of whom, from when to when by the last word, as how grave, and whether while it was."""
    first, last, worst = {}, {}, defaultdict(int)
    for f in found:
        first.setdefault(f.id, f)
        last[f.id], worst[f.id] = f, max(worst[f.id], RANK.index(f.priority))
    return Counter(
        (f.patient, f.rule, f.subject, f.started_at, f.ended_at, worst[i], first[i].retrospective)
        for i, f in last.items()
        if f.rule not in OF_ARRIVALS
    )


def calm(until_ms, by=50, patients=8):
    """Some calm patients, of whom in every minute one sample comes `by` ms after its time: so much is shown by the network all the time."""
    found = []
    for k in range(patients):
        for i in range(-60, until_ms // 1_000):
            t = T0 + i * 1_000
            found.append((f"calm{k}", f"d-calm{k}", 100 + i, t, {"hr": 80.0}, t + (by if i % 60 == 30 + k else 50), {}))
    return found


def alerts(found):
    """The alerts that are made of it, in the end: of whom, from when to when, as how grave; not what was withdrawn, or goes on in one.

    What is over and was told as high may wait for who was called, though it was milder."""
    desk = Desk(SITE)
    for f in found:
        if f.rule not in OF_ARRIVALS:
            findings.take(desk, f, f.detected_at)
    cases = [c for c in desk.cases.values() if c.memory.goes_on_in is None and (c.alert.retrospective or not withdrawn(c))]
    made = [case.alert for case in cases]
    states = [a.state if a.ended_at is None else "over" for a in made]
    spans = [(a.patient, a.rule, a.subject, a.started_at, a.ended_at, a.priority, a.retrospective) for a in made]
    return Counter(zip(spans, states, strict=True))


def changed(samples, late, each=50, every_ms=5_000):
    """What is raised of one and not of the other, or with another end, or as grave otherwise; then alerts that are of one alone."""
    in_order, come_late = raised(samples), raised(late, each, every_ms)
    ordered, found = spans(in_order), spans(come_late)
    conditions = sorted(k for k in ordered.keys() | found.keys() if ordered.get(k) != found.get(k))
    made, made_late = alerts(in_order), alerts(come_late)
    return [*conditions, *(made - made_late), *(made_late - made)]


def beginning(rng, patient):
    """Samples of one patient with one to three devices that begin within minutes, stop for a while, and are abnormal now and then."""
    found = []
    for device in range(int(rng.integers(1, 4))):
        every = int(rng.choice([1_000, 2_000, 5_000, 15_000]))
        at = T0 + int(rng.integers(0, 90_000 if rng.random() < 0.7 else 400_000))
        vitals = [v for v in VITALS if rng.random() < 0.6] or ["hr"]
        level, seq = dict.fromkeys(vitals, 0) | {vitals[0]: int(rng.integers(0, 3))}, int(rng.integers(0, 50))
        for i in range(int(rng.integers(3, 300_000 // every))):
            at += every + (int(rng.integers(10_000, 300_000)) if rng.random() < 0.01 else 0)
            level = {v: int(rng.integers(0, 3)) if rng.random() < every / 60_000 else k for v, k in level.items()}
            now = {v: VITALS[v][k] for v, k in level.items()}
            values = {v: x if x is None else round(x + float(rng.normal(0, 0.5)), 1) for v, x in now.items()}
            t = at + int(rng.integers(0, every // 5))
            found.append((patient, f"{device}-{patient}", seq + i, t, values, t + 50, {}))
    return found


def beginners(rng, patients=6):
    return sorted((s for k in range(patients) for s in beginning(rng, f"p{k}")), key=lambda s: s[5])


@pytest.mark.slow
@settings(max_examples=1, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(seed=SEEDS, each=st.integers(20, 200))
def test_reordering_within_a_minute_and_duplicates_change_nothing_that_is_raised_whatever_begins_late(seed, each):
    rng = np.random.default_rng(seed)
    samples = beginners(rng, 12)
    shares = {f"p{k}": (0.02, 0.2, 1.0)[k % 3] for k in range(12)}
    assert changed(samples, shaken(samples, rng, shares), each) == []


@pytest.mark.slow
@settings(max_examples=1, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(seed=SEEDS)
def test_nor_of_devices_that_measure_the_same_and_come_and_go(seed):
    rng = np.random.default_rng(seed)
    samples = ward(rng, shared=True, patients="qr")
    assert changed(samples, shaken(samples, rng, SHARES), 200, 20_000) == []


def swapping(rng):
    """Samples of patients who are known for minutes when a device new to them begins, of another body or not, and goes on to the next."""
    found = []
    for k in range(6):
        patient, own, begins = f"p{k}", int(rng.integers(0, 2)), int(rng.integers(150, 300))
        other = own if rng.random() < 0.25 else 1 - own
        said = [(patient, f"old-{k}", own, 0, 400), (patient, f"new-{k}", other, begins, begins + int(rng.integers(5, 90)))]
        if rng.random() < 0.5:
            said.append((f"p{(k + 1) % 6}", f"new-{k}", int(rng.integers(0, 2)), said[1][4] + 1, 400))
        for name, device, body, first, last in said:
            for i in range(first, last, int(rng.integers(1, 3))):
                values = {v: round(VITALS[v][body] + float(rng.normal(0, 0.5)), 1) for v in ("hr", "rr", "sbp")}
                found.append((name, device, i + 1, T0 + 1_000 * i + 37 * k, values, T0 + 1_000 * i + 37 * k + 50, {}))
    return sorted(found, key=lambda s: s[5])


@pytest.mark.slow
@pytest.mark.parametrize("ward_of", [beginners, swapping])
@settings(max_examples=1, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(seed=SEEDS, share=st.sampled_from([0.02, 0.2, 1.0]))
def test_where_the_network_has_shown_that_it_reorders_nothing_else_is_told_at_any_time(ward_of, seed, share):
    """Not the last word alone, and of no sample an exception."""
    assert told_late(ward_of, seed, share) == told_in_order(ward_of, seed)


@pytest.mark.slow
def test_nor_where_the_numbers_of_a_device_go_by_two():
    assert told_late(swapping, 61001, 0.02) == told_in_order(swapping, 61001)


@pytest.mark.parametrize("heard_first", [1, 2], ids=["alone", "with what followed"])
def test_what_was_heard_first_waits_when_something_comes_from_before_it(heard_first):
    """The 33 is missing, which shows that it did not last."""
    said = [(32, 76_500, 30.0, 127_000), (33, 90_700, 80.0, 148_000), (34, 108_100, 80.0, 108_200), (35, 122_000, 80.0, 122_100)]
    late = [("p", "d", seq, T0 + t, {"hr": x}, T0 + r, {}) for seq, t, x, r in said[: 2 + heard_first]]
    found = raised(sorted([*late, *calm(160_000, 1_500)], key=lambda s: s[5]))
    assert [f.rule for f in found if f.patient == "p" and f.rule not in OF_ARRIVALS] == []


def told_in_order(ward_of, seed):
    samples = ward_of(np.random.default_rng(seed))
    return told(raised(sorted([*samples, *calm(spoken_ms(samples))], key=lambda s: s[5])))


def told_late(ward_of, seed, share):
    samples = ward_of(np.random.default_rng(seed))
    late = shaken(samples, np.random.default_rng([seed, int(share * 100)]), share)
    return told(raised(sorted([*late, *calm(spoken_ms(samples), 1_500)], key=lambda s: s[5])))


def spoken_ms(samples):
    return max(s[3] for s in samples) - T0


@pytest.mark.slow
@settings(max_examples=1, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(seed=SEEDS)
def test_nor_whether_it_is_asked_if_a_device_is_on_the_right_patient(seed):
    rng = np.random.default_rng(seed)
    samples = swapping(rng)
    assert changed(samples, shaken(samples, rng, 1.0), 200) == []


def test_what_its_first_value_alone_showed_is_as_grave_as_all_show_it():
    """It stood for half a minute, while the milder second one was on its way."""
    said = [(1, 0, 40.0, 50), (2, 10_000, 44.5, 45_000), *((3 + i, 50_000 + 10_000 * i, 44.5, 50_050 + 10_000 * i) for i in range(12))]
    late = [("p", "d", seq, T0 + t, {"hr": x}, T0 + r, {}) for seq, t, x, r in said]
    found = raised(sorted([*late, *calm(170_000)], key=lambda s: s[5]))
    assert [(f.phase, f.priority) for f in found if f.rule == "limits"] == [("start", "high"), ("update", "medium")]


def test_of_a_new_device_the_first_ten_readings_by_their_times_count():
    def said(device, first, last, body, late):
        values = {"hr": 80.0 + 40 * body, "rr": 15.0 + 15 * body}
        return [("p", device, i, T0 + i * 1_000, values, T0 + i * 1_000 + 50 + late(i), {}) for i in range(first, last)]

    old = said("old", 0, 240, 0, lambda i: 0)
    new = [*said("new", 200, 210, 1, lambda i: (230 - i) * 1_000), *said("new", 210, 240, 0, lambda i: 0)]
    found = raised(sorted([*old, *new], key=lambda s: s[5]))
    assert [f.started_at - T0 for f in found if f.rule == wrong_patient.RULE] == [209_000]


@pytest.mark.parametrize("way_ms", [49, 51], ids=["comes first", "comes behind"])
@pytest.mark.parametrize(("device", "asked"), [("new", []), ("other", [128_000])], ids=["before it by its name", "behind it"])
def test_of_one_moment_devices_count_by_their_names_whichever_came_first(device, asked, way_ms):
    """With what the old device says at that moment enough is known of the patient to ask."""
    old = [("p", "old", i, T0 + i * 1_000, {"hr": 80.0, "rr": 15.0}, T0 + i * 1_000 + 50, {}) for i in range(150)]
    new = [("p", device, i, T0 + i * 1_000, {"hr": 120.0, "rr": 30.0}, T0 + i * 1_000 + way_ms, {}) for i in range(119, 150)]
    found = raised(sorted([*old, *new], key=lambda s: s[5]))
    assert [f.started_at - T0 for f in found if f.rule == wrong_patient.RULE] == asked


@pytest.mark.slow
def test_of_devices_that_are_swapped_it_is_asked():
    asked = [what for what in spans(raised(swapping(np.random.default_rng(7)))) if what[1] == wrong_patient.RULE]
    assert len(asked) >= 2


@pytest.mark.slow
def test_without_being_judged_again_it_would(monkeypatch):
    rng = np.random.default_rng(2)
    samples = beginners(rng)
    monkeypatch.setattr(again.Again, "noted", lambda *_: None)
    assert changed(samples, shaken(samples, rng, 1.0)) != []


@pytest.mark.slow
def test_what_is_in_order_is_told_as_if_nothing_were_ever_judged_again(monkeypatch):
    samples = beginners(np.random.default_rng(1))
    kept = raised(samples)
    monkeypatch.setattr(again.Again, "judged", lambda *_: [])
    assert [(f.id, f.phase, f.at) for f in kept] == [(f.id, f.phase, f.at) for f in raised(samples)]


def late(samples, by):
    """`samples` received 50 ms after they were said; `by`: place -> how much later, ms."""
    return sorted(((*s[:5], s[3] + 50 + by.get(i, 0), {}) for i, s in enumerate(samples)), key=lambda s: s[5])


RACING = series("hr", [150.0] * 90)


def short(found):
    return [(f.phase, f.started_at - T0, None if f.ended_at is None else f.ended_at - T0) for f in found if f.rule == "limits"]


def test_a_first_sample_that_comes_late_moves_the_begin_under_the_same_id():
    found = [f for f in raised(late(RACING, {0: 40_000})) if f.rule == "limits"]
    assert (short(found)[:2], len({f.id for f in found})) == ([("start", 1_000, None), ("update", 0, None)], 1)


def test_what_was_put_right_ends_under_the_id_by_which_it_was_told():
    found = raised(late([*RACING, *series("hr", [80.0] * 200, start=T0 + 90_000, first_seq=90)], {0: 40_000}))
    assert (short(found)[-1], len({f.id for f in found if f.rule == "limits"})) == (("end", 0, 90_000), 1)


def test_what_something_late_does_not_show_is_over_where_it_began():
    calm_between = [
        *series("hr", [150.0] * 5),
        *series("hr", [80.0] * 25, start=T0 + 5_000, first_seq=5),
        *series("hr", [150.0], start=T0 + 31_000, first_seq=31),
    ]
    tail = series("hr", [80.0] * 200, start=T0 + 32_000, first_seq=32)
    found = raised(late([*calm_between, *tail], dict.fromkeys(range(1, 30), 45_000)))
    assert [what for what in spans(found) if what[1] == "limits"] == []


def test_time_alone_is_put_right_by_what_was_said_before_it():
    """A last value seems to stand, because the calm ones behind it are on their way."""
    slow = [*series("hr", [80.0] * 20, every=10_000), *series("hr", [150.0] * 3, every=10_000, start=T0 + 200_000, first_seq=20)]
    calm = series("hr", [80.0] * 60, every=10_000, start=T0 + 230_000, first_seq=23)
    found = raised(late([*slow, *calm], dict.fromkeys(range(23, 28), 50_000)))
    assert spans(found) == spans(raised(late([*slow, *calm], {})))


def test_while_a_worker_is_behind_nothing_stands_for_longer_than_time_was_told():
    p = Partition(0, empty(loud(), hold_ms=HOLD_MS, now_ms=T0 + HOUR), {})
    found = p.fold([record(late(series("hr", [150.0] * 3, every=5_000), {0: 15_000}), 0)], T0 + HOUR).findings
    assert [*found, *p.again(T0 + HOUR)] == []


def test_what_is_doubted_of_one_who_is_discharged_is_over(begun):
    for told in begun.memory.told.values():
        told.again([], (0, "", "", 0))
    begun.memory.timers.fired[:] = 0
    begun.know(PatientContext(patient="p", version=1, ward="w", active=False), T0 + 41_000)
    assert {(f.phase, f.ended_at == f.started_at) for f in begun.discharge("p", T0 + 41_000)} == {("end", True)}


@pytest.fixture
def begun():
    """A partition that has heard a racing heart but for its first second, with an alarm told."""
    p = new()
    p.fold([record(late(RACING, {})[1:40], 0)], T0 + 40_000)
    p.pages()
    return p


def first(late_by=40_000):
    return record(late(RACING[:1], {0: late_by}), 1)


def test_it_is_counted(begun):
    begun.fold([first()], T0 + 41_000)
    begun.again(T0 + 41_000)
    assert begun.memory.judged == {"again": 1}


@pytest.mark.parametrize(("by", "wanted"), [(HELD_MS - 50, True), (HELD_MS - 49, False)])
def test_later_than_a_minute_it_is_history(begun, by, wanted):
    begun.fold([first(by)], T0 + 70_000)
    assert bool(begun.again(T0 + 70_000)) is wanted


def test_what_comes_twice_is_no_reason(begun):
    begun.fold([record(late(RACING[5:6], {0: 40_000}), 1)], T0 + 46_000)
    assert (begun.again(T0 + 46_000), begun.memory.judged) == ([], {})


def test_of_a_patient_whose_limits_changed_since_nothing_is_judged_again(begun):
    begun.know(PatientContext(patient="p", version=1, ward="w", limits={"hr": Limit(high=140.0)}), T0 + 41_000)
    begun.fold([first()], T0 + 41_000)
    assert (begun.again(T0 + 42_000), begun.memory.judged) == ([], {"no_base": 1})


def test_of_one_who_was_moved_to_another_bed_it_is(begun):
    begun.know(PatientContext(patient="p", version=1, ward="w", bed="7"), T0 + 41_000)
    begun.fold([first()], T0 + 41_000)
    assert short(begun.again(T0 + 42_000)) == [("update", 0, None)]


def test_under_other_rules_nothing_of_before_is_judged_again(begun):
    begun.take_up(loud(trend={}), T0 + 41_000)
    begun.fold([first()], T0 + 41_000)
    assert (begun.again(T0 + 42_000), begun.memory.judged) == ([], {"no_base": 1})


def test_of_one_who_was_discharged_nothing_comes_back(begun):
    begun.know(PatientContext(patient="p", version=1, ward="w", active=False), T0 + 41_000)
    begun.discharge("p", T0 + 41_000)
    begun.fold([first()], T0 + 41_000)
    assert (begun.again(T0 + 42_000), dict(begun.memory.told)) == ([], {})


def test_after_a_restart_what_was_said_before_it_is_history(begun):
    p = new(pages=begun.pages() or checkpoint.save(begun.memory, [0], 0))
    p.fold([first()], T0 + 41_000)
    assert (p.again(T0 + 42_000), p.memory.judged) == ([], {"no_base": 1})


def test_after_a_restart_a_condition_ends_under_the_id_by_which_it_was_told(begun):
    told = begun.fold([record(late(RACING, {})[40:41], 1)], T0 + 41_000)
    begun.fold([record(late(RACING[:1], {0: 40_500}), 2)], T0 + 41_000)
    [update] = [f for f in begun.again(T0 + 41_000) if f.rule == "limits"]
    p = new(pages=checkpoint.save(begun.memory, [0], 2))
    calm = late(series("hr", [80.0] * 150, start=T0 + 41_000, first_seq=41), {})
    ends = [f for f, _ in p.fold([record(calm, 3)], T0 + HOUR).findings if f.rule == "limits"]
    assert (told.findings, [(f.phase, f.id) for f in ends]) == ([], [("end", update.id)])


def test_and_does_so_where_all_is_held_back_from_then_on(begun):
    """Where nobody is judged again any more, what was told is known by its id all the same."""
    begun.fold([first()], T0 + 41_000)
    told = [f for f in begun.again(T0 + 42_000) if f.rule == "limits"]
    p = Partition(0, empty(loud(), hold_ms=HOLD_MS, back_ms=HELD_MS), checkpoint.save(begun.memory, [0], 1))
    p.offset = 1
    found = p.fold([record(late(series("hr", [80.0] * 200, start=T0 + 40_000, first_seq=40), {}), 2)], T0 + HOUR).findings
    over = [f for f in [*(f for f, _ in found), *p.tick(T0 + HOUR)] if f.rule == "limits" and f.phase == "end"]
    assert [f.id for f in over] == [told[-1].id] != []


def test_what_was_doubted_before_a_restart_is_over_after_it(begun):
    for told in begun.memory.told.values():
        told.again([], (0, "", "", 0))
    p = new(pages=checkpoint.save(begun.memory, [0], 0))
    assert {(f.phase, f.ended_at == f.started_at) for f in p.memory.orphans} == {("end", True)}


def test_no_more_than_so_many_samples_are_folded_again(begun, monkeypatch):
    monkeypatch.setattr(again, "MOST_SAMPLES", 39)
    begun.fold([first()], T0 + 41_000)
    assert (begun.again(T0 + 42_000), begun.memory.judged) == ([], {"too_many": 1})


def test_no_more_than_so_many_patients_are_judged_at_once(monkeypatch):
    monkeypatch.setattr(again, "MOST_PATIENTS", 2)
    p = new()
    ward_of = [late(series("hr", [150.0] * 40, patient=f"p{k}", device=f"d{k}"), {0: 39_900}) for k in range(5)]
    p.fold([record(sorted((s for each in ward_of for s in each), key=lambda s: s[5]), 0)], T0 + 41_000)
    assert [len({f.patient for f in p.again(T0 + 42_000)}) for _ in range(4)] == [2, 2, 1, 0]


def test_where_nothing_waits_nothing_is_judged_again():
    p = Partition(0, empty(loud()), {})
    p.fold([record(late(RACING, {0: 40_000}), 0)], T0 + HOUR)
    assert (p.again(T0 + HOUR), dict(p.memory.told)) == ([], {})


def test_a_second_device_is_judged_from_before_it_was_heard():
    """Its first samples come when the other device has been heard for minutes, and bases have been made of that."""
    monitor = series("hr", [80.0] * 300, device="m")
    watch = series("spo2", [86.0] * 60, device="w", start=T0 + 200_000, every=2_000)
    samples = [*((*s, s[3] + 50) for s in monitor), *(late(watch, {0: 30_000, 1: 50_000, 2: 10_000}))]
    in_order = [*((*s, s[3] + 50) for s in monitor), *(late(watch, {}))]
    both = [spans(raised(sorted(((*s[:6], {}) for s in each), key=lambda s: s[5]))) for each in (samples, in_order)]
    assert both[0] == both[1]


def test_many_bases_later_it_is_judged_from_one_that_is_old_enough():
    p, stream = new(), late(series("hr", [80.0] * 600), {})
    for k in range(0, 600, 5):
        p.fold([record(stream[k : k + 5], k)], T0 + k * 1_000)
        p.pages()
    moments = [base.moment - stream[-1][5] for base in p._lately.bases]
    assert (len(moments), moments[0] < -HELD_MS, moments[1] > -HELD_MS - STRIDE_MS - 5_000) == (len(moments), True, True)
