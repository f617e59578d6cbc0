"""Re-ordering within a minute changes nothing in what is raised, and a device that loses is not waited for twice."""

import doctest
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.detect import checkpoint, order
from streams.detect.arrival import arrive, rows_of
from streams.detect.memory import empty
from streams.detect.step import step, tick
from tests.unit.streams.detect.courses import loud
from tests.unit.streams.detect.readings import T0, batch, series, told
from vitals.rules import default

HOLD = 60_000
HOUR = 3_600_000
LEVELS = {"hr": (80, 125, 150, 40, 250), "spo2": (97, 86, 82, None), "rr": (15, 26, 4), "sbp": (120, 84, 60, None), "temp": (36.8, 40.0)}
"""Usual, then beyond the limits, an impossible jump, no value."""


def course_of(rng, patient, n, every):
    """Samples of one patient's monitor: each vital wanders, jumps between its levels, is poor now and then, lies still for a while."""
    level, drift, found = dict.fromkeys(LEVELS, 0), 0.0, []
    for i in range(n):
        if rng.random() < 0.02:
            drift = float(rng.choice([0.0, 0.01, -0.01]))
        for name, levels in LEVELS.items():
            if rng.random() < 0.01:
                level[name] = int(rng.integers(0, len(levels)))
        still = 200 < i < 450
        vitals = {
            name: None if LEVELS[name][k] is None else round(LEVELS[name][k] + (0.0 if still else float(rng.normal(0, 1)) + drift * i), 1)
            for name, k in level.items()
        }
        quality = {"rr": 0.2 if rng.random() < 0.05 else 1.0}
        at = T0 + i * every + int(rng.integers(0, every // 5))
        found.append((patient, f"dev-{patient}", i + 7, at, vitals, at + 50, quality))
    return found


@st.composite
def wards(draw):
    """Samples of three patients, at a sample a second or in five, in order."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    every = draw(st.sampled_from([1000, 5000]))
    samples = [s for patient in "pqr" for s in course_of(rng, patient, draw(st.integers(250, 450)), every)]
    return sorted(samples, key=lambda s: s[5]), rng


def shaken(samples, rng, share, in_time=frozenset()):
    """The samples as they come: `share` of them late by up to a minute, a fifth twice; each device's first two in time.

    share: of all, or by patient. in_time: others, by device and number.
    """
    found, known = [], Counter()
    for s in samples:
        of = share[s[0]] if isinstance(share, dict) else share
        late = int(rng.integers(0, HOLD)) if known[s[1]] > 1 and (s[1], s[2]) not in in_time and rng.random() < of else 0
        known[s[1]] += 1
        found.append((*s[:5], s[5] + late, *s[6:]))
        if rng.random() < 0.2:
            found.append((*s[:5], s[5] + late + int(rng.integers(0, HOLD)), *s[6:]))
    return sorted(found, key=lambda s: s[5])


def folded(samples, cuts=(), rules=None, restart=False):
    """The findings of `samples` cut into batches, but for outages, which are about arrivals.

    With `restart`, saved and restored at every cut.
    """
    m, found = empty(rules or default(), hold_ms=HOLD), []
    for begin, end in zip([0, *cuts], [*cuts, len(samples)], strict=True):
        if begin < end:
            found += step(m, batch(samples[begin:end]), 0)
        if restart:
            saved = checkpoint.save(m, range((len(m.patients) + 63) // 64), 0)
            m = empty(rules or default(), hold_ms=HOLD)
            checkpoint.restore(m, saved)
    found += tick(m, T0 + 100 * HOUR)
    return sorted((f.id, f.phase, f.priority, f.at, f.ended_at or 0, f.retrospective, str(f.evidence)) for f in found if f.rule != "outage")


@pytest.mark.slow
@settings(max_examples=4, deadline=None)
@given(ward=wards(), data=st.data())
def test_reordering_within_a_minute_and_duplicates_change_no_finding(ward, data):
    samples, rng = ward
    late = shaken(samples, rng, data.draw(st.sampled_from([0.02, 0.2, 1.0])))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(late)), max_size=8)))
    assert folded(late, cuts, loud(), restart=data.draw(st.booleans())) == folded(samples, (), loud())


@pytest.mark.slow
def test_reordering_without_waiting_would_change_findings():
    rng = np.random.default_rng(1)
    samples = course_of(rng, "p", 300, 5000)
    late = shaken(samples, rng, 1.0)
    assert told(step(empty(loud()), batch(late), 0)) != told(step(empty(loud()), batch(samples), 0))


@pytest.mark.slow
def test_of_two_devices_on_one_patient_each_ones_own_limits_do_not_change():
    rng = np.random.default_rng(4)
    names = [("hr", "rr"), ("spo2", "sbp")]
    both = [
        (s[0], f"dev-{k}", *s[2:4], {v: s[4][v] for v in own}, s[5]) for k, own in enumerate(names) for s in course_of(rng, "p", 300, 1000)
    ]
    samples = sorted(both, key=lambda s: s[5])
    found = [step(empty(default(), hold_ms=HOLD), batch(each), 0) for each in (samples, shaken(samples, rng, 0.3))]
    in_order, late = ([(f.id, f.phase, f.priority, f.ended_at) for f in each if f.rule == "limits"] for each in found)
    assert (sorted(late), bool(late)) == (sorted(in_order), True)


def racing(n, *, without=(), since=0):
    """A sample a second whose heart races from `since` on, less some."""
    return [s for s in series("hr", [150.0 if i >= since else 80.0 for i in range(n)]) if s[2] not in without]


def first_told(found):
    return min(f.at - T0 for f in found if f.rule == "limits" and f.phase == "start")


def test_what_is_in_sequence_is_told_at_once():
    m = empty(default(), hold_ms=HOLD)
    each = [step(m, batch([s]), 0) for s in racing(40)]
    assert [i for i, found in enumerate(each) if found] == [30]


def test_a_lost_sample_delays_its_device_by_a_minute_and_no_other():
    samples = racing(100, without=[10]) + series("hr", [150.0] * 100, patient="q", device="e")
    m, when = empty(default(), hold_ms=HOLD), {}
    for s in sorted(samples, key=lambda s: s[5:] or s[3]):
        for f in step(m, batch([s]), 0):
            when.setdefault(f.patient, s[3] - T0)
    assert (when, m.order.outcomes) == ({"p": 72_000, "q": 30_000}, {"unfilled": 1})


def test_a_device_that_has_lost_one_is_not_waited_for_again():
    m = empty(default(), hold_ms=HOLD)
    step(m, batch(racing(100, without=[10], since=200)), 0)
    step(m, batch([s for s in racing(300, without=[110, 120], since=200) if s[2] >= 100]), 0)
    assert (m.order.count, m.order.outcomes) == (0, {"unfilled": 1})


def test_it_is_waited_for_again_once_a_late_sample_has_shown_that_it_reorders():
    m = empty(default(), hold_ms=HOLD)
    samples = series("hr", [80.0] * 200)
    step(m, batch([*samples[:10], *samples[11:100], *samples[101:103], samples[100], *samples[103:110], samples[111]]), 0)
    assert m.order.count == 1


def test_a_device_that_loses_and_reorders_is_waited_for_ever_more_rarely():
    rng = np.random.default_rng(6)
    samples = [s for s in shaken([(*s, s[3] + 50) for s in series("hr", [80.0] * 20_000)], rng, 0.05) if s[2] % 20 != 19]
    m = empty(default(), hold_ms=HOLD)
    m.order.arrived(np.zeros(len(samples), dtype=np.int64), batch(samples))
    assert 2 <= m.order.outcomes["unfilled"] <= 11


def test_the_clock_lets_go_what_has_waited_long_enough():
    m = empty(default(), hold_ms=HOLD)
    step(m, batch(racing(60, without=[10])), 0)
    early, due = tick(m, T0 + 71_000), tick(m, T0 + 72_100)
    assert ([f.rule for f in early], first_told(due), m.settings.dirty[0]) == ([], 30_000, 1)


def test_time_alone_says_nothing_of_a_patient_of_whom_samples_wait():
    m = empty(default(), hold_ms=HOLD)
    step(m, batch([*racing(29), *series("hr", [80.0] * 20, start=T0 + 31_000, first_seq=31)]), 0)
    assert [f.rule for s in range(32, 80) for f in tick(m, T0 + s * 1000)] == []


@pytest.mark.parametrize(("reorders", "told_at"), [(False, 105), (True, 166)], ids=["of one that does not re-order", "of one that does"])
def test_time_alone_waits_a_minute_for_the_next_word_of_a_device_that_reorders(reorders, told_at):
    m = empty(default(), hold_ms=HOLD)
    samples = series("hr", [80.0] * 5 + [150.0], every=15_000)
    step(m, batch([samples[k] for k in (0, 1, 2, 4, 3, 5)] if reorders else samples), 0)
    assert [s for s in range(75, 170) for f in tick(m, T0 + s * 1000) if f.rule == "limits"] == [told_at]


@pytest.mark.parametrize("late", [10, 11, 20])
def test_after_a_pause_a_late_sample_is_waited_for_as_before_it(late):
    samples = series("hr", [80.0] * 10) + series("hr", [150.0] * 60, start=T0 + HOUR, first_seq=10)
    come = [s for s in samples if s[2] != late]
    at = next(k for k, s in enumerate(come) if s[2] == late + 8)
    come.insert(at, (*samples[late], come[at][3]))
    m, in_order = empty(default(), hold_ms=HOLD), told(step(empty(default(), hold_ms=HOLD), batch(samples), 0))
    assert (told(step(m, batch(come), 0)), m.order.outcomes) == (in_order, {"filled": 1})


def test_what_is_live_after_an_outage_goes_before_its_backlog():
    m = empty(default(), hold_ms=HOLD)
    samples = series("hr", [80.0] * 500)
    live = samples[400:420]
    step(m, batch([*samples[:100], *live]), 0)
    assert (m.devices.at[0], m.order.count) == (live[-1][3], 0)


def test_numbers_that_go_up_by_steps_are_not_waited_for():
    m = empty(default(), hold_ms=HOLD)
    step(m, batch([(p, d, 5 * seq, *rest) for p, d, seq, *rest in racing(40)]), 0)
    assert (m.order.count, m.order.outcomes) == (0, {})


@pytest.mark.parametrize("skipped", [1, 11])
def test_numbers_that_were_only_skipped_are_not_waited_for(skipped):
    m = empty(default(), hold_ms=HOLD)
    step(m, batch([*series("hr", [80.0] * 90), *series("hr", [80.0], start=T0 + 90_000, first_seq=90 + skipped)]), 0)
    assert (m.order.count, m.seen.top[0]) == (0, 90 + skipped)


def test_no_more_than_a_bounded_number_waits():
    m = empty(default(), hold_ms=HOLD)
    step(m, batch(series("hr", [80.0, 80.0], every=100)), 0)
    step(m, batch(series("hr", [80.0] * 300, start=T0 + 300, every=100, first_seq=3)), 0)
    assert (m.order.count, m.order.outcomes, m.seen.top[0]) == (0, {"full": 1, "broken_off": 1}, 302)


def test_what_waits_is_in_a_checkpoint_and_let_go_when_waiting_is_switched_off():
    m = empty(default(), hold_ms=HOLD)
    step(m, batch(racing(60, without=[10])), 0)
    saved, off = checkpoint.save(m, [0], 0), empty(default())
    checkpoint.restore(off, saved)
    assert (off.order.count, first_told(tick(off, T0 + 62_000)), off.order.count) == (49, 30_000, 0)


def test_a_page_of_before_samples_waited_is_still_read(monkeypatch):
    m = empty(default(), hold_ms=HOLD)
    step(m, batch(racing(10)), 0)
    monkeypatch.setattr(checkpoint, "LAYOUT", checkpoint.READABLE[1])
    saved, again = checkpoint.save(m, [0], 0), empty(default(), hold_ms=HOLD)
    assert (checkpoint.restore(again, saved).tolist(), again.seen.top[0]) == ([0], 9)


def test_the_examples_are_true():
    assert doctest.testmod(order).failed == 0


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), cuts=st.lists(st.integers(0, 400), max_size=5))
def test_what_is_believed_of_a_device_does_not_hang_on_the_batches(seed, cuts):
    rng = np.random.default_rng(seed)
    plain = [(*s, s[3] + 50) for p in "pq" for s in series("hr", [80.0] * 200, patient=p, device=p) if s[2] < 2 or rng.random() > 0.01]
    samples = shaken(sorted(plain, key=lambda s: s[5]), rng, 0.05)
    saved = []
    for edges in ([0, len(samples)], sorted({0, len(samples), *(min(c, len(samples)) for c in cuts)}), range(len(samples) + 1)):
        memory = empty(default(), hold_ms=HOLD)
        for begin, end in pairwise(edges):
            arrive(memory, each := batch(samples[begin:end]), rows_of(memory, each))
        saved.append([(memory.names[k], memory.order.saved(k), memory.seen.top[k], memory.seen.holes[k]) for k in (0, 1)])
    assert sorted(saved[0]) == sorted(saved[1]) == sorted(saved[2])
