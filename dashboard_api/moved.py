"""What a correction of an assignment takes from a patient and gives to another. Pure.

In: whom a device was on and when, as it was said before and as it is said since. Out: the times that went away from a patient, and those
that came. Only what is over counts: of a time ahead nothing was shown to anybody yet.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

FOREVER = datetime.max.replace(tzinfo=UTC)
"""An end that is open."""
Span = tuple[datetime, datetime]
"""It holds its start and not its end."""


@dataclass(frozen=True, slots=True)
class Worn:
    """A device on a patient in [since, to); `to` None: until further notice."""

    patient: str
    since: datetime
    to: datetime | None


def left(one: Worn | None, other: Worn | None, until: datetime) -> list[Span]:
    """The times before `until` at which `one` holds and `other` does not, in their order: two at most.

    >>> at = [datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in range(4)]
    >>> [(a.hour, b.hour) for a, b in left(Worn("p", at[0], None), Worn("p", at[1], at[2]), at[3])]
    [(0, 1), (2, 3)]
    """
    if one is None:
        return []
    since, to = one.since, min(one.to or FOREVER, until)
    if other is None or other.patient != one.patient:
        parts = [(since, to)]
    else:
        parts = [(since, min(to, other.since)), (max(since, other.to or FOREVER), to)]
    return [(a, b) for a, b in parts if a < b]


def moves(before: Worn | None, after: Worn, until: datetime) -> bool:
    """Whether anything that was over by `until` belongs to somebody else since."""
    return bool(left(before, after, until) or left(after, before, until))
