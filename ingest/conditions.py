"""What the door itself notices of a device, as findings: it sends far too much; its clock is wrong (`ingest.named_patient` has a third).

In: what `ingest.quota` saw; the clocks' ledger and what stands open of these findings, which the directory carries. Out: technical
findings on the patient that the device is on when they begin. One that is on nobody, as a hub always is, babbles about the site; its clock
is nobody's concern. Promise: the same condition has the same id in every run, and what a process that is no more told, and is not so any
more, is ended by the next one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from ingest import wire
from ingest.directory import Device, Directory
from ingest.gather import Message
from ingest.quota import Babble
from ingest.route import Kind, route
from vitals.finding import SITE, Finding, Phase, finding_id

BABBLING, CLOCK, OTHER_PATIENT = "device.babbling", "device.clock", "device.other_patient"
RULE_VERSION = 1
TOLD_MS = 10_000
"""A clock that is wrong by less is corrected without a word."""
AGAIN_MS = 600_000
"""An end that is not taken by then is told again."""
LOOKED_AT = 100
"""So many messages of a hub say which of its devices says most."""


class Told(NamedTuple):
    """A condition of a device, told of `patient`; `since` in ms is when it began."""

    id: str
    device: str
    patient: str
    since: int


class Ends:
    """Which ends were told lately: until `alerts` has taken them their findings stand open in every picture."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}

    def new(self, standing: Iterable[Told], now: int) -> list[Told]:
        """Those of `standing` whose end was not told just now; it counts as told from here on."""
        fresh = [one for one in standing if not self.lately(one, now)]
        self.note(fresh, now)
        return fresh

    def lately(self, one: Told, now: int) -> bool:
        """Whether its end was told just now."""
        return one.id in self._told and 0 <= now - self._told[one.id] < AGAIN_MS

    def note(self, over: Iterable[Told], now: int) -> None:
        """The end of these is told."""
        self._told = {one: at for one, at in self._told.items() if 0 <= now - at < AGAIN_MS}
        self._told |= dict.fromkeys([one.id for one in over], now)


class Babbling:
    """Whom babble was told of: its end is told of the same one, whoever has the device by then.

    Each gateway has quotas of its own, so its name is in the id: one that starts ends what it told before (all have their whole quota
    again), and nothing that another tells.
    """

    def __init__(self, gateway: str = "") -> None:
        self._gateway = gateway
        self._directory: Directory | None = None
        self._told: dict[tuple[str, int], Told] = {}
        self._ends = Ends()

    def told(self, babbles: Sequence[Babble], directory: Directory, now: int, messages: Sequence[Message] = ()) -> Iterator[Finding]:
        """A finding for each beginning and end, and for each end that a process of this gateway's name did not live to tell.

        `messages`: what came just now.
        """
        if directory is not self._directory:
            self._directory = directory
            for left in self._ends.new(self._left(directory), now):
                yield self._finding(left, now, directory, now)
        for b in babbles:
            one = self._told.pop((b.device, b.since), None) if b.ended else self._whom(b, directory, now)
            if one is not None:
                yield self._finding(one, now if b.ended else None, directory, now, "" if b.ended else busiest(messages, b.device))
            if one is not None and b.ended:
                self._ends.note([one], now)
            elif one is not None:
                self._told[b.device, b.since] = one

    def _whom(self, b: Babble, directory: Directory, now: int) -> Told | None:
        patient = directory.patient_of(b.device, now) or SITE
        return Told(self._id(patient, b.device, b.since), b.device, patient, b.since) if b.device in directory.number else None

    def _left(self, directory: Directory) -> Iterator[Told]:
        """What stands open of this gateway's own, and is not so now."""
        now_so = {one.id for one in self._told.values()}
        for s in directory.standing:
            ids = {self._id(s.patient, s.device, since): since for since in s.starts if s.rule == BABBLING}
            for one in (ids.keys() & set(s.findings)) - now_so:
                yield Told(one, s.device, s.patient, ids[one])

    def _id(self, patient: str, device: str, since: int) -> str:
        return finding_id(patient, BABBLING, f"{device}\0{self._gateway}", since)

    @staticmethod
    def _finding(one: Told, ended: int | None, directory: Directory, now: int, member: str = "") -> Finding:
        what = {"device": one.device, "why": "more messages than its quota; it is slowed down or refused, others are not"}
        what |= {"busiest": member} if member else {}
        return finding(BABBLING, one, ended, f"{one.device} sends too much", what, directory, now)


def busiest(messages: Iterable[Message], hub: str) -> str:
    """Of the devices for which the hub speaks in these messages, whose samples are the most bytes; "" where it speaks for none."""
    sizes = Counter[str]()
    for m in islice((m for m in messages if route(m.topic) == (Kind.GATEWAY, hub)), LOOKED_AT):
        devices = wire.gateway(m.payload)
        for name, samples in {} if isinstance(devices, wire.Fault) else devices.items():
            sizes[name[:64]] += len(memoryview(samples))
    return max(sizes, key=sizes.__getitem__, default="")


class Clocks:
    """Which wrong clocks were told of. What is told follows the directory, and so the ledger."""

    def __init__(self) -> None:
        self._directory: Directory | None = None
        self._told: dict[str, Told] = {}
        self._ends = Ends()

    def told(self, directory: Directory, now: int) -> list[Finding]:
        """What began and what is over with this directory; [] for the one given last. A device that moved is told anew."""
        if directory is self._directory:
            return []
        self._directory = directory
        wrong = {d.id: d for d in directory.devices if d.skew_ms is not None and abs(d.skew_ms) > TOLD_MS and d.clock_at is not None}
        owners = ((d.id, directory.patient_of(d.id, now), d.clock_at or 0) for d in wrong.values())
        whom = [Told(finding_id(p, CLOCK, device, since), device, p, since) for device, p, since in owners if p is not None]
        present = {one.id: one for one in whom}
        over = [one for one in self._told.values() if one.id not in present]
        self._ends.note(over, now)
        left = [one for one in standing_of(directory, CLOCK) if one.id not in present]
        begun = [one for one in whom if one.id not in self._told]
        self._told = present
        ends = [_clock(Device(one.device), one, directory, now) for one in over + self._ends.new(left, now)]
        return ends + [_clock(wrong[one.device], one, directory, None) for one in begun]


def standing_of(directory: Directory, rule: str) -> Iterator[Told]:
    """What stands open of a rule. Of findings in one alert the oldest start stands for all: an end needs no more."""
    for s in directory.standing:
        if s.rule == rule:
            yield from (Told(one, s.device, s.patient, min(s.starts, default=0)) for one in s.findings)


def _clock(device: Device, one: Told, directory: Directory, ended: int | None) -> Finding:
    skew = device.skew_ms or 0
    way = f"{duration(abs(skew))} {'ahead' if skew > 0 else 'slow'}"
    title, why = f"The clock of {device.id} is {way}; its times are corrected", "the smallest delay of its samples"
    if not device.clock_ms:
        title = f"The values of {device.id} come {duration(abs(skew))} late and are history: its clock is slow, or its buffer never empties"
        why = "not corrected: it may be a buffer, or is too far off; nothing of it pages before the clock is set, or the ledger says so"
    if ended is not None:
        title, why = f"The clock of {device.id} is right again, or known anew", ""
    what = {"device": device.id, "ahead_ms": skew, "corrected_by_ms": device.clock_ms, "why": why}
    made = finding(CLOCK, one, ended, title, what, directory, one.since if ended is None else ended)
    return msgspec.structs.replace(made, priority="low" if device.clock_ms or ended is not None else "medium")


def duration(ms: int) -> str:
    """`95 s`, `12 min`, `3 h`.

    >>> duration(95_000), duration(7_300_000)
    ('95 s', '2 h')
    """
    size, unit = next((one for one in ((3_600_000, "h"), (60_000, "min")) if ms >= 2 * one[0]), (1_000, "s"))
    return f"{round(ms / size)} {unit}"


def finding(rule: str, one: Told, ended: int | None, title: str, evidence: dict[str, Any], directory: Directory, now: int) -> Finding:
    phase: Phase = "start" if ended is None else "end"
    return Finding(
        id=one.id,
        phase=phase,
        patient=one.patient,
        ward=directory.ward_of(one.patient) if one.patient != SITE else _ward(one.device, directory, now),
        rule=rule,
        rule_version=RULE_VERSION,
        alert_class="technical",
        priority="low",
        title=title,
        subject=one.device,
        started_at=one.since,
        at=now,
        received_at=now,
        detected_at=now,
        ended_at=ended,
        evidence=evidence,
    )


def _ward(device: str, directory: Directory, now: int) -> str:
    """Where a device belongs that is on nobody; a hub of no ward is in that of all for which it speaks, where these are in one."""
    own = next((d.ward for d in directory.devices if d.id == device and d.ward), None)
    members = [d for d in directory.devices if d.gateway == device]
    wards = {directory.ward_of(patient) for d in members if (patient := directory.patient_of(d.id, now)) is not None}
    return own or (wards.pop() if len(wards) == 1 else "")
