"""What the door itself notices of a device, as findings: it sends far too much; its clock jumped.

In: what `ingest.quota` and `ingest.skew` saw. Out: technical findings on the patient that the device is on now; a device on nobody is on
no ward's list, and only counted. Promise: the same condition has the same id in every run. Pure.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from ingest.directory import Directory
from ingest.quota import Babble
from ingest.skew import Entry
from vitals.finding import Finding, Phase, finding_id

BABBLING, CLOCK_STEP = "device.babbling", "device.clock_step"
RULE_VERSION = 1


def babbling(babbles: Sequence[Babble], directory: Directory, now: int) -> Iterator[Finding]:
    """A finding for each beginning and end."""
    for b in babbles:
        what = {"device": b.device, "why": "more messages than its quota; it is slowed down, others are not"}
        made = noticed(BABBLING, b.device, (b.since, now if b.ended else None), f"{b.device} sends too much", what, directory, now)
        if made is not None:
            yield made


def stepped(entries: Sequence[Entry], directory: Directory, now: int) -> Iterator[Finding]:
    """A finding for each jump: an event, over as soon as it is told; what it changed is in the evidence."""
    for e in entries:
        if e.step:
            what = {"device": e.device, "step_ms": e.step, "ahead_ms": e.skew_ms, "corrected_by_ms": e.clock_ms}
            for ended in (None, now):
                made = noticed(CLOCK_STEP, e.device, (now, ended), f"The clock of {e.device} jumped", what, directory, now)
                if made is not None:
                    yield made


def noticed(
    rule: str, device: str, span: tuple[int, int | None], title: str, evidence: dict[str, Any], directory: Directory, now: int
) -> Finding | None:
    """A technical finding about `device`; `span`: when it began, and ended or None. None for a device that is on nobody now."""
    who, (since, ended) = directory.patient_of(device, now), span
    if who is None:
        return None
    phase: Phase = "start" if ended is None else "end"
    return Finding(
        id=finding_id(who, rule, device, since),
        phase=phase,
        patient=who,
        ward=directory.ward_of(who),
        rule=rule,
        rule_version=RULE_VERSION,
        alert_class="technical",
        priority="low",
        title=title,
        subject=device,
        started_at=since,
        at=now,
        received_at=now,
        detected_at=now,
        ended_at=ended,
        evidence=evidence,
    )
