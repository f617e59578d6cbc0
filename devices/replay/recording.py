"""A recording as the replay sees it, whatever its format: rows, put together into the samples that devices would have sent. Pure.

In: `Row`s of a format's reader. Out: `Entry`s, one a sample, in time order. Promise: every row is in exactly one entry, once; rows of
the same device and moment share a sample unless they say the same vital twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One charted value. `stay`: whose (a record's name); `part`: which device of it; `at_ms` since 1970; `value` as the wire has it."""

    stay: str
    part: str
    at_ms: int
    vital: str
    value: Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One sample: `seq` counts up from 1 for each (stay, part), the same in every run."""

    stay: str
    part: str
    seq: int
    at_ms: int
    vitals: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Skipped:
    """Rows that no device would have sent, by reason: they are in the account all the same."""

    reasons: dict[str, int] = field(default_factory=dict)

    def add(self, reason: str) -> None:
        """One more."""
        self.reasons[reason] = self.reasons.get(reason, 0) + 1


def entries(rows: Iterable[Row]) -> list[Entry]:
    """The samples in time order; a vital said twice at one moment makes a second sample of that moment."""
    made: list[Entry] = []
    open_now: dict[tuple[str, str], list[Entry]] = {}
    last: dict[tuple[str, str], int] = {}
    for row in sorted(rows, key=lambda r: (r.at_ms, r.stay, r.part)):
        key = (row.stay, row.part)
        if not open_now.get(key) or open_now[key][0].at_ms != row.at_ms:
            open_now[key] = []
        place = next((e for e in open_now[key] if row.vital not in e.vitals), None)
        if place is None:
            last[key] = last.get(key, 0) + 1
            place = Entry(row.stay, row.part, last[key], row.at_ms)
            open_now[key].append(place)
            made.append(place)
        place.vitals[row.vital] = row.value
    return made
