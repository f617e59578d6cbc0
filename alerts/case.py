"""A case: an alert with what the worker must remember of it; and the events from which it can be rebuilt at any time.

In: the case before and after. Out: a `Change`, one row of `alerting.event`, whose body holds what it set.
Promise: folding `evolve` over an alert's events in order of version gives the projection, exactly; up to a time, what was known then.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from vitals.alert import Alert
from vitals.finding import Priority


class Memory(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What the worker keeps besides the alert. Times ms.

    Attributes:
        findings: the findings in it whose condition is not over.
        cause: the group that it is paged with. covered_by: the alert that suppresses it. joined: the alert whose page speaks for it.
        rung: the last step of the escalation ladder that was paged, -1 none. pages: how often it paged.
        paged_at: when a page was last written, sent or not. reached_at: when one last arrived; None again once it became worse,
            at `worse_at`.
        due_at, due_for: when time itself changes something next: `rung`, `step` or `shelf`.
        began, over: when the condition of each of its last findings began and was over, by id.
        grave: how grave each of them was, by id. until: when it was known to be over, by device.
        goes_on_in: the alert that took up what this one was.
    """

    findings: tuple[str, ...] = ()
    cause: str = ""
    covered_by: str | None = None
    joined: str | None = None
    rung: int = -1
    round: int = 0
    pages: int = 0
    paged_at: int | None = None
    reached_at: int | None = None
    worse_at: int | None = None
    due_at: int | None = None
    due_for: str = ""
    began: dict[str, int] = {}
    over: dict[str, int] = {}
    grave: dict[str, Priority] = {}
    until: dict[str, int] = {}
    goes_on_in: str | None = None
    bed: str = ""
    partition: int = 0


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One alert and its memory."""

    alert: Alert
    memory: Memory = Memory()


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One event of one alert. `cause` is the identity of the finding, command, page or tick that led to it."""

    case: Case
    kind: str
    at: int
    actor: str | None = None
    cause: str | None = None
    body: dict[str, Any]


def change(
    before: Case | None, after: Case, note: Mapping[str, Any], *, kind: str, at: int, cause: str | None, actor: str | None = None
) -> Change:
    """The event that leads from `before` to `after`, whose version it raises by one. `note` is said beside what it sets."""
    after = with_alert(after, version=1 if before is None else before.alert.version + 1)
    body = {"set": _difference(before, after), **note}
    return Change(case=after, kind=kind, at=at, actor=actor, cause=cause, body=body)


def evolve(case: Case | None, body: Mapping[str, Any]) -> Case:
    """The case after one event."""
    parts: dict[str, Any] = {"alert": {}, "memory": {}} if case is None else msgspec.to_builtins(case)
    for part, fields in body["set"].items():
        parts[part] = {**parts[part], **fields}
    return msgspec.convert(parts, Case)


def rebuild(bodies: Iterable[Mapping[str, Any]]) -> Case | None:
    """The case after the events in order; None without any."""
    case: Case | None = None
    for body in bodies:
        case = evolve(case, body)
    return case


def with_alert(case: Case, **fields: Any) -> Case:
    """The case with these fields of its alert."""
    return msgspec.structs.replace(case, alert=msgspec.structs.replace(case.alert, **fields))


def with_memory(case: Case, **fields: Any) -> Case:
    """The case with these fields of its memory."""
    return msgspec.structs.replace(case, memory=msgspec.structs.replace(case.memory, **fields))


def _fields(part: msgspec.Struct) -> dict[str, Any]:
    names = zip(part.__struct_fields__, part.__struct_encode_fields__, strict=True)
    return {encoded: msgspec.to_builtins(getattr(part, name)) for name, encoded in names}


def _difference(before: Case | None, after: Case) -> dict[str, dict[str, Any]]:
    if before is None:
        return {"alert": _fields(after.alert), "memory": _fields(after.memory)}
    pairs = {"alert": (before.alert, after.alert), "memory": (before.memory, after.memory)}
    found = {part: _changed(old, new) for part, (old, new) in pairs.items()}
    return {part: fields for part, fields in found.items() if fields}


def _changed(old: msgspec.Struct, new: msgspec.Struct) -> dict[str, Any]:
    names = zip(new.__struct_fields__, new.__struct_encode_fields__, strict=True)
    pairs = ((encoded, getattr(old, name), getattr(new, name)) for name, encoded in names)
    return {encoded: msgspec.to_builtins(now) for encoded, was, now in pairs if was is not now and was != now}
