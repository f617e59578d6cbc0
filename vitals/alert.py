"""An alert as others see it: the record of `vitals.alerts`, the HTTP API and the live feed; and the command that changes it.

Times are ms since 1970 UTC here; the HTTP API and the live feed write them as RFC 3339.
"""

from typing import Any, Literal

import msgspec

from vitals.finding import AlertClass, Priority

State = Literal["active", "acknowledged", "returned", "shelved", "suppressed", "closed"]
Action = Literal["acknowledge", "on_my_way", "at_bedside", "resolve", "shelve", "unshelve", "comment", "escalate"]


class Delays(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """When each step of an alert's way happened, ms since 1970 UTC; what has not happened is absent.

    `sensor` the reading that met the condition, `received` at the gateway, `detected`, `raised` stored as an alert,
    `sent` to a channel, `delivered` by its receipt, `seen` by a person, `acknowledged`.
    """

    sensor: int | None = None
    received: int | None = None
    detected: int | None = None
    raised: int | None = None
    sent: int | None = None
    delivered: int | None = None
    seen: int | None = None
    acknowledged: int | None = None


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """The whole alert at one version. `step` is the clinical ladder: "", on_my_way, at_bedside, resolved."""

    id: str
    version: int
    patient: str
    ward: str
    alert_class: AlertClass = msgspec.field(name="class")
    priority: Priority
    state: State
    rule: str
    rule_version: int
    title: str
    subject: str
    started_at: int
    ended_at: int | None
    retrospective: bool
    evidence: dict[str, Any]
    delays: Delays
    step: str = ""
    acknowledged_by: str | None = None
    outcome: str | None = None
    shelved_until: int | None = None
    reason: str = ""


class Command(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a person wants done to an alert: one record of `vitals.commands`; `id` makes a repeat harmless."""

    id: str
    alert: str
    patient: str
    action: Action
    actor: str
    role: str
    at: int
    until: int | None = None
    outcome: str | None = None
    comment: str | None = None
