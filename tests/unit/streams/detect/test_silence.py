"""How a device's own pause is learned, and the moment at which it counts as silent; its battery."""

import numpy as np
import pytest

from streams.detect.memory import empty
from streams.detect.silence import dismissed, heard, linked, missing
from tests.unit.streams.detect.readings import T0
from vitals.finding import SITE
from vitals.link import Link
from vitals.rules import default

RULE = default().silence
HOUR = 3_600_000


def device(n=100, pause=1000.0, silent=False):
    """A memory with device `d` on patient `p`, last heard of at T0."""
    m = empty(default())
    slot = m.slot(m.row("p"), "d", T0)
    d = m.devices
    d.n[slot], d.pause[slot], d.at[slot], d.heard[slot] = n, pause, T0, T0 + 40
    if silent:
        d.silent[slot] = T0
    return m


def after(samples, **known):
    """(samples known, pause) after samples at ms after T0."""
    m = device(**known)
    for t in samples:
        heard(m, np.array([0]), np.array([T0 + t]), np.array([T0 + t + 40]), 0)
    return int(m.devices.n[0]), float(m.devices.pause[0])


def starts(m, now_ms):
    return [(f.rule, f.subject, f.started_at) for f in missing(m, now_ms) if f.phase == "start"]


def test_a_pause_is_followed_by_a_fifth_of_the_difference():
    assert after([2000]) == (101, 1200.0)


def test_the_first_pause_is_taken_as_it_is():
    assert after([2000], n=1, pause=0.0) == (2, 2000.0)


def test_from_the_second_pause_on_it_is_a_mean():
    assert after([2000], n=2) == (3, 1200.0)


def test_the_first_sample_of_all_tells_no_pause():
    m = empty(default())
    m.slot(m.row("p"), "d", T0)
    heard(m, np.array([0]), np.array([T0]), np.array([T0]), 0)
    assert (int(m.devices.n[0]), float(m.devices.pause[0]), int(m.devices.at[0])) == (1, 0.0, T0)


@pytest.mark.parametrize("t", [0, -5000])
def test_what_is_no_later_than_the_last_tells_no_pause(t):
    assert after([t]) == (100, 1000.0)


def test_what_comes_late_does_not_turn_time_back():
    m = device()
    heard(m, np.array([0]), np.array([T0 - 5000]), np.array([T0 + 10]), 0)
    assert (int(m.devices.at[0]), int(m.devices.heard[0])) == (T0, T0 + 40)


@pytest.mark.parametrize(("pause", "limit_ms"), [(1000.0, RULE.least_s * 1000), (30_000.0, RULE.factor * 30_000)])
def test_it_is_silent_after_some_of_its_own_pauses_but_a_minute_at_least(pause, limit_ms):
    m, limit = device(pause=pause), T0 + 40 + int(limit_ms)
    assert (starts(m, limit), starts(m, limit + 1)) == ([], [("silence", "d", T0)])


@pytest.mark.parametrize(
    ("n", "pause", "told"), [(0, 1000, 1), (-1, 1000, 0), (0, RULE.slowest_s * 1000, 1), (0, RULE.slowest_s * 1000 + 1, 0)]
)
def test_only_a_device_whose_pause_is_known_and_short_can_be_missed(n, pause, told):
    assert len(starts(device(n=RULE.warm_up + n, pause=float(pause)), T0 + 100 * 3_600_000)) == told


@pytest.mark.parametrize("later", [0, 5000])
def test_off_line_it_is_silent_sooner(later):
    """The grace runs from the newer of the two: being heard of, going off line."""
    m = device()
    m.devices.offline[0] = T0 + 40 + later
    limit = T0 + 40 + later + RULE.offline_s * 1000
    assert (starts(m, limit), starts(m, limit + 1)) == ([], [("silence", "d", T0)])


@pytest.mark.parametrize(
    ("n", "pause", "told"), [(1, 0, 0), (2, 1000, 1), (4, 1000, 1), (2, RULE.slowest_s * 1000, 1), (2, RULE.slowest_s * 1000 + 1, 0)]
)
def test_off_line_a_new_device_is_missed_from_its_second_sample_on_but_no_spot_check(n, pause, told):
    m = device(n=n, pause=float(pause))
    linked(m, Link(device="d", state="offline", at=T0 + 5000, patient="p"), T0)
    assert len(starts(m, T0 + 3_600_000)) == told


def test_a_new_device_that_is_lost_after_four_samples_is_told_once_its_grace_is_over():
    m = empty(default())
    m.slot(m.row("p"), "d", T0)
    for t in range(0, 4000, 1000):
        heard(m, np.array([0]), np.array([T0 + t]), np.array([T0 + t]), 0)
    linked(m, Link(device="d", state="offline", at=T0 + 5000, patient="p"), T0)
    limit = T0 + 5000 + RULE.offline_s * 1000
    assert (starts(m, limit), starts(m, limit + 1)) == ([], [("silence", "d", T0 + 3000)])


@pytest.mark.parametrize("back", ["link", "sample"])
def test_a_new_device_that_is_back_within_the_grace_is_not_missed(back):
    m = device(n=3)
    linked(m, Link(device="d", state="offline", at=T0 + 5000, patient="p"), T0)
    if back == "link":
        linked(m, Link(device="d", state="online", at=T0 + 20_000, patient="p"), T0)
    else:
        heard(m, np.array([0]), np.array([T0 + 20_000]), np.array([T0 + 20_000]), 0)
    assert starts(m, T0 + 5001 + RULE.offline_s * 1000) == []


@pytest.mark.parametrize("column", ["silent", "outage"])
def test_a_silence_that_was_told_or_is_an_outages_is_not_told_again(column):
    m = device()
    getattr(m.devices, column)[0] = T0
    assert starts(m, T0 + 3_600_000) == []


@pytest.mark.parametrize("gone", ["moved", "discharged"])
def test_nobody_is_missed_who_is_not_expected(gone):
    m = device()
    m.devices.current[0] = gone != "moved"
    m.settings.active[0] = gone != "discharged"
    assert starts(m, T0 + 3_600_000) == []


def test_a_silence_ends_with_the_sample_that_breaks_it():
    m = device(silent=True)
    ended = heard(m, np.array([0]), np.array([T0 + 90_000]), np.array([T0 + 90_500]), T0 + 91_000)
    assert [(f.phase, f.started_at, f.at, f.ended_at, f.received_at) for f in ended] == [("end", T0, T0 + 90_000, T0 + 90_000, T0 + 90_500)]


def batteries(*levels, m=None):
    m = m or device()
    found = [linked(m, Link(device="d", state="online", at=T0 + i, battery=level, patient="p"), T0) for i, level in enumerate(levels)]
    return [[f.phase for f in each] for each in found]


def test_a_battery_is_low_from_the_limit_on_once_and_over_when_it_is_clearly_above():
    at, over = RULE.battery, RULE.battery + 0.05
    assert batteries(at + 0.01, at, at - 0.05, over, over + 0.01, 1.0) == [[], ["start"], [], [], ["end"], []]


def test_a_silence_has_the_rules_priority_and_a_battery_a_low_one():
    m = device()
    (flat,) = linked(m, Link(device="d", state="online", at=T0, battery=0.05, patient="p"), T0)
    (silent,) = missing(m, T0 + 3_600_000)
    assert (silent.priority, flat.priority) == (RULE.priority, "low")


def test_a_link_that_says_nothing_of_the_battery_tells_nothing():
    assert batteries(0.05, None, None) == [["start"], [], []]


def test_off_line_since_is_noted_and_undone():
    m = device()
    linked(m, Link(device="d", state="offline", at=T0 + 7, patient="p"), T0)
    off = int(m.devices.offline[0])
    linked(m, Link(device="d", state="online", at=T0 + 9, patient="p"), T0)
    assert (off, int(m.devices.offline[0])) == (T0 + 7, 0)


@pytest.mark.parametrize(
    ("battery", "gateway", "cause"),
    [(RULE.battery, "hub", "battery"), (RULE.battery + 0.01, "hub", "gateway"), (None, "hub", "gateway"), (None, None, "offline")],
)
def test_the_cause_is_the_battery_before_the_hub_before_the_line(battery, gateway, cause):
    m = device()
    m.links["d"] = Link(device="d", state="offline", at=T0, battery=battery, gateway=gateway, patient="p")
    assert [f.evidence["cause"] for f in missing(m, T0 + 3_600_000)] == [cause]


def test_on_line_and_without_data_is_said_as_that():
    m = device(pause=1500.0)
    m.links["d"] = Link(device="d", state="online", at=T0, battery=0.02, gateway="hub", patient="p")
    (found,) = missing(m, T0 + 3_600_000)
    assert found.evidence == {"cause": "no_data", "usual_pause_s": 1.5, "battery": 0.02}


def test_a_discharge_ends_both_conditions_of_its_own_devices_only():
    m = device(silent=True)
    m.devices.flat[0] = T0
    other = m.slot(m.row("q"), "e", T0)
    m.devices.silent[other] = m.devices.flat[other] = T0
    ended = dismissed(m, 0, T0 + 1)
    left = [int(getattr(m.devices, name)[slot]) for slot in (0, other) for name in ("silent", "flat")]
    assert ([(f.rule, f.subject, f.phase) for f in ended], left) == ([("silence", "d", "end"), ("battery", "d", "end")], [0, 0, T0, T0])


@pytest.mark.parametrize(("silent", "flat", "rules"), [(T0, 0, ["silence"]), (0, T0, ["battery"]), (0, 0, [])])
def test_a_discharge_ends_only_what_was_told(silent, flat, rules):
    m = device()
    m.devices.silent[0], m.devices.flat[0] = silent, flat
    assert [f.rule for f in dismissed(m, 0, T0 + 1)] == rules


def test_a_discharge_takes_the_device_out_of_its_outage_and_no_other():
    m = device()
    other = m.slot(m.row("q"), "e", T0)
    m.devices.outage[[0, other]] = 3 * T0
    dismissed(m, 0, T0 + 1)
    assert (int(m.devices.outage[0]), int(m.devices.outage[other])) == (0, 3 * T0)


# --- a device that is on another patient now, of whom another memory or only the link knows


def moved_to(since_ms, partitions=2):
    """The memory of `device()` beside another, in which `d` is on patient `q` and was last observed `since_ms` after T0."""
    m, other = device(), empty(default())
    slot = other.slot(other.row("q"), "d", T0 + since_ms)
    other.devices.at[slot] = T0 + since_ms
    for each in (m, other):
        each.house = [m, other][:partitions]
    return m


@pytest.mark.parametrize(("since_ms", "told"), [(-1, 1), (0, 1), (1, 0)])
def test_a_device_that_was_observed_on_anothers_patient_since_is_not_missed(since_ms, told):
    assert len(starts(moved_to(since_ms), T0 + HOUR)) == told


def test_what_another_memory_knows_of_other_devices_says_nothing():
    m, other = device(), empty(default())
    other.slot(other.row("q"), "e", T0 + HOUR)
    m.house = [m, other]
    assert len(starts(m, T0 + HOUR)) == 1


@pytest.mark.parametrize(("patient", "at", "told"), [("q", 40, 1), ("q", 41, 0), ("p", 41, 1), (None, 41, 1)])
def test_a_link_that_names_another_patient_since_it_was_heard_of_says_that_it_moved(patient, at, told):
    m = device()
    m.links["d"] = Link(device="d", state="online", at=T0 + at, patient=patient)
    assert len(starts(m, T0 + HOUR)) == told


def test_a_device_that_came_back_is_missed_again():
    m = moved_to(1)
    missing(m, T0 + 100_000)
    slot = m.slot(m.row("p"), "d", T0 + 101_000)
    heard(m, np.array([slot]), np.array([T0 + 101_000]), np.array([T0 + 101_000]), 0)
    assert starts(m, T0 + HOUR) == [("silence", "d", T0 + 101_000)]


def test_that_a_device_has_left_is_written_down():
    m = moved_to(1)
    m.settings.dirty[:] = 0
    missing(m, T0 + HOUR)
    assert (int(m.devices.current[0]), m.current_slot, int(m.settings.dirty[0])) == (0, {}, 1)


def let_go(m, now_ms=T0 + 1):
    return [(f.rule, f.phase, f.patient) for f in missing(m, now_ms)]


@pytest.mark.parametrize(("column", "ended"), [("silent", ("silence", "end", "p")), ("outage", ("outage", "end", SITE))])
def test_what_was_told_of_a_device_is_over_where_it_left(column, ended):
    m = moved_to(1)
    getattr(m.devices, column)[0] = T0
    assert (let_go(m, T0 + HOUR), int(getattr(m.devices, column)[0])) == ([ended], 0)


def test_a_low_battery_is_over_where_its_device_left():
    m = moved_to(1)
    m.devices.flat[0] = T0
    assert (let_go(m), let_go(m, T0 + HOUR)) == ([], [("battery", "end", "p")])


@pytest.mark.parametrize("column", ["silent", "flat"])
def test_what_was_told_is_over_where_a_device_left_for_a_patient_of_the_same_memory(column):
    m = device()
    m.slot(m.row("q"), "d", T0 + 1)
    getattr(m.devices, column)[0] = T0
    assert [phase for _, phase, _ in let_go(m)] == ["end"]


def test_of_the_newest_two_samples_the_pause_is_known():
    m = device()
    for t in (1_000, 6_000, 4_000):
        heard(m, np.array([0]), np.array([T0 + t]), np.array([T0 + t + 40]), 0)
    assert m.devices.step[0] == 5_000
