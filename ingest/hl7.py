"""HL7 v2 ORU^R01 (2.3 to 2.6; the plain form and IHE PCD-01) to samples of the devices' door, and the answer to it.

In: one message's bytes. Out: `Oru`: samples in the same JSON form that a device sends over MQTT, or a `Reject`; and the ACK's bytes.
Promise: any bytes give one or the other; every OBX with a value is in a sample (wrong ones too: `ingest.translate` names what is wrong),
and every OBX of a vital that has none is "no value", unless another of the same moment has the number (a cuff beside an arterial line).
An OBX whose status (OBX-11) is not a result's is in `Oru.unread`: what takes an earlier reading back must not be stored as a live one.
Dropped: other OBX rows without type and value (PCD-01's containment: device, channel), every segment but MSH, PID, OBR, OBX. Whose reading
it is follows from the device; of PID the record numbers are read (PID-3), to notice where that is another patient (`ingest.named_patient`).

The device: OBX-18, else MSH-3, the first component of it that is a device's id. A sample is what one device measured at one moment (OBX-14,
else OBR-7, else MSH-7); its number is made of that moment and its content, so that a message sent again is the same sample.
Sources: HL7 2.6 chapter 2 (table 0103: MSH-11) and 3 (PID-3; table 0203); IHE PCD TF-2 (DEC, PCD-01).
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

import hl7

from ingest.hl7_row import measured, objection, parts, record_numbers, said, speaks
from ingest.hl7_time import moment, offset
from ingest.spoken import Row, Spoken, Together
from ingest.wire import Fault

BAD = (hl7.HL7Exception, ValueError, IndexError, KeyError, TypeError, AttributeError, AssertionError, RecursionError)
"""What the library raises for bytes that are not HL7: assertions of its own too."""
MOST_PARTS = 150_000
"""Fields, components and repetitions of a message, some 6,000 OBX: the library takes half a second for so many, and everybody waits."""
LIVE = ("", "P")
"""HL7 table 0103. Training (T) and debugging (D) messages have values of nobody: stored, they would be a real patient's."""
Known = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Unread:
    """An OBX that is no reading, by its OBX-11."""

    row: Row
    device: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class Oru:
    """A message that can be read. `sender`: MSH-3 and MSH-4; `unread`: the rows that are no readings."""

    control_id: str
    sender: tuple[str, str]
    version: str
    samples: tuple[Spoken, ...]
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """A message that cannot be processed; `code`: of HL7 table 0357; `location`: segment^its place among its kind^field."""

    control_id: str
    sender: tuple[str, str]
    version: str
    code: str
    detail: str
    location: str = "MSH^1"


def read(data: bytes, known: Known, zone: tzinfo = UTC, now: int = 0) -> Oru | Reject:
    """The samples of one message. `known`: whether an id is a device's; `zone`: of times without an offset, where MSH-7 has none either;
    `now`: ms (`ingest.hl7_time.moment`)."""
    text = _decoded(data).strip("\r\n\x0b\x1c ").replace("\r\n", "\r").replace("\n", "\r")
    if sum(text.count(c) for c in "|^~&\r") > MOST_PARTS:
        return Reject("", ("", ""), "2.6", "207", f"more than {MOST_PARTS} fields and components")
    try:
        message = hl7.parse(text)
        header = message.segment("MSH")
        control, sender, version = said(header, 10), (said(header, 3), said(header, 4)), said(header, 12) or "2.6"
    except BAD as error:
        return Reject("", ("", ""), "2.6", "100", f"not an HL7 v2 message: {str(error)[:120]}")
    unfit = _unfit(header)
    if unfit is not None:
        return Reject(control, sender, version, *unfit)
    walk = _Walk(header, known, offset(said(header, 7)) or zone, now)
    try:
        for segment in message:
            walk.past(segment)
    except BAD as error:
        return Reject(control, sender, version, "207", f"cannot be read: {str(error)[:120]}", walk.place)
    samples = tuple(s for same in walk.found.values() for s in same.samples)
    if not samples and not walk.unread:
        return Reject(control, sender, version, "101", "no OBX with a value", "OBX^1")
    return Oru(control, sender, version, samples, tuple(walk.unread))


def _unfit(header: Any) -> tuple[str, str, str] | None:
    """Why a message of this kind or purpose is not taken: code, detail, location."""
    kind, purpose = parts(header, 9)[:2], parts(header, 11)[0]
    if kind != ["ORU", "R01"]:
        return "200", f"{'^'.join(kind)[:32]} is not ORU^R01", "MSH^1^9"
    if purpose.upper() not in LIVE:
        return (
            "202",
            f"MSH-11 {purpose[:16]}: only production (P) is taken; of training and debugging nothing is stored",
            "MSH^1^11",
        )
    return None


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


@dataclass(slots=True)
class _Walk:
    """A message, segment by segment. `place`: where it is; `report`: the OBR that holds, and its place; `named`: by the PID that holds."""

    header: Any
    known: Known
    zone: tzinfo
    now: int
    place: str = "MSH^1"
    report: tuple[Any, str] = (None, "")
    counts: Counter[str] = field(default_factory=Counter)
    found: dict[tuple[str, int | str, tuple[str, ...]], Together] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)
    named: tuple[str, ...] = ()

    def past(self, segment: Any) -> None:
        """Takes in one segment. Raises BAD."""
        kind = str(segment[0])
        self.counts[kind] += 1
        self.place = f"{kind}^{self.counts[kind]}"
        if kind == "MSH" and self.counts[kind] > 1:
            raise ValueError("a second header: the end of the first message is lost, and whose the rows are is not known")
        if kind == "PID":
            self.named = record_numbers(segment)
        elif kind == "OBR":
            self.report = segment, self.place
        elif kind == "OBX" and speaks(segment):
            self._row(segment)

    def _row(self, observation: Any) -> None:
        (time, time_at), (device, device_at) = self._time(observation), self._device(observation)
        row = Row(self.place, time_at, device_at, (self.header, self.report[0], observation))
        at, status = moment(time, self.zone, self.now), parts(observation, 11)[0].upper()
        key, value = measured(observation, status)
        fault = objection(status, key, at)
        if fault is not None:
            self.unread.append(Unread(row, device, fault))
        else:
            same = self.found.setdefault((device, at, self.named), Together(device, at, self.named))
            same.put(key, value, self.place, row)

    def _time(self, observation: Any) -> tuple[str, str]:
        """OBX-14, else OBR-7, else MSH-7; and where."""
        own, (report, place) = said(observation, 14), self.report
        if own:
            return own, f"{self.place}^14"
        reported = said(report, 7) if report is not None else ""
        return (reported, f"{place}^7") if reported else (said(self.header, 7), "MSH^1^7")

    def _device(self, observation: Any) -> tuple[str, str]:
        """The first id that is a device's, else the first that is there; and where."""
        fields = ((observation, 18, f"{self.place}^18"), (self.header, 3, "MSH^1^3"))
        named = [(part, place) for segment, number, place in fields for part in parts(segment, number) if part]
        return next((n for n in named if self.known(n[0])), named[0] if named else ("", "MSH^1^3"))
