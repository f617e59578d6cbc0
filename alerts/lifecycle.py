"""The life of an alert as one table: (state, event) -> state, or a named refusal. Words of ISA-18.2.

The rules, which the table below states case by case:

    1. A physiological high alert latches: its condition over, it waits (`returned`) until a person has acknowledged it.
       Others close when their condition is over; technical ones never latch.
    2. Acknowledging silences; it ends nothing. Only the condition's end, or `resolve`, closes an acknowledged alert.
    3. What becomes worse (a higher priority) is active again, whoever acknowledged, shelved or suppressed it; even a closed one.
    4. A shelf has an end. When it ends the alert is what it would have been without the shelf.
    5. Suppressed means: another alert covers it. When that one is gone (closed, returned or shelved), it is active again, unless its
       own condition is over.
    6. The clinical ladder (on_my_way, at_bedside) acknowledges; a step whose time is up makes the alert active again.
    7. Escalating makes an alert active again: somebody else has to answer it.
    8. What recurs in an alert that closed by itself (it began before that was known to be over) makes it active again.
    9. Comments and delivery notes are taken in every state and move nothing. A closed alert refuses all else.

In: a state, an event already qualified by the facts (`ended` or `ended_latched`, `resume_*`). Out: the next state or `Refused`.
Every pair has an answer; nothing raises.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from vitals.alert import State
from vitals.finding import AlertClass, Priority

Event = Literal[
    "update", "worse", "recurred", "ended", "ended_latched",
    "acknowledge", "acknowledge_over", "step", "step_back", "resolve",
    "shelve", "shelve_badly", "resume_present", "resume_acknowledged", "resume_latched", "resume_over",
    "comment", "escalate", "suppress", "release", "overdue", "note",
]  # fmt: skip
STATES: tuple[State, ...] = get_args(State)
EVENTS: tuple[Event, ...] = get_args(Event)


@dataclass(frozen=True, slots=True)
class Refused:
    """The move is forbidden; `reason` is told to whoever asked (409)."""

    reason: str


_CLOSED = Refused("closed")
_ACKED = Refused("already_acknowledged")
_BACK = Refused("step_back")
_UNTIL = Refused("bad_until")
_UNSHELVED = Refused("not_shelved")
_OVER = Refused("condition_over")

# fmt: off
_ROWS: dict[Event, tuple[State | Refused, ...]] = {
    # event                active          acknowledged    returned        shelved         suppressed      closed
    "update":              ("active",       "acknowledged", "returned",     "shelved",      "suppressed",   "closed"),
    "worse":               ("active",       "active",       "active",       "active",       "active",       "active"),
    "recurred":            ("active",       "acknowledged", "active",       "shelved",      "suppressed",   "active"),
    "ended":               ("closed",       "closed",       "returned",     "closed",       "closed",       "closed"),
    "ended_latched":       ("returned",     "closed",       "returned",     "shelved",      "closed",       "closed"),
    "acknowledge":         ("acknowledged", _ACKED,         "closed",       "acknowledged", "acknowledged", _CLOSED),
    "acknowledge_over":    ("closed",       "closed",       "closed",       "closed",       "closed",       _CLOSED),
    "step":                ("acknowledged", "acknowledged", "acknowledged", "acknowledged", "acknowledged", _CLOSED),
    "step_back":           (_BACK,          _BACK,          _BACK,          _BACK,          _BACK,          _CLOSED),
    "resolve":             ("closed",       "closed",       "closed",       "closed",       "closed",       _CLOSED),
    "shelve":              ("shelved",      "shelved",      _OVER,          "shelved",      "shelved",      _CLOSED),
    "shelve_badly":        (_UNTIL,         _UNTIL,         _UNTIL,         _UNTIL,         _UNTIL,         _CLOSED),
    "resume_present":      (_UNSHELVED,     _UNSHELVED,     _UNSHELVED,     "active",       _UNSHELVED,     _CLOSED),
    "resume_acknowledged": (_UNSHELVED,     _UNSHELVED,     _UNSHELVED,     "acknowledged", _UNSHELVED,     _CLOSED),
    "resume_latched":      (_UNSHELVED,     _UNSHELVED,     _UNSHELVED,     "returned",     _UNSHELVED,     _CLOSED),
    "resume_over":         (_UNSHELVED,     _UNSHELVED,     _UNSHELVED,     "closed",       _UNSHELVED,     _CLOSED),
    "comment":             ("active",       "acknowledged", "returned",     "shelved",      "suppressed",   "closed"),
    "escalate":            ("active",       "active",       "returned",     "active",       "active",       _CLOSED),
    "suppress":            ("suppressed",   "acknowledged", "returned",     "shelved",      "suppressed",   "closed"),
    "release":             ("active",       "acknowledged", "returned",     "shelved",      "active",       "closed"),
    "overdue":             ("active",       "active",       "returned",     "shelved",      "suppressed",   "closed"),
    "note":                ("active",       "acknowledged", "returned",     "shelved",      "suppressed",   "closed"),
}
# fmt: on
TABLE: dict[tuple[State, Event], State | Refused] = {
    (state, event): answer for event, row in _ROWS.items() for state, answer in zip(STATES, row, strict=True)
}

RANK: dict[Priority, int] = {"low": 0, "medium": 1, "high": 2}
LATCHES: frozenset[tuple[AlertClass, Priority]] = frozenset({("physiological", "high")})
STEPS = ("", "on_my_way", "at_bedside", "resolved")
LONGEST_SHELF_MS = 24 * 3_600_000


def gravest(priorities: Iterable[Priority]) -> Priority:
    """The highest of these."""
    return max(priorities, key=RANK.__getitem__)


def move(state: State, event: Event) -> State | Refused:
    """The next state, or why not."""
    return TABLE[state, event]


def latches(alert_class: AlertClass, priority: Priority) -> bool:
    """Whether an alert waits for a person after its condition is over (IEC 60601-1-8 (unchecked), ISA-18.2)."""
    return (alert_class, priority) in LATCHES
