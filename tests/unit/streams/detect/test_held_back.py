"""Where every sample is held back for a minute, re-ordering within it and repeats change nothing at all, whatever comes first or again."""

import dataclasses
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from streams.detect import checkpoint, held_back
from streams.detect.conditions import discharge
from streams.detect.held_back import HeldBack, Queue, together
from streams.detect.memory import empty
from streams.detect.order import GRACE_MS, HOLD_MS
from streams.detect.partition import Partition, Record
from tests.unit.streams.detect.courses import loud
from tests.unit.streams.detect.readings import T0, batch, series
from tests.unit.streams.detect.test_several_devices import SEEDS, SHARES, ward
from vitals.batch import SCHEMA_ID, encode
from vitals.rules import default

BACK = 60_000
BEHIND = BACK + GRACE_MS
HOUR = 3_600_000
OF_ARRIVALS = ("outage", "silence")
"""What is about when something came, not about when it was so."""


def partition(back_ms=BACK, pages=None, rules=None):
    """One that has the pages of another before it, if any."""
    return Partition(0, empty(rules or default(), hold_ms=HOLD_MS, back_ms=back_ms), pages or {})


def record(samples, offset):
    return Record(offset, encode(batch(samples)), SCHEMA_ID, None, lambda: None)


def shaken(samples, rng, share):
    """The samples as they come: `share` of them (of all, or by patient), whichever they are, late by up to a minute, and a fifth twice."""
    of = share if isinstance(share, dict) else defaultdict(lambda: share)
    late = [(*s[:5], s[5] + (int(rng.integers(0, BACK - 50)) if rng.random() < of[s[0]] else 0), *s[6:]) for s in samples]
    late += [(*s[:5], s[5] + int(rng.integers(0, BACK)), *s[6:]) for s in late if rng.random() < 0.2]
    return sorted(late, key=lambda s: s[5])


def shown(f):
    return str((f.patient, f.id, f.phase, f.priority, f.started_at, f.at, f.ended_at, f.retrospective, f.title, f.evidence))


def raised(samples, ticks=(), each=10**9, *, restart=False, back_ms=BACK):
    """All that is raised: time is told at `ticks`, records are of `each` samples, and if `restart` there is one at every tick."""
    p, found, k, offset = partition(back_ms, rules=loud()), [], 0, 0
    for now in [*sorted(ticks), T0 + 100 * HOUR]:
        come = [s for s in samples[k:] if s[5] <= now]
        k += len(come)
        for at in range(0, len(come), each):
            found += [f for f, _ in p.fold([record(come[at : at + each], offset)], now).findings]
            offset += 1
        found += p.tick(now)
        if restart and offset:
            pages = checkpoint.save(p.memory, range((len(p.memory.patients) + 63) // 64), offset - 1)
            p = partition(back_ms, pages, loud())
            p.offset = offset - 1
    return sorted(shown(f) for f in found if f.rule not in OF_ARRIVALS)


@pytest.mark.slow
@settings(max_examples=1, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(seed=SEEDS, each=st.integers(30, 900), restart=st.booleans(), data=st.data())
def test_reordering_within_a_minute_and_duplicates_change_nothing_that_is_raised(seed, each, restart, data):
    rng = np.random.default_rng(seed)
    samples = ward(rng, shared=True, patients=SHARES)
    ticks = [T0 + 1000 * s for s in data.draw(st.lists(st.integers(0, 3000), max_size=6))]
    assert raised(shaken(samples, rng, SHARES), ticks, each, restart=restart) == raised(samples, ticks)


@pytest.mark.slow
def test_what_it_is_about_occurs_in_the_wards_drawn():
    found = str(raised(ward(np.random.default_rng(1), shared=True, patients=SHARES)))
    assert [word for word in ("measured_by_another", "shock index", "NEWS2", "start", "end") if word not in found] == []


@pytest.mark.slow
def test_without_being_held_back_what_begins_with_a_device_would_change():
    samples = [(*s, s[3] + 50) for s in series("hr", [150.0] * 200)]
    late = shaken(samples, np.random.default_rng(1), 1.0)
    assert [raised(late, back_ms=back) == raised(samples, back_ms=back) for back in (BACK, 0)] == [True, False]


def held(*samples, back=BACK):
    """(which go on, by number, after each sample) of one patient."""
    h = HeldBack(back)
    return [[row.seq for _, _, row in h.arrived(np.zeros(1, dtype=np.int64), batch([s]))] for s in samples]


def said(seq, t, late=50, device="d"):
    """A sample of `t` ms, that came `late` ms after it was said."""
    return ("p", device, seq, T0 + t, {"hr": 80}, T0 + t + late)


def test_a_sample_goes_on_when_its_time_is_so_long_past():
    assert held(said(1, 0), said(2, BEHIND - 1, 0), said(3, BEHIND, 0)) == [[], [], [1]]


def test_what_came_late_goes_on_in_its_place():
    assert held(said(2, 1000), said(1, 0, 5000), said(3, BEHIND + 1000, 0)) == [[], [], [1, 2]]


def test_of_one_moment_it_goes_by_device_and_number():
    assert held(said(2, 0), said(1, 0), said(7, 0, device="a"), said(9, BEHIND, 0)) == [[], [], [], [7, 1, 2]]


def test_what_comes_later_than_that_goes_on_at_once():
    assert held(said(2, BEHIND + 1, 0), said(1, 0, BEHIND + 2)) == [[], [1]]


def test_what_is_of_a_time_to_come_waits_no_longer_than_twice():
    assert held(said(1, HOUR, -HOUR), said(2, BACK + BEHIND - 1, 0), said(3, BACK + BEHIND, 0)) == [[], [], [1]]


def test_what_comes_twice_goes_on_twice():
    assert held(said(1, 0), said(1, 0, 900), said(2, BEHIND, 0)) == [[], [], [1, 1]]


@pytest.mark.parametrize(("later", "gone"), [(BEHIND - 1, []), (BEHIND, [1])])
def test_time_lets_go_what_no_sample_did(later, gone):
    h = HeldBack(BACK)
    h.arrived(np.zeros(1, dtype=np.int64), batch([said(1, 0)]))
    assert [row.seq for _, _, row in h.due(T0 + later)] == gone


def test_a_patients_clock_goes_on_after_a_restart():
    h = HeldBack(BACK)
    h.restore(4, Queue(T0 + BEHIND, []))
    assert [row.seq for _, _, row in h.arrived(np.full(1, 4), batch([said(1, 0)]))] == [1]


@pytest.mark.parametrize(("most", "gone"), [("MOST", [1]), ("MOST_ALL", [1])])
def test_no_more_than_a_bounded_number_waits(monkeypatch, most, gone):
    monkeypatch.setattr(held_back, most, 2)
    assert held(said(1, 0), said(2, 1), said(3, 2)) == [[], [], gone]


def test_each_patient_waits_by_itself():
    h = HeldBack(BACK)
    h.arrived(np.array([0]), batch([said(1, 0)]))
    assert (h.arrived(np.array([1]), batch([said(2, BEHIND, 0)])), h.count) == ([], 2)


@pytest.mark.parametrize(("back", "restored", "needed"), [(BACK, 0, True), (0, 0, False), (0, 1, True)])
def test_it_is_passed_by_where_nothing_waits_and_nothing_did(back, restored, needed):
    h, before = HeldBack(back), HeldBack(BACK)
    before.arrived(np.zeros(1, dtype=np.int64), batch([said(1, 0)]))
    if restored:
        h.restore(0, before.of[0])
    assert h.needed is needed


@pytest.mark.parametrize(("back", "behind"), [(BACK, 61_000), (5_000, 6_000), (0, 0)])
def test_who_folds_lives_so_much_earlier(back, behind):
    assert HeldBack(back).behind_ms == behind


@pytest.mark.parametrize(
    ("hold", "back", "waits", "ordered"),
    [(60_000, 0, 60_000, True), (60_000, 5_000, 55_000, True), (60_000, 90_000, 0, True), (0, 5_000, 0, True), (0, 0, 0, False)],
)
def test_who_is_held_back_waits_so_much_less_for_what_is_missing(hold, back, waits, ordered):
    m = empty(default(), hold_ms=hold, back_ms=back)
    assert (m.order.hold_ms, m.lanes.hold_ms, m.ordered) == (waits, waits, ordered)


def test_what_goes_on_is_as_it_came():
    full = [("p", "d", 4, T0, {"rr": 15.0}, T0 + 70), ("q", "e", 3, T0 + 1, {"hr": None, "spo2": 97.5}, T0 + 60, {"spo2": 0.5})]
    whole, h = dataclasses.replace(batch(full), clock_ms=np.array([7, -9], dtype=np.int32)), HeldBack(BACK)
    h.arrived(np.array([2, 1]), whole)
    assert encode(together(["o", "q", "p"], h.due(T0 + HOUR)[::-1])) == encode(whole)


def test_a_limit_is_told_so_much_later_and_dated_now():
    p = partition()
    p.fold([record([(*s, s[3] + 50) for s in series("hr", [150.0] * 60)], 0)], T0)
    early, late = p.tick(T0 + 30_000 + 60_999), p.tick(T0 + 30_000 + 61_000)
    assert ([f.rule for f in early], [(f.rule, f.started_at, f.detected_at) for f in late]) == ([], [("limits", T0, T0 + 91_000)])


def test_time_is_so_much_earlier_for_what_stands():
    p = partition()
    p.fold([record([(*s, s[3] + 50) for s in series("hr", [80.0] * 30)], 0)], T0)
    quiet = [s for s in range(60, 600) if any(f.rule == "silence" for f in p.tick(T0 + s * 1000))]
    plain = partition(0)
    plain.fold([record([(*s, s[3] + 50) for s in series("hr", [80.0] * 30)], 0)], T0)
    assert [s - 61 for s in quiet] == [s for s in range(600) if any(f.rule == "silence" for f in plain.tick(T0 + s * 1000))]


def test_what_is_held_back_marks_its_page_for_the_next_checkpoint():
    p = partition()
    p.fold([record([said(1, 0)], 0)], T0)
    first = p.pages()
    p.tick(T0 + 2 * BACK)
    assert (len(first), len(p.pages())) == (1, 1)


def test_of_who_is_discharged_nothing_waits_any_more():
    p = partition()
    p.fold([record([said(1, 0), ("q", "e", 1, T0, {"hr": 80})], 0)], T0)
    found = discharge(p.memory, p.memory.row_of["p"], T0)
    assert (found, p.memory.held_back.count, list(p.memory.held_back.of)) == ([], 1, [p.memory.row_of["q"]])


def test_switched_off_over_a_restart_it_lets_all_go():
    p = partition()
    p.fold([record([(*s, s[3] + 50) for s in series("hr", [150.0] * 60)], 0)], T0)
    off = partition(0, pages=p.pages())
    assert ([f.rule for f in off.tick(T0 + BACK)], off.memory.held_back.needed) == (["limits"], False)


def test_what_comes_too_late_for_it_is_not_collected_for_ever():
    p = partition(5_000)
    samples = [(*s, s[3] + 50) for s in series("hr", [80.0] * 40)]
    p.fold([record(samples[:5] + samples[6:], 0)], T0 + 40_000)
    p.tick(T0 + 120_000)
    p.fold([record([(*samples[5][:5], T0 + 45_000)], 1)], T0 + 121_000)
    p.tick(T0 + 240_000)
    p.fold([record([(*s, s[3] + 50) for s in series("hr", [80.0], start=T0 + 241_000, first_seq=41)], 2)], T0 + 241_000)
    assert (p.memory.order.late, p.memory.lanes.late) == ([], [])
