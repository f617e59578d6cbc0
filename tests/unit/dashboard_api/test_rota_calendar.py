"""A rota as iCalendar, read back by a library that is not ours."""

from datetime import UTC, date, datetime

import icalendar

from dashboard_api.rota_calendar import calendar
from vitals.rota import Rotation, Schedule

WEEKLY = Schedule("north", "north", "Europe/Berlin", (Rotation(("ann", "bob", "cat"), date(2026, 1, 5)),))


def at(text: str) -> int:
    """The ms of a time in UTC."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_the_calendar_is_read_by_others_as_the_shifts_it_was_made_of() -> None:
    start, end = at("2026-01-05T07:00"), at("2026-01-26T07:00")
    read = icalendar.Calendar.from_ical(calendar(WEEKLY, start, end, "bob"))
    (event,) = read.walk("VEVENT")
    assert (event["dtstart"].dt, str(event["summary"])) == (datetime(2026, 1, 12, 7, tzinfo=UTC), "On call: bob (north)")


def test_long_names_fold_between_characters() -> None:
    long = Schedule("ä" * 90, None, "UTC", (Rotation(("ö" * 90,), date(2026, 1, 5)),))
    text = calendar(long, at("2026-01-06T08:00"), at("2026-01-07T08:00"))
    assert max(len(line.encode()) for line in text.split("\r\n")) <= 75
    assert str(icalendar.Calendar.from_ical(text).walk("VEVENT")[0]["summary"]) == f"On call: {'ö' * 90} ({'ä' * 90})"
