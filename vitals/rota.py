"""Who is on call when: rotations in local time, with summer time, and overrides on top. What `/oncall` shows and alerts page by.

In: a schedule and a time (ms since 1970 UTC). Out: people. Pure: the clock is an argument.
Rules: a rotation hands over every `days` days at `handover` local time of its zone; a handover that summer time skips happens at the
first minute after the gap, and one that it repeats happens at the first of the two. A rotation may be limited to local hours and
weekdays; the highest layer with somebody on it answers. An override (a swap, a holiday) replaces all layers while it lasts.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

DAY_MS = 86_400_000
Minute = Annotated[int, msgspec.Meta(ge=0, le=1440)]
Weekday = Annotated[int, msgspec.Meta(ge=0, le=6)]


class Rotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """People in turn, from the local date `since`. `hours`: (from, to) minutes of the local day; weekdays 0 Monday."""

    people: tuple[str, ...]
    since: date
    handover: time = time(8)
    days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 7
    hours: tuple[Minute, Minute] | None = None
    weekdays: frozenset[Weekday] = frozenset(range(7))


class Override(msgspec.Struct, frozen=True):
    """These people, and nobody else, from `start` until before `end` (ms). No people: deliberately nobody (a holiday)."""

    start: int
    end: int
    people: tuple[str, ...]


class Schedule(msgspec.Struct, frozen=True):
    """One rota of one team. Layers: the last that has somebody answers. Later overrides win."""

    id: str
    ward: str | None
    zone: str
    layers: tuple[Rotation, ...] = ()
    overrides: tuple[Override, ...] = ()


class Shift(msgspec.Struct, frozen=True):
    """The same people from `start` until before `end` (ms)."""

    start: int
    end: int
    people: tuple[str, ...]


def on_call(schedule: Schedule, at: int) -> tuple[str, ...]:
    """The people on call at this time."""
    for override in reversed(schedule.overrides):
        if override.start <= at < override.end:
            return override.people
    zone = ZoneInfo(schedule.zone)
    for layer in reversed(schedule.layers):
        people = _of_layer(layer, zone, at)
        if people:
            return people
    return ()


def shifts(schedule: Schedule, start: int, end: int) -> Iterator[Shift]:
    """The shifts between two times in order, gaps (nobody) included; neighbours differ in people."""
    edges = sorted({start, end, *(e for e in _edges(schedule, start, end) if start < e < end)})
    open_at, people = start, on_call(schedule, start)
    for edge in edges[1:-1]:
        now = on_call(schedule, edge)
        if now != people:
            yield Shift(open_at, edge, people)
            open_at, people = edge, now
    if open_at < end:
        yield Shift(open_at, end, people)


def shift_at(schedule: Schedule, at: int, days: int = 14) -> Shift:
    """The shift at this time, looked for `days` around it."""
    around = shifts(schedule, at - days * DAY_MS, at + days * DAY_MS)
    return next(shift for shift in around if shift.start <= at < shift.end)


def gaps(schedule: Schedule, start: int, end: int) -> tuple[Shift, ...]:
    """When nobody is on call: said days ahead."""
    return tuple(shift for shift in shifts(schedule, start, end) if not shift.people)


def instant(day: date, at: time, zone: ZoneInfo) -> int:
    """The ms of a local wall time; the first minute after the gap where summer time skips it, the first of two where it repeats."""
    there = datetime.combine(day, at, tzinfo=zone)
    moment = there.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != there.replace(tzinfo=None):
        moment = _gap_end(moment, zone)
    return round(moment.timestamp() * 1000)


def _gap_end(after: datetime, zone: ZoneInfo) -> datetime:
    """The first minute with the new offset; `after` is a moment not long after it (fold 0 reads a skipped time by the old offset)."""
    offset = after.astimezone(zone).utcoffset()
    moment = after.replace(second=0, microsecond=0)
    while (moment - timedelta(minutes=1)).astimezone(zone).utcoffset() == offset:
        moment -= timedelta(minutes=1)
    return moment


def _local(at: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)


def _of_layer(layer: Rotation, zone: ZoneInfo, at: int) -> tuple[str, ...]:
    local = _local(at, zone)
    if not layer.people or not _within(layer, local):
        return ()
    turn = _turn(layer, zone, at, local.date())
    return () if turn < 0 else (layer.people[turn % len(layer.people)],)


def _within(layer: Rotation, local: datetime) -> bool:
    if layer.hours is None:
        return local.weekday() in layer.weekdays
    begin, end = layer.hours
    minute = local.hour * 60 + local.minute
    if begin < end:
        return begin <= minute < end and local.weekday() in layer.weekdays
    over_midnight = minute < end  # the part after midnight belongs to the evening before
    day = (local.weekday() - over_midnight) % 7
    return (minute >= begin or over_midnight) and day in layer.weekdays


def _turn(layer: Rotation, zone: ZoneInfo, at: int, today: date) -> int:
    begun = today if at >= instant(today, layer.handover, zone) else today - timedelta(days=1)
    return (begun - layer.since).days // layer.days


def _edges(schedule: Schedule, start: int, end: int) -> Iterator[int]:
    for override in schedule.overrides:
        yield override.start
        yield override.end
    zone = ZoneInfo(schedule.zone)
    day, last = _local(start, zone).date() - timedelta(days=1), _local(end, zone).date()
    marks = {mark for layer in schedule.layers for mark in _marks(layer)}
    while day <= last:
        yield from (instant(day, mark, zone) for mark in marks)
        day += timedelta(days=1)


def _marks(layer: Rotation) -> Iterator[time]:
    yield layer.handover
    yield time(0)
    for minute in layer.hours or ():
        yield time(minute // 60 % 24, minute % 60)
