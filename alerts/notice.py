"""What a page says: priority, ward, bed, a one-time link. Never anything of the patient, not even the pseudonym.

In: a page and the time. Out: the notice every channel is given, and its texts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec

Outcome = Literal["delivered", "retry", "refused"]


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One page as a channel sees it. `key`: the idempotency key, the same in every attempt. `sent_at` ms of this attempt.

    `count`: how many alerts it speaks for; above one it names no bed.
    """

    key: str
    kind: str
    priority: str
    ward: str
    bed: str
    link: str
    sent_at: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an attempt. `refused`: asking again would not help. `wait_ms`: the receiver asked for a pause."""

    outcome: Outcome
    detail: str = ""
    wait_ms: int | None = None


# (address, notice) -> what became of it, in at most its own timeout. A channel raises only where an address has no form for it.
Channel = Callable[[str, Notice], Result]

_KINDS = {"raised": "Alert", "worsened": "Worse", "unanswered": "Unanswered", "step_overdue": "Overdue", "escalated": "Escalated"}


def subject(notice: Notice) -> str:
    """One line: `HIGH north bed 4: Alert`; `MEDIUM north: 40 alerts` where it speaks for several."""
    where, bed = _line(notice.ward) or "site", _line(notice.bed)
    if notice.count > 1:
        return f"{notice.priority.upper()} {where}: {notice.count} alerts"
    return f"{notice.priority.upper()} {where}{bed and f' bed {bed}'}: {_KINDS.get(notice.kind, 'Alert')}"


def _line(label: str) -> str:
    """What people call a ward or a bed, without line breaks: a mail's subject takes none."""
    return " ".join(label.split())


def text(notice: Notice) -> str:
    """The whole message."""
    return f"{subject(notice)}\n{notice.link}\n" if notice.link else f"{subject(notice)}\n"
