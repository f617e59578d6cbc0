"""Findings and commands for the alerts' tests: one line each."""

from typing import Any

import msgspec

from alerts import clockwork, commands, findings
from alerts.case import Case
from alerts.desk import Desk
from alerts.escalation import Book, Contact
from vitals.alert import Action, Command
from vitals.finding import Finding, Phase, Priority, finding_id

T0 = 1_800_000_000_000
SITE = Book(site=(Contact("webhook"),))


def finding(
    rule: str = "limits", phase: Phase = "start", priority: Priority = "high", start: int = T0, at: int | None = None, **more: Any
) -> Finding:
    """A finding of patient p1 in ward north."""
    subject, patient = more.pop("subject", "hr"), more.pop("patient", "p1")
    now = start if at is None else at
    made = Finding(
        id=finding_id(patient, rule, subject, start), phase=phase, patient=patient, ward="north", rule=rule, rule_version=1,
        alert_class="physiological", priority=priority, title=rule, subject=subject, started_at=start, at=now, received_at=now + 10,
        detected_at=now + 20,
    )  # fmt: skip
    return msgspec.structs.replace(made, **more)


def command(alert: str, action: Action, number: int = 0, at: int = T0, **more: Any) -> Command:
    """A nurse's command on patient p1."""
    patient = more.pop("patient", "p1")
    return Command(id=f"c{number}", alert=alert, patient=patient, action=action, actor="nina", role="nurse", at=at, **more)


def desk(*steps: object, now: int = T0 + 100, book: Book = SITE, start: Desk | None = None) -> Desk:
    """A desk after these findings, commands, ticks and receipts."""
    at = Desk(book) if start is None else start
    for step in steps:
        if isinstance(step, Finding):
            findings.take(at, step, now)
        elif isinstance(step, Command):
            commands.take(at, step, now)
        elif isinstance(step, clockwork.Tick):
            clockwork.tick(at, step, now)
        elif isinstance(step, clockwork.Receipt):
            clockwork.receipt(at, step, now)
    return at


def only(of: Desk) -> Case:
    """The one case on the desk."""
    (case,) = of.cases.values()
    return case
