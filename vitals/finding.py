"""A finding: what a detector says of a patient, one record each on `vitals.findings`.

Promise: `id` is a function of (patient, rule, start), so a repeat after a restart is recognised. No name, birth date or number.
"""

import uuid
from typing import Any, Literal

import msgspec

Phase = Literal["start", "update", "end"]
AlertClass = Literal["physiological", "technical"]
Priority = Literal["high", "medium", "low"]

SITE = "site"
"""Stands where the patient stands in what is about the machinery itself: no patient has this id."""

TOLD_AS = "told_as"
"""In the evidence of an update: as how grave the condition was told, which it was not; its priority is as grave as it was."""

_NAMESPACE = uuid.UUID("6f1d3c1e-6a51-4f0b-9d0a-5e1c2b7a4d10")


class Finding(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One change of one condition. All times are ms since 1970 UTC.

    Attributes:
        phase: the condition began, changed (worse, milder, more evidence) or is over.
        subject: what it is about besides the patient: a vital's name, a device id, or "".
        started_at: observed time at which the condition began (before any delay was waited for). An update may say it otherwise, and
            `ended_at` too: something came late that shows it better. What is over where it began was not so.
        at: observed time of the reading that led to this record. ended_at: observed time of the return to normal.
        received_at, detected_at: when that reading came in, when the detector said so: the alert's delays come from these.
        retrospective: it was over before it could be known (a backlog): history, it never pages.
        evidence: what a person needs to see why: values, limits, sub-scores, ages; plain JSON.
    """

    id: str
    phase: Phase
    patient: str
    ward: str
    rule: str
    rule_version: int
    alert_class: AlertClass = msgspec.field(name="class")
    priority: Priority
    title: str
    started_at: int
    at: int
    received_at: int
    detected_at: int
    subject: str = ""
    ended_at: int | None = None
    retrospective: bool = False
    evidence: dict[str, Any] = {}


def finding_id(patient: str, rule: str, subject: str, started_at: int) -> str:
    """The same condition has the same id in every run: uuid5 of (patient, rule, subject, start)."""
    return str(uuid.uuid5(_NAMESPACE, "\0".join((patient, rule, subject, str(started_at)))))
