"""HL7's times (TS, DTM): text to moments, and back.

In: a field's text, the zone of what has no offset. Out: ms since 1970 UTC. Pure: the clock is an argument. Source: HL7 2.6 chapter 2A.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ingest.judge import AHEAD_MS

_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(?:(\d\d)(?:\.(\d{1,4}))?)?)?([+-]\d{4})?")


def offset(text: str) -> timezone | None:
    """The offset at the time's end; None where it has none."""
    found = _TIME.fullmatch(text)
    if found is None or not found[8]:
        return None
    minutes = int(found[8][1:3]) * 60 + int(found[8][3:5])
    return timezone(timedelta(minutes=-minutes if found[8][0] == "-" else minutes)) if minutes < 1440 else None


def moment(text: str, zone: tzinfo, now: int) -> int | str:
    """ms since 1970 UTC; the text itself when it is no HL7 time, so that it is refused as what it is.

    `zone`: of a time without an offset. A clock shows one hour twice when summer time ends: of the two moments it is the later one,
    unless that is still to come (`now` in ms); so a reading that comes at once is never taken for one of an hour ago.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        return text or "no time"
    year, month, day, hour, minute, second = (int(found[i] or 0) for i in range(1, 7))
    try:
        at = datetime(year, month, day, hour, minute, second, tzinfo=offset(text) or zone)
        seconds = at.timestamp() if isinstance(at.tzinfo, timezone) else _of_two(at, now)
    except (ValueError, OverflowError):
        return text
    return int(seconds) * 1000 + int((found[7] or "0").ljust(3, "0")[:3])


def _of_two(at: datetime, now: int) -> float:
    """The later of the moments at which a zone's clock shows this, unless it is still to come; in s."""
    first, last = sorted(at.replace(fold=fold).timestamp() for fold in (0, 1))
    return last if last * 1000 <= now + AHEAD_MS else first


def written(now: int) -> str:
    """HL7's form of a moment (ms), in UTC."""
    return datetime.fromtimestamp(now / 1000, UTC).strftime("%Y%m%d%H%M%S+0000")


def zone_named(text: str) -> ZoneInfo:
    """The zone of an IANA name. Raises ValueError for anything else."""
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("expected an IANA name of a time zone such as Europe/Berlin") from error
