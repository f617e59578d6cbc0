"""The limits of each device of a patient by themselves: no other device delays them, takes them back, or hides what is of which."""

import cramjam
import msgspec
import numpy as np
import pytest

from streams.detect import apart, checkpoint
from streams.detect.channels import BASELINE, CHANNELS, LIMITS, SIGNAL
from streams.detect.conditions import discharge
from streams.detect.memory import Backlog, empty, whose
from streams.detect.ruled import take_up
from streams.detect.step import step, tick
from tests.unit.streams.detect.readings import T0, batch
from tests.unit.streams.detect.test_joint import restored
from tests.unit.streams.detect.test_order import HOLD, HOUR
from vitals.context import Limit, PatientContext
from vitals.registry import V, index
from vitals.rules import default

HR = index("hr")


def says(device, values, first=0, every=1_000, vital="hr", patient="p", way=50):
    """What a device says of the patient from its sample `first` on, a value each `every` ms."""
    known = enumerate(values, start=first)
    return [(patient, device, i, T0 + i * every, {vital: x}, T0 + i * every + way) for i, x in known if x is not None]


def samples(*parts):
    return sorted((s for part in parts for s in part), key=lambda s: s[5])


def ward(*parts):
    """A memory that has folded these, and what it found of limits."""
    m = empty(default(), hold_ms=HOLD)
    return m, [f for f in step(m, batch(samples(*parts)), 0) if f.rule == "limits"]


def test_each_device_has_a_condition_of_its_own_of_one_vital():
    _, found = ward(says("a", [150.0] * 60), says("b", [152.0] * 60))
    told = {(f.patient, f.subject, f.phase, f.started_at, f.evidence["device"], f.evidence["worst"]) for f in found}
    assert (told, len({f.id for f in found})) == ({("p", "hr", "start", T0, "a", 150.0), ("p", "hr", "start", T0, "b", 152.0)}, 2)


def test_a_device_alone_is_not_named_and_its_finding_has_the_id_that_it_has_as_the_first_of_several():
    (alone,), (first, _) = ward(says("a", [150.0] * 60))[1], ward(says("a", [150.0] * 60), says("b", [150.0] * 60))[1]
    assert (alone.id, "device" in alone.evidence) == (first.id, False)


def test_what_one_device_shows_ends_by_that_device_alone():
    _, found = ward(says("a", [150.0] * 60 + [80.0] * 100), says("b", [80.0] * 100 + [150.0] * 60))
    assert [(f.phase, f.evidence["device"]) for f in found] == [("start", "a"), ("end", "a"), ("start", "b")]


def test_what_runs_when_a_second_device_comes_goes_on_under_its_id():
    m, (began,) = ward(says("a", [150.0] * 60))
    found = step(m, batch(samples(says("a", [80.0] * 100, 60), says("b", [80.0] * 100, 60))), 0)
    assert [(f.id, f.phase) for f in found if f.rule == "limits"] == [(began.id, "end")]


def test_what_is_not_told_yet_when_a_second_device_comes_is_told_in_its_time():
    m, _ = ward(says("a", [150.0] * 20))
    found = step(m, batch(samples(says("a", [150.0] * 20, 20), says("b", [80.0] * 20, 20))), 0)
    assert [((f.at - T0) // 1_000, (f.started_at - T0) // 1_000) for f in found if f.rule == "limits"] == [(30, 0)]


def test_only_one_memory_watches_a_patients_limits():
    m, _ = ward(says("a", [150.0] * 60), says("b", [80.0] * 60))
    watched = [memory.timers.side.reshape(-1, CHANNELS)[0, :V].any() for memory in (m, m.joint, m.apart)]
    busy = [(memory.cells.busy & LIMITS).any() for memory in (m, m.joint, m.apart)]
    assert (watched, busy) == ([False, False, True], [False, False, True])


def test_the_signal_is_of_all_devices_together():
    none = [(p, d, i, t, {"hr": None}, r) for p, d, i, t, _, r in says("b", [0.0] * 200)]
    m = empty(default(), hold_ms=HOLD)
    found = step(m, batch(samples(says("a", [80.0] * 200), none)), 0)
    assert [f.rule for f in found] == []


def test_history_of_one_device_is_told_as_one_note_though_another_is_live():
    backlog = [(*s[:5], T0 + 900_000 + k) for k, s in enumerate(says("b", [80.0] * 3 + [150.0] * 100 + [80.0] * 200)[2:])]
    m, found = ward(says("a", [80.0] * 1_000), says("b", [80.0] * 2), backlog)
    found += [f for f in tick(m, T0 + 1_200_000) if f.rule == "limits"]
    assert [(f.phase, f.retrospective, f.started_at - T0, f.evidence["device"]) for f in found] == [("start", True, 3_000, "b")]


def test_history_of_before_the_second_device_came_is_still_told():
    late = [(*s[:5], T0 + HOUR + k) for k, s in enumerate(says("a", [80.0] * 3 + [150.0] * 100 + [80.0] * 300))]
    m, _ = ward(late)
    step(m, batch([("p", "b", 0, T0 + HOUR, {"glucose": 100.0}, T0 + HOUR + 50)]), 0)
    found = [f for f in tick(m, T0 + 2 * HOUR) if f.rule == "limits"]
    assert [(f.retrospective, f.started_at - T0) for f in found] == [(True, 3_000)]


def test_history_that_is_behind_newer_readings_goes_with_its_device():
    m = empty(default())
    step(m, batch(says("a", [80.0] * 3, 900) + [(*s[:5], T0 + HOUR) for s in says("c", [150.0] * 100, 1)]), 0)
    again = restored(m)
    step(again, batch([("p", "a", 950, T0 + 950_000, {"hr": 80.0}, T0 + HOUR + 1)]), 0)
    found = [f for f in tick(again, T0 + 2 * HOUR) if f.rule == "limits"]
    assert [(f.retrospective, f.started_at - T0) for f in found] == [(True, 1_000)]


@pytest.mark.slow
def test_limits_of_the_patients_own_count_for_every_device_as_soon_as_they_are_known():
    m, _ = ward(says("a", [80.0] * 10), says("b", [80.0] * 10))
    m.know(PatientContext(patient="p", ward="w", version=2, limits={"hr": Limit(high=70.0)}), T0 + 10_000)
    found = step(m, batch(samples(says("a", [80.0] * 400, 10), says("b", [80.0] * 400, 10))), 0)
    assert sorted((f.evidence["device"], f.ward) for f in found if f.rule == "limits") == [("a", "w"), ("b", "w")]


def test_what_was_told_of_all_devices_ends_when_the_patient_is_discharged():
    m, _ = ward(says("a", [150.0] * 60), says("b", [150.0] * 60), says("c", [150.0] * 60, patient="q"))
    ended = [f for f in discharge(m, m.row_of["p"], 0) if f.rule == "limits"]
    assert sorted((f.patient, f.evidence["device"]) for f in ended) == [("p", "a"), ("p", "b")]


def test_what_was_told_ends_with_its_rule():
    m, _ = ward(says("a", [150.0] * 60), says("b", [150.0] * 60))
    without = msgspec.structs.replace(default(), limits={k: v for k, v in default().limits.items() if k != "hr"})
    assert sorted(f.evidence["device"] for f in take_up(m, without, 0) if f.phase == "end") == ["a", "b"]


def test_time_alone_tells_what_a_device_showed_last():
    m, found = ward(says("a", [80.0] * 30), says("b", [80.0, 80.0, 150.0], every=20_000))
    found += [f for s in range(60, 120) for f in tick(m, T0 + s * 1_000) if f.rule == "limits"]
    assert [f.evidence["device"] for f in found] == ["b"]


def test_of_a_device_of_which_samples_wait_time_alone_says_nothing_of_what_is_behind_them():
    m, _ = ward(says("a", [80.0] * 30), says("b", [80.0, 80.0, 150.0], every=20_000), says("b", [80.0], 4, every=20_000))
    known = (apart.known_until(m, T0 + 80_000, m.order.known_until(T0 + 80_000)) - T0).tolist()
    assert (known, [f for s in range(81, 90) for f in tick(m, T0 + s * 1_000) if f.rule == "limits"]) == ([80_000, 40_000], [])


def test_time_alone_says_nothing_of_a_device_that_reorders_and_is_due():
    b = says("b", [80.0] * 5 + [150.0], every=20_000)
    m, found = ward(says("a", [80.0] * 30), b[:3])
    found += step(m, batch([b[k] for k in (4, 3, 5)]), 0)
    told = [s for s in range(100, 300) for f in tick(m, T0 + s * 1_000) if f.rule == "limits"]
    assert (found, told) == ([], [201])


@pytest.mark.slow
@pytest.mark.parametrize("cut", [10, 45, 75, 130])
def test_a_restart_changes_nothing(cut):
    said = samples(says("a", [150.0] * 60 + [80.0] * 100), says("b", [80.0] * 20 + [150.0] * 80 + [80.0] * 60))
    m, whole = empty(default(), hold_ms=HOLD), ward(said)[1]
    found = step(m, batch([s for s in said if s[3] < T0 + cut * 1_000]), 0)
    again = restored(m)
    found += step(again, batch([s for s in said if s[3] >= T0 + cut * 1_000]), 0)
    assert [f for f in found if f.rule == "limits"] == whole


def test_history_of_a_device_is_in_a_checkpoint():
    backlog = [(*s[:5], T0 + 900_000 + k) for k, s in enumerate(says("b", [80.0] * 3 + [150.0] * 100 + [80.0] * 200)[2:])]
    newer = [(*s[:5], T0 + 900_400) for s in says("b", [80.0] * 3, 400)]
    m, _ = ward(says("a", [80.0] * 1_000), says("b", [80.0] * 2), backlog, newer)
    found = [f for f in tick(restored(m), T0 + 1_200_000) if f.rule == "limits"]
    assert [(f.retrospective, f.started_at - T0, f.evidence["device"]) for f in found] == [(True, 3_000, "b")]


def page_of(m):
    """The only page of `m`, as it is in a checkpoint."""
    return checkpoint._read(checkpoint.save(m, [0], 0)[0])


def test_a_page_of_before_each_device_had_its_limits_goes_on_under_its_ids():
    m, (began,) = ward(says("a", [150.0] * 60))
    shared = page_of(ward(says("a", [150.0] * 2), says("b", [150.0] * 2))[0])
    shared.joint[0].apart = []
    of_two = {name: getattr(shared, name) for name in ("devices", "device_columns", "joint")}
    old = msgspec.structs.replace(page_of(m), layout=f"4/{V}/{CHANNELS}", **of_two)
    again = empty(default(), hold_ms=HOLD)
    checkpoint.restore(again, {0: bytes(cramjam.lz4.compress_block(msgspec.msgpack.encode(old)))})
    found = step(again, batch(says("a", [80.0] * 200, 60)), 0)
    assert [(f.id, f.phase) for f in found if f.rule == "limits"] == [(began.id, "end")]


def test_a_device_keeps_its_row_and_a_new_one_gets_one():
    m, _ = ward(says("a", [80.0] * 3), says("b", [80.0] * 3), says("c", [80.0] * 3, patient="q"))
    step(m, batch(samples(says("a", [80.0], 3), says("d", [80.0] * 2, 3))), 0)
    assert ({d: m.apart.patients[r] for d, r in m.own[0].items()}, m.apart.names) == ({"a": "p", "b": "p\0b", "d": "p\0d"}, ["a", "b", "d"])


def test_a_row_is_of_the_patient_whom_its_name_begins_with():
    assert [whose("p"), whose("p\0b")] == ["p", "p"]


def test_how_often_a_patient_is_looked_at_is_by_all_devices():
    monitor, cuff = says("a", [80.0] * 1_200), says("b", [120.0, 120.0, 70.0, 70.0], every=300_000, vital="sbp")
    _, found = ward(monitor, cuff)
    assert [(f.evidence["every_s"], f.evidence["device"]) for f in found] == [(1.0, "b")]


def test_what_a_device_says_of_one_patient_moves_no_others_row():
    m, _ = ward(says("a", [80.0] * 3), says("b", [90.0] * 3), says("c", [70.0] * 3, patient="q"), says("d", [60.0] * 3, patient="q"))
    rows = {device: row for owned in m.own.values() for device, row in owned.items()}
    assert {device: m.apart.cells.value[row * V + HR] for device, row in rows.items()} == {"a": 80.0, "b": 90.0, "c": 70.0, "d": 60.0}


def test_before_anybody_has_several_devices_nobody_waits_apart():
    m = empty(default(), hold_ms=HOLD)
    assert np.array_equal(apart.known_until(m, T0, m.order.known_until(T0)), np.zeros(0, dtype=np.int64))


def third():
    """Three patients, all bits set; the second has one device, whose row apart will be the third."""
    two = says("a", [80.0] * 3, patient="o"), says("b", [80.0] * 3, patient="o")
    m, _ = ward(*two, says("c", [80.0] * 3), says("d", [80.0] * 3, patient="q"))
    m.cells.busy[:] = LIMITS | BASELINE | SIGNAL
    return m


def test_of_the_bits_of_what_runs_only_those_of_limits_go_to_the_device_and_only_its_patients():
    m = third()
    apart.opened(m, 1)
    here, there = (memory.cells.busy[: 3 * V].reshape(3, V) for memory in (m, m.apart))
    assert [{int(b) for b in row} for row in (*here, *there)] == [{7}, {BASELINE | SIGNAL}, {7}, {0}, {0}, {LIMITS}]


def test_of_what_is_summed_up_only_that_of_limits_goes_to_the_device_and_only_its_patients():
    m = third()
    m.backlog = {cell: Backlog(cell, 0, 1, 1.0, 1) for cell in (V - 1, CHANNELS, CHANNELS + V - 1, CHANNELS + V, 2 * CHANNELS)}
    apart.opened(m, 1)
    assert (sorted(m.backlog), {cell: b.started_at for cell, b in m.apart.backlog.items()}) == (
        [V - 1, CHANNELS + V, 2 * CHANNELS],
        {2 * CHANNELS: CHANNELS, 2 * CHANNELS + V - 1: CHANNELS + V - 1},
    )


def by_turns(names, values, every=HOUR, vital="hr", patient="p"):
    """Readings of a vital, charted by these devices in turn."""
    at = enumerate(values)
    return [(patient, names[i % len(names)], i // len(names), T0 + i * every, {vital: x}, T0 + i * every + 50) for i, x in at]


def called(m, samples):
    """The reading with which each condition of limits began, and of which device it is (None: of several together)."""
    return [(k, f.evidence.get("device")) for k, s in enumerate(samples) for f in step(m, batch([s]), 0) if f.rule == "limits"]


@pytest.mark.parametrize("names", ["a", "ab", "abc"])
def test_what_several_chart_by_turns_is_confirmed_by_one_anothers_readings(names):
    assert called(empty(default(), hold_ms=HOLD), by_turns(names, [80.0] * 6 + [125.0] * 5)) == [(10, None)]


def test_what_several_chart_of_another_patient_and_vital_is_confirmed_so_too():
    m = empty(default(), hold_ms=HOLD)
    step(m, batch(by_turns("ab", [80.0] * 4)), 0)
    assert called(m, by_turns("cd", [15.0] * 6 + [25.0] * 5, vital="rr", patient="q")) == [(10, None)]


@pytest.mark.parametrize(("every", "by"), [(120_000, [None]), (119_999, [])])
def test_several_chart_what_comes_every_two_minutes_or_more_rarely(every, by):
    found = called(empty(default(), hold_ms=HOLD), by_turns("ab", [80.0] * 6 + [125.0] * 5, every=every))
    assert [device for _, device in found if device is None] == by


def test_of_what_several_chart_nothing_that_comes_late_is_watched_in_common():
    samples = by_turns("ab", [80.0] * 6 + [125.0] * 5)
    m, late = empty(default(), hold_ms=HOLD), (*samples[8][:3], samples[9][3] - 30_000, samples[8][4], samples[9][3] + 90_000)
    step(m, batch([*samples[:8], samples[9], late, samples[10]]), 0)
    assert m.joint.past is None


def test_what_several_chart_has_an_id_beside_each_devices_own():
    m = empty(default(), hold_ms=HOLD)
    found = [f for f in step(m, batch(by_turns("ab", [80.0] * 6 + [125.0] * 10)), 0) if f.rule == "limits"]
    found += [f for f in tick(m, T0 + 30 * HOUR) if f.rule == "limits"]
    assert (len(found), len({f.id for f in found}), {f.patient for f in found}) == (3, 3, {"p"})


def test_what_several_chart_goes_on_after_a_restart():
    m, samples = empty(default(), hold_ms=HOLD), by_turns("ab", [80.0] * 6 + [125.0] * 5)
    step(m, batch(samples[:8]), 0)
    assert called(restored(m), samples[8:]) == [(2, None)]


def test_what_one_of_several_devices_charts_is_its_own():
    m, clip = empty(default(), hold_ms=HOLD), [("p", "clip", i, T0 + i * HOUR + 1, {"spo2": 97.0}) for i in range(12)]
    samples = sorted(by_turns("a", [80.0] * 6 + [125.0] * 5) + [(*s, s[3] + 50) for s in clip], key=lambda s: s[3])
    assert [device for _, device in called(m, samples)] == ["a"]


def test_what_several_monitor_is_each_ones_own_only():
    _, found = ward(says("a", [80.0] * 5 + [150.0] * 60), says("b", [80.0] * 5 + [150.0] * 60))
    assert [f.evidence.get("device") for f in found] == ["a", "b"]


def test_history_that_several_charted_is_each_ones_own_only():
    late = [(*s[:5], T0 + 200 * HOUR + k) for k, s in enumerate(by_turns("ab", [80.0] * 6 + [150.0] * 5 + [80.0] * 90)[2:])]
    m, found = ward(by_turns("ab", [80.0] * 2), late)
    found += [f for f in tick(m, T0 + 201 * HOUR) if f.rule == "limits"]
    assert {f.evidence.get("device") for f in found} == {"a", "b"}
