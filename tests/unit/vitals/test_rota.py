"""Rotas on a clock moved by hand: who is on call at each local time, summer time included."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitals.rota import DAY_MS, Override, Rotation, Schedule, gaps, instant, on_call, shift_at, shifts

BERLIN = ZoneInfo("Europe/Berlin")
WEEKLY = Schedule("north", "north", "Europe/Berlin", (Rotation(("ann", "bob", "cat"), date(2026, 1, 5)),))


def at(text: str, zone: ZoneInfo = BERLIN) -> int:
    """The ms of a local time."""
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


@pytest.mark.parametrize(
    ("when", "who"),
    [
        ("2026-01-05T07:59", ()), ("2026-01-05T08:00", ("ann",)), ("2026-01-12T07:59", ("ann",)), ("2026-01-12T08:00", ("bob",)),
        ("2026-01-26T08:00", ("ann",)), ("2026-03-30T07:59", ("cat",)), ("2026-03-30T08:00", ("ann",)), ("2026-10-26T07:59", ("cat",)),
        ("2026-10-26T08:00", ("ann",)),
    ],
)  # fmt: skip
def test_a_week_changes_hands_at_eight_local_time_in_winter_and_summer(when: str, who: tuple[str, ...]) -> None:
    assert on_call(WEEKLY, at(when)) == who


@pytest.mark.parametrize(
    ("day", "wall", "utc"),
    [
        (date(2026, 3, 29), time(2, 30), "2026-03-29T01:00"),  # skipped: the first minute after the gap
        (date(2026, 10, 25), time(2, 30), "2026-10-25T00:30"),  # repeated: the first of the two
        (date(2026, 3, 29), time(3, 0), "2026-03-29T01:00"),
        (date(2026, 7, 1), time(8), "2026-07-01T06:00"),
    ],
)
def test_a_handover_in_the_hour_that_summer_time_takes_or_gives(day: date, wall: time, utc: str) -> None:
    assert instant(day, wall, BERLIN) == at(utc, ZoneInfo("UTC"))


def test_a_night_layer_over_midnight_belongs_to_its_evening() -> None:
    night = Rotation(("nia",), date(2026, 1, 5), time(20), 1, (20 * 60, 8 * 60), frozenset({4}))
    schedule = Schedule("n", None, "Europe/Berlin", (*WEEKLY.layers, night))
    said = [on_call(schedule, at(t)) for t in ("2026-01-09T19:59", "2026-01-09T20:00", "2026-01-10T07:59", "2026-01-10T08:00")]
    assert said == [("ann",), ("nia",), ("nia",), ("ann",)]


def test_a_swap_replaces_who_would_be_on_and_ends() -> None:
    swap = Override(at("2026-01-06T08:00"), at("2026-01-07T08:00"), ("bob",))
    schedule = Schedule("n", None, "Europe/Berlin", WEEKLY.layers, (swap,))
    assert [on_call(schedule, at(f"2026-01-0{d}T09:00")) for d in (5, 6, 7)] == [("ann",), ("bob",), ("ann",)]


def test_a_holiday_without_anybody_is_said_as_a_gap() -> None:
    holiday = Override(at("2026-01-06T08:00"), at("2026-01-07T08:00"), ())
    schedule = Schedule("n", None, "Europe/Berlin", WEEKLY.layers, (holiday,))
    assert [(g.start, g.end) for g in gaps(schedule, at("2026-01-05T09:00"), at("2026-01-19T09:00"))] == [(holiday.start, holiday.end)]


def test_a_rota_of_working_hours_has_its_nights_and_weekends_as_gaps() -> None:
    office = Schedule("o", None, "UTC", (Rotation(("ann",), date(2026, 1, 5), time(0), 7, (480, 1020), frozenset(range(5))),))
    utc = ZoneInfo("UTC")
    found = gaps(office, at("2026-01-09T00:00", utc), at("2026-01-12T12:00", utc))
    assert [(g.start, g.end) for g in found] == [
        (at("2026-01-09T00:00", utc), at("2026-01-09T08:00", utc)), (at("2026-01-09T17:00", utc), at("2026-01-12T08:00", utc)),
    ]  # fmt: skip


def test_the_shift_at_a_time_says_when_it_ends() -> None:
    assert shift_at(WEEKLY, at("2026-01-06T00:00")).end == at("2026-01-12T08:00")


@settings(max_examples=40, deadline=None)
@given(st.integers(at("2026-01-05T00:00"), at("2027-02-01T00:00")), st.integers(1, 20 * DAY_MS), st.integers(1, 9), st.integers(0, 23))
def test_shifts_cover_the_span_without_a_hole_and_agree_with_on_call(start: int, length: int, days: int, hour: int) -> None:
    schedule = Schedule("s", None, "Europe/Berlin", (Rotation(("a", "b"), date(2026, 1, 5), time(hour, 30), days),))
    made = list(shifts(schedule, start, start + length))
    assert [s.end for s in made[:-1]] == [s.start for s in made[1:]]
    assert (made[0].start, made[-1].end) == (start, start + length)
    assert all(on_call(schedule, t) == s.people for s in made for t in (s.start, s.end - 1))
