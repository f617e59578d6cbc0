"""What the door itself notices of a device, as findings: it sends far too much; its clock is wrong.

In: what `ingest.quota` saw; the clocks' ledger, which the directory carries. Out: technical findings on the patient that the device is on
when they begin; a device on nobody is on no ward's list. Promise: the same condition has the same id in every run.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ingest.directory import Device, Directory
from ingest.quota import Babble
from vitals.finding import Finding, Phase, finding_id

BABBLING, CLOCK = "device.babbling", "device.clock"
RULE_VERSION = 1
TOLD_MS = 10_000
"""A clock that is wrong by less is corrected without a word."""


class Babbling:
    """Whom babble was told of, as (device, since) -> patient: its end is told of the same one, whoever has the device by then."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, int], str] = {}

    def told(self, babbles: Sequence[Babble], directory: Directory, now: int) -> Iterator[Finding]:
        """A finding for each beginning and end."""
        for b in babbles:
            what = {"device": b.device, "why": "more messages than its quota; it is slowed down, others are not"}
            patient = self._told.pop((b.device, b.since), None) if b.ended else directory.patient_of(b.device, now)
            if patient is not None:
                span = (b.since, now if b.ended else None)
                yield _finding(BABBLING, b.device, patient, span, f"{b.device} sends too much", what, directory, now)
            if patient is not None and not b.ended:
                self._told[b.device, b.since] = patient


class Clocks:
    """Which wrong clocks were told of, as device -> (patient, since). What is told follows the directory, and so the ledger."""

    def __init__(self) -> None:
        self._directory: Directory | None = None
        self._told: dict[str, tuple[str, int]] = {}

    def told(self, directory: Directory, now: int) -> list[Finding]:
        """What began and what is over with this directory; [] for the one given last. A device that moved is told anew."""
        if directory is self._directory:
            return []
        self._directory = directory
        wrong = {d.id: d for d in directory.devices if d.skew_ms is not None and abs(d.skew_ms) > TOLD_MS and d.clock_at is not None}
        owners = ((d.id, directory.patient_of(d.id, now), d.clock_at or 0) for d in wrong.values())
        present = {device: (patient, since) for device, patient, since in owners if patient is not None}
        over = [(device, whom) for device, whom in self._told.items() if present.get(device) != whom]
        begun = [(device, whom) for device, whom in present.items() if self._told.get(device) != whom]
        self._told = present
        ends = [_clock(Device(device), whom, directory, now) for device, whom in over]
        return ends + [_clock(wrong[device], whom, directory, None) for device, whom in begun]


def _clock(device: Device, whom: tuple[str, int], directory: Directory, ended: int | None) -> Finding:
    (patient, since), skew = whom, device.skew_ms or 0
    way = f"{duration(abs(skew))} {'ahead' if skew > 0 else 'slow'}"
    title, why = f"The clock of {device.id} is {way}; its times are corrected", "the smallest delay of its samples"
    if not device.clock_ms:
        title = f"The values of {device.id} come {duration(abs(skew))} late and are history: its clock is slow, or its buffer never empties"
        why = "not corrected: it may be a buffer, or is too far off; nothing of it pages before the clock is set, or the ledger says so"
    if ended is not None:
        title, why = f"The clock of {device.id} is right again, or known anew", ""
    what = {"device": device.id, "ahead_ms": skew, "corrected_by_ms": device.clock_ms, "why": why}
    made = _finding(CLOCK, device.id, patient, (since, ended), title, what, directory, since if ended is None else ended)
    return msgspec.structs.replace(made, priority="low" if device.clock_ms or ended is not None else "medium")


def duration(ms: int) -> str:
    """`95 s`, `12 min`, `3 h`.

    >>> duration(95_000), duration(7_300_000)
    ('95 s', '2 h')
    """
    size, unit = next((one for one in ((3_600_000, "h"), (60_000, "min")) if ms >= 2 * one[0]), (1_000, "s"))
    return f"{round(ms / size)} {unit}"


def _finding(
    rule: str, device: str, who: str, span: tuple[int, int | None], title: str, evidence: dict[str, Any], directory: Directory, now: int
) -> Finding:
    since, ended = span
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
