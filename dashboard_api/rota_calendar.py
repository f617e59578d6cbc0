"""A rota as iCalendar (RFC 5545): one event a shift, so that people see their turns in their own calendars.

In: a schedule and a time span. Out: text, lines folded at 75 octets and ended by CRLF. Times in UTC.
"""

from datetime import UTC, datetime

from vitals.rota import Schedule, Shift, shifts

_ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})


def calendar(schedule: Schedule, start: int, end: int, person: str | None = None) -> str:
    """The shifts of the span (ms); of one person only where named."""
    turns = [s for s in shifts(schedule, start, end) if s.people and (person is None or person in s.people)]
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Vigil//On-call//EN", "CALSCALE:GREGORIAN"]
    for turn in turns:
        lines += _event(schedule, turn, start)
    return "".join(_folded(line) for line in [*lines, "END:VCALENDAR"])


def _event(schedule: Schedule, turn: Shift, stamp: int) -> list[str]:
    return [
        "BEGIN:VEVENT",
        f"UID:{schedule.id.translate(_ESCAPES)}-{turn.start}@vigil",
        f"DTSTAMP:{_time(stamp)}",
        f"DTSTART:{_time(turn.start)}",
        f"DTEND:{_time(turn.end)}",
        f"SUMMARY:On call: {', '.join(turn.people).translate(_ESCAPES)} ({schedule.id.translate(_ESCAPES)})",
        "END:VEVENT",
    ]


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def _folded(line: str) -> str:
    raw, parts = line.encode(), list[bytes]()
    while len(raw) > 74:
        cut = 74
        while raw[cut] & 0xC0 == 0x80:  # never inside a character
            cut -= 1
        parts.append(raw[:cut])
        raw = b" " + raw[cut:]
    return b"\r\n".join([*parts, raw]).decode() + "\r\n"
