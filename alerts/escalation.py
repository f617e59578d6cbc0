"""Who is called for an alert, and how long before the next: ladders by ward and priority.

In: the book (ladders, on-call people, how to reach them), the alert's ward and priority, the rung. Out: a `Call`.
Promise: a rung on which nobody can be reached is passed over at once; past the last rung the ladder begins again; where no ladder
answers, the site's own contacts are called; `recipients` is empty only where the site has told Vigil of nobody at all, and for the
canary without its own ladder.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from vitals import canary
from vitals.finding import Priority
from vitals.ladder import Ladder, Rung
from vitals.rota import Schedule, on_call

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS

# This project's choice (unchecked): how long the site's own contacts have before they are called again. None: called once.
DEFAULT_WAIT_MS: Mapping[Priority, int | None] = {"high": 2 * MINUTE_MS, "medium": 10 * MINUTE_MS, "low": None}


@dataclass(frozen=True, slots=True)
class Contact:
    """One way to reach somebody: a channel and an address that it understands."""

    channel: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person, or the site (""), with the ways to reach them, best first."""

    person: str
    contacts: tuple[Contact, ...]


@dataclass(frozen=True, slots=True)
class Book:
    """All that is known of who may be called."""

    site: tuple[Contact, ...] = ()
    ladders: tuple[Ladder, ...] = ()
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    contacts: Mapping[str, tuple[Contact, ...]] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)
    """Schedule -> the person who took the pager by accepting a handover, until the shift ends."""


@dataclass(frozen=True, slots=True)
class Call:
    """`rung`: the step that is called now. `wait_ms`: None = nobody else is called after it. `why`: for the timeline."""

    rung: int
    recipients: tuple[Recipient, ...]
    wait_ms: int | None
    why: str


def call(book: Book, ward: str, priority: Priority, rung: int, now: int) -> Call:
    """Who is called at `rung` (0 first) or, where nobody of it can be reached, at the next that can."""
    ladder = _ladder(book, ward, priority)
    if ward == canary.WARD and (ladder is None or ladder.ward != ward):
        return Call(rung, (), DEFAULT_WAIT_MS["high"], "the canary has no pager")
    if ladder is None:
        return Call(rung, _site(book), DEFAULT_WAIT_MS[priority], "site" if book.site else "nobody_configured")
    passed: list[str] = []
    for step in range(rung, rung + len(ladder.rungs)):
        at = step % len(ladder.rungs)
        found = _reachable(book, ladder.rungs[at], now)
        if found:
            return Call(step, found, ladder.rungs[at].wait_ms, _why(ladder, at, passed))
        passed.append(str(at))
    wait = min(r.wait_ms for r in ladder.rungs)
    if ward == canary.WARD:
        return Call(rung, (), wait, "the canary's pager is not known")
    return Call(rung, _site(book), wait, f"ladder {ladder.id}: nobody can be reached; " + ("site" if book.site else "nobody_configured"))


def _why(ladder: Ladder, at: int, passed: list[str]) -> str:
    unreachable = f" (passed over unreachable {', '.join(passed)})" if passed else ""
    return f"ladder {ladder.id} rung {at}{unreachable}"


def _ladder(book: Book, ward: str, priority: Priority) -> Ladder | None:
    fitting = [one for one in book.ladders if priority in one.priorities and one.ward in (ward, None) and one.rungs]
    return min(fitting, key=lambda one: (one.ward is None, one.id), default=None)


def _site(book: Book) -> tuple[Recipient, ...]:
    return (Recipient("", book.site),) if book.site else ()


def _reachable(book: Book, rung: Rung, now: int) -> tuple[Recipient, ...]:
    people = dict.fromkeys(person for target in rung.targets for person in _people(book, target, now))
    found = [Recipient(person, book.site if person == "" else book.contacts.get(person, ())) for person in people]
    return tuple(one for one in found if one.contacts)


def _people(book: Book, target: str, now: int) -> tuple[str, ...]:
    kind, _, name = target.partition(":")
    if kind == "site":
        return ("",)
    if kind == "person":
        return (name,)
    if name in book.moved:
        return (book.moved[name],)
    schedule = book.schedules.get(name)
    return () if schedule is None else on_call(schedule, now)
