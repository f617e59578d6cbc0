"""FHIR's search parameters as values (R4, "Search"). Pure.

In: the query's pairs, and which type is searched. Out: `Search`. Promise: what this type does not offer, or is not understood, is a 400
that names it, never ignored.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from dashboard_api import cursor
from dashboard_api.fhir.resources import BP_CODE, DBP, NEWS2_SNOMED, NEWS_CODE, SBP, category_of
from dashboard_api.problems import Problem
from vitals.registry import BY_KEY, VITALS

MOST = 500
_DATE = re.compile(
    r"(eq|ge|gt|le|lt|sa|eb)?(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(Z|[+-]\d\d:\d\d))?)?)?\Z"
)
OFFERED: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "Patient": {"_id": "token", "identifier": "token"},
        "Device": {"patient": "reference"},
        "Observation": {
            "patient": "reference", "subject": "reference", "code": "token", "category": "token", "date": "date", "_lastUpdated": "date",
        },
        "DetectedIssue": {"patient": "reference", "code": "token", "identified": "date", "_lastUpdated": "date"},
    }
)  # fmt: skip
"""Type -> search parameter -> its kind. `_count`, `_format`, `_cursor` (of our own links) and, as far as it says what is so, `_sort` go
with every type."""
_WITH_ALL = frozenset({"_count", "_cursor", "_format", "_sort"})
_SORTED = {"Observation": ("-date",), "DetectedIssue": ("-identified",)}
_FORMATS = frozenset({"json", "application/json", "application/fhir+json"})
_CODES: dict[str, frozenset[int]] = {BP_CODE: frozenset({SBP, DBP}), "8480-6": frozenset({SBP, DBP}), "8462-4": frozenset({SBP, DBP})}


_EVER = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Search:
    """`since` is in, `to` is not; `stored_since`, `stored_to`: when it was last updated. `vitals`: registry columns; `news2`: whether the
    score is asked for too; `codes`: as given, without their systems, none when all are wanted."""

    patient: str | None = None
    identifier: str | None = None
    ids: frozenset[str] = frozenset()
    vitals: frozenset[int] = frozenset(v.index for v in VITALS)
    news2: bool = True
    since: datetime = _EVER[0]
    to: datetime = _EVER[1]
    stored_since: datetime = _EVER[0]
    stored_to: datetime = _EVER[1]
    codes: frozenset[str] = frozenset()
    count: int = 50
    cursor: str | None = None

    @property
    def any_store(self) -> bool:
        """Whether `_lastUpdated` was left out."""
        return (self.stored_since, self.stored_to) == _EVER


def parsed(pairs: Iterable[tuple[str, str]], kind: str = "Observation", more: frozenset[str] = frozenset()) -> Search:
    """Raises Problem 400 naming the parameter. `more`: parameters that an operation takes besides."""
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    if unknown := sorted(set(given) - OFFERED[kind].keys() - _WITH_ALL - more):
        raise Problem(400, f"search parameter {unknown[0]!r} is not supported for {kind}")
    _check_manner(given, kind)
    vitals, news2 = _asked(given)
    since, to = _span([*given.get("date", []), *given.get("identified", [])])
    stored_since, stored_to = _span(given.get("_lastUpdated", []))
    patient = _last(given, "patient") or _last(given, "subject")
    return Search(
        patient=patient.rpartition("Patient/")[2] if patient else None, identifier=_last(given, "identifier"),
        ids=frozenset(i for text in given.get("_id", []) for i in text.split(",")), vitals=vitals, news2=news2, since=since, to=to,
        stored_since=stored_since, stored_to=stored_to,
        codes=frozenset(part.rpartition("|")[2] for text in given.get("code", []) for part in text.split(",")),
        count=_count(given.get("_count", ["50"])[-1]), cursor=_last(given, "_cursor"),
    )  # fmt: skip


def _check_manner(given: Mapping[str, list[str]], kind: str) -> None:
    if wrong := [text for text in given.get("_format", []) if text.replace(" ", "+") not in _FORMATS]:
        raise Problem(400, f"_format: {wrong[0][:40]!r} is not offered, json is")
    if wrong := [text for text in given.get("_sort", []) if text not in _SORTED.get(kind, ())]:
        raise Problem(400, f"_sort: {wrong[0][:40]!r} is not offered for {kind}")


def _last(given: dict[str, list[str]], name: str) -> str | None:
    return given[name][-1] if name in given else None


def _asked(given: dict[str, list[str]]) -> tuple[frozenset[int], bool]:
    """Codes and categories: all of a repeated parameter must hold, any of a comma-separated one."""
    vitals, news2 = frozenset(v.index for v in VITALS), True
    for text in given.get("code", []):
        codes = [part.rpartition("|")[2] for part in text.split(",")]
        vitals &= frozenset(index for code in codes for index in _of_code(code))
        news2 = news2 and bool({NEWS_CODE, NEWS2_SNOMED} & set(codes))
    for text in given.get("category", []):
        names = {part.rpartition("|")[2] for part in text.split(",")}
        vitals = frozenset(index for index in vitals if category_of(VITALS[index])[0] in names)
        news2 = news2 and "survey" in names
    return vitals, news2


def _of_code(code: str) -> frozenset[int]:
    if code in _CODES:
        return _CODES[code]
    found = BY_KEY[code][0] if code in BY_KEY else None
    return frozenset({found.index} if found and code in (found.loinc or (found.name,)) else ())


def _span(dates: list[str]) -> tuple[datetime, datetime]:
    """What all of the dates leave: a date without a prefix is the whole of its year, month, day, minute or second."""
    since, to = _EVER
    for text in dates:
        prefix, start, end = _period(text)
        if prefix in ("eq", "ge"):
            since = max(since, start)
        if prefix in ("gt", "sa"):
            since = max(since, end)
        if prefix in ("eq", "le"):
            to = min(to, end)
        if prefix in ("lt", "eb"):
            to = min(to, start)
    return since, to


def _period(text: str) -> tuple[str, datetime, datetime]:
    found = _DATE.match(text.replace(" ", "+"))
    try:
        if found is None:
            raise ValueError
        return found[1] or "eq", *_bounds(found)
    except ValueError as error:
        raise Problem(400, f"date: {text[:40]!r} is not a FHIR date with a prefix") from error


def _bounds(found: "re.Match[str]") -> tuple[datetime, datetime]:
    _, year, month, day, hour, minute, second, fraction, zone = found.groups()
    zone = "+00:00" if zone in (None, "Z") else zone
    micro = (fraction or "").ljust(6, "0") or "000000"
    start = datetime.fromisoformat(f"{year}-{month or '01'}-{day or '01'}T{hour or '00'}:{minute or '00'}:{second or '00'}.{micro}{zone}")
    start = start.astimezone(UTC)
    if month is None:
        return start, start.replace(year=start.year + 1)
    if day is None:
        return start, (start + timedelta(days=31)).replace(day=1)
    step = timedelta(days=1) if hour is None else timedelta(minutes=1) if second is None else timedelta(seconds=1)
    if fraction is not None:
        step = timedelta(microseconds=10 ** (6 - len(fraction)))
    return start, start + step


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise Problem(400, "_count: expected a whole number")
    return min(int(text), MOST) if len(text) < 9 else MOST


def after(search: Search) -> tuple[datetime, int, int, int] | None:
    """The place in the order (observed_at, kind, device_no, seq) after which the page begins."""
    return cursor.decode(search.cursor, tuple[datetime, int, int, int]) if search.cursor else None
