"""What a memory takes for now: a patient who is new to it, or taken up again, has the limits that hold by then."""

import pytest

from streams.detect import checkpoint
from streams.detect.memory import empty
from streams.detect.step import step, tick
from tests.unit.streams.detect.readings import T0, batch, series
from vitals.context import Limit, PatientContext
from vitals.link import Link
from vitals.registry import V
from vitals.rules import default

HOUR = 3_600_000


def known(limit, now_ms=T0):
    """A memory that knows of `p` and a limit of its own on the heart rate."""
    context = PatientContext(patient="p", version=1, ward="north", limits={"hr": limit})
    return empty(default(), {"p": context}, now_ms=now_ms)


def phases(m, values, first=0):
    found = step(m, batch(series("hr", values, start=T0 + first * 1000, first_seq=first)), T0)
    return [f.phase for f in found if f.rule == "limits"]


@pytest.mark.parametrize(("expires_at", "told"), [(T0, []), (T0 + 1, ["start"])])
def test_a_limit_that_expired_before_the_first_reading_raises_nothing(expires_at, told):
    assert phases(known(Limit(low=100, expires_at=expires_at)), [85.0] * 200) == told


def test_a_restart_does_not_end_what_only_an_expired_limit_allows():
    limit = Limit(high=180, expires_at=T0 - HOUR)
    m = known(limit)
    before = phases(m, [150.0] * 60)
    again = known(limit)
    checkpoint.restore(again, checkpoint.save(m, [0], 0))
    assert (before, phases(again, [150.0] * 90, first=60)) == (["start"], [])


def later(m, how):
    """The memory hears that it is an hour later."""
    if how == "time passes":
        tick(m, T0 + HOUR)
    elif how == "a context comes":
        m.know(PatientContext(patient="q", version=1, ward="north"), T0 + HOUR)
    elif how == "rules come":
        m.rule(default(), T0 + HOUR)
    return m


@pytest.mark.parametrize(("how", "low"), [("", 100), ("time passes", 45), ("a context comes", 45), ("rules come", 45)])
def test_a_new_patient_has_the_limits_of_the_newest_moment_heard_of(how, low):
    m = later(known(Limit(low=100, expires_at=T0 + HOUR)), how)
    assert m.settings.low1[m.row("p") * V] == low


@pytest.mark.parametrize("how", ["time passes", "a context comes", "rules come"])
def test_an_older_moment_turns_nothing_back(how):
    m = later(known(Limit(low=100, expires_at=T0 + 2 * HOUR), now_ms=T0 + 2 * HOUR), how)
    assert m.now_ms == T0 + 2 * HOUR


def test_a_move_is_written_down_where_the_device_was():
    m = empty(default())
    m.slot(m.row("p"), "d", T0)
    m.settings.dirty[:] = 0
    m.slot(m.row("q"), "d", T0 + 1)
    assert m.settings.dirty[:2].tolist() == [1, 0]  # a batch marks those of whom it speaks


def bed_changed(m, now_ms):
    m.know(PatientContext(patient="p", version=2, ward="north", bed="7"), now_ms)


def test_a_score_goes_stale_although_the_patients_context_changed():
    vitals = {"hr": 135, "rr": 26, "spo2": 90, "temp": 37, "sbp": 120, "acvpu": 0, "on_oxygen": 0}
    until = []
    for change in (lambda *_: None, bed_changed):
        m = empty(default())
        step(m, batch([("p", "d", i, T0 + i * 1000, vitals) for i in range(60)]), T0)
        change(m, T0 + 60_000)
        for minute in range(1, 180):
            tick(m, T0 + minute * 60_000)
        until.append(int(m.rows.score_until[0]))
    assert until[0] == until[1] > T0 + 3 * HOUR


@pytest.mark.parametrize(("until", "after"), [(0, 0), (1, 1), (T0, 1)], ids=["never scored", "due already", "scored"])
def test_what_was_scored_is_scored_again_when_the_settings_change(until, after):
    m = empty(default())
    m.rows.score_until[m.row("p")] = until
    bed_changed(m, T0)
    assert m.rows.score_until[0] == after


def restored(m, link):
    again = empty(default(), links={} if link is None else {link.device: link})
    checkpoint.restore(again, checkpoint.save(m, [0], 0))
    return again


@pytest.mark.parametrize(
    ("state", "offline"), [("online", 0), ("offline", T0 + 25_000), (None, T0 + 20_000)], ids=["on line again", "off line again", "no news"]
)
def test_a_device_that_is_taken_up_again_is_off_line_as_its_newest_link_says(state, offline):
    m = empty(default())
    slot = m.slot(m.row("p"), "d", T0)
    m.devices.offline[slot] = T0 + 20_000
    newest = Link(device="d", state=state, at=T0 + 25_000) if state else None
    assert restored(m, newest).devices.offline[slot] == offline


@pytest.mark.parametrize("newer", [0, 64])
def test_of_pages_of_different_age_the_newest_says_where_a_device_is(newer):
    m = empty(default())
    rows = [m.row(f"p{i}") for i in range(65)]
    for row in (rows[0], rows[64]):
        slot = m.slot(row, "d", T0)
        m.devices.at[slot] = T0 + (row == newer)
        m.devices.current[slot] = 1
    pages = {}
    for page in (0, 1):
        m.current_slot["d"] = page  # the slots' numbers are those of the pages
        pages |= checkpoint.save(m, [page], 0)
    again = empty(default())
    checkpoint.restore(again, pages)
    slot = again.slot_of[newer, "d"]
    assert (again.current_slot, again.devices.current[:2].nonzero()[0].tolist()) == ({"d": slot}, [slot])
