"""From messages to columns of samples: reads each message once and puts its samples side by side for `ingest.judge`.

In: messages and the directory. Out: `Columns`, refusals of what cannot be read, and what cannot be decided yet. Promise: nothing is
raised and nothing is lost: every sample of every message is in exactly one of the three.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec.structs import astuple

from ingest import wire
from ingest.directory import Directory
from ingest.route import Kind, route
from vitals.refusal import Reason, Refusal

KEPT_BYTES = 512 * 1024
"""The most of a refused message that is kept: base64 of it still fits into one Kafka record."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message of a door.

    `again`: it may have come before and is then no news (MQTT's DUP; the doors whose numbers are made of the content). `retained`: the
    broker had it for later comers; nobody knows when it was said. `mid`: MQTT's packet id. `original`: the bytes of which `payload` was
    made at another door, kept with a refusal; `source`: where these came from.
    """

    topic: bytes
    payload: bytes
    received_at: int
    mid: int = 0
    again: bool = False
    retained: bool = False
    door: str = "mqtt"
    source: str = ""
    original: bytes = b""


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal and the message (by its place in the input) that it belongs to. `member`: for whom a hub spoke without a right to."""

    message: int
    refusal: Refusal
    member: str = ""


@dataclass(frozen=True, slots=True)
class Undecided:
    """What waits for a newer directory; `remainder` is the message reduced to it, to be given again."""

    message: int
    remainder: Message


@dataclass(slots=True)
class Columns:
    """Samples side by side: lists of equal length. `message`: place in the input; `device`: row of the directory.

    `partly`: samples of which a part was refused already; `backlog`: those of a batch or a hub's list, which say nothing of the clock.
    """

    message: list[int] = field(default_factory=list)
    device: list[int] = field(default_factory=list)
    seq: list[int] = field(default_factory=list)
    observed_at: list[int] = field(default_factory=list)
    rows: list[wire.Row] = field(default_factory=list)
    qualities: dict[int, wire.Row] = field(default_factory=dict)
    payloads: list[bytes] = field(default_factory=list)
    partly: set[int] = field(default_factory=set)
    backlog: set[int] = field(default_factory=set)

    def add(self, message: int, device: int, sample: wire.Sample, payload: bytes) -> None:
        """One more sample."""
        if sample.quality is not None:
            self.qualities[len(self.seq)] = sample.quality
        if sample.faults:
            self.partly.add(len(self.seq))
        self.message.append(message)
        self.device.append(device)
        self.seq.append(sample.seq)
        self.observed_at.append(sample.observed_at)
        self.rows.append(sample.row)
        self.payloads.append(payload)


@dataclass(slots=True)
class Gathered:
    """All that was in the messages. `others`: places of messages that are not vitals (status, waveform)."""

    columns: Columns = field(default_factory=Columns)
    refused: list[Refused] = field(default_factory=list)
    undecided: list[Undecided] = field(default_factory=list)
    others: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where messages are read: what is known of devices, and what came out so far. `final`: nothing may wait any more."""

    directory: Directory
    final: bool = False
    out: Gathered = field(default_factory=Gathered)

    def waits(self, message: Message) -> bool:
        """Whether the directory is too old to refuse this message by it."""
        return not self.final and self.directory.loaded_at <= message.received_at

    def refuse(self, i: int, m: Message, fault: wire.Fault, payload: bytes, device: str | None) -> None:
        """Puts down a refusal of message i."""
        self.out.refused.append(Refused(i, refusal(m, fault, payload, device)))

    def put(self, i: int, m: Message, name: str, payload: bytes, sample: wire.Sample | wire.Fault) -> None:
        """Puts down a sample of message i, or why it cannot be read; `payload`: its own bytes."""
        if isinstance(sample, wire.Fault):
            self.refuse(i, m, sample, payload, name)
            return
        for fault in sample.faults:
            self.refuse(i, m, fault, payload, name)
        if payload is not m.payload and route(m.topic).kind is Kind.VITALS:
            self.out.columns.backlog.add(len(self.out.columns.seq))
        self.out.columns.add(i, self.directory.number[name], sample, payload)


def gather(messages: Sequence[Message], desk: Desk) -> Gathered:
    """Reads the messages. A device that the directory lacks is undecided while the directory is older than the message."""
    c, number, usual, ms = desk.out.columns, desk.directory.number, wire.usual, wire.milliseconds
    for i, m in enumerate(messages):
        kind, name = route(m.topic)
        if kind is Kind.VITALS and name in number and len(m.payload) <= wire.SAMPLE_BYTES:
            try:  # the usual sample, spelled out: this is the only code that every message meets
                one: Any = usual(m.payload)
                at = ms(one.observed_at)
            except wire.BAD:
                pass
            else:
                if one.quality is not None:
                    c.qualities[len(c.seq)] = astuple(one.quality)
                c.message.append(i)
                c.device.append(number[name])
                c.seq.append(one.seq)
                c.observed_at.append(at)
                c.rows.append(astuple(one.vitals))
                c.payloads.append(m.payload)
                continue
        _READERS[kind](desk, i, m)
    return desk.out


def refusal(message: Message, fault: wire.Fault, payload: bytes, device: str | None) -> Refusal:
    """The record of a fault. Of a payload beyond KEPT_BYTES the beginning is kept, and the detail says so."""
    detail, payload = fault.detail, message.original or payload
    if len(payload) > KEPT_BYTES:
        detail += f" (the first {KEPT_BYTES} of {len(payload)} bytes are kept)"
    return Refusal(
        reason=fault.reason,
        detail=detail,
        door=message.door,
        source=message.source or message.topic.decode(errors="replace"),
        received_at=message.received_at,
        payload=payload[:KEPT_BYTES],
        device=device,
        seq=fault.seq,
        vital=fault.vital,
        observed_at=fault.observed_at,
    )


def _device(desk: Desk, i: int, m: Message) -> None:
    name = route(m.topic).name
    if name in desk.directory.number:
        for payload, sample in wire.message(m.payload):
            desk.put(i, m, name, payload, sample)
    elif desk.waits(m):
        desk.out.undecided.append(Undecided(i, m))
    else:
        desk.refuse(i, m, wire.Fault(Reason.UNKNOWN_DEVICE, f"no device {name[:64]!r}"), m.payload, name[:64])


def _gateway(desk: Desk, i: int, m: Message) -> None:
    hub = route(m.topic).name
    devices = wire.gateway(m.payload)
    if isinstance(devices, wire.Fault):
        desk.refuse(i, m, devices, m.payload, hub[:64])
        return
    for name, samples in devices.items():
        if desk.directory.speaks_for(hub, name):
            first = len(desk.out.columns.seq)
            for payload, sample in wire.listed(samples):
                desk.put(i, m, name, payload, sample)
            last = len(desk.out.columns.seq)
            desk.out.columns.backlog.update(range(first, last) if last - first > 1 else ())
        elif desk.waits(m):
            desk.out.undecided.append(Undecided(i, msgspec.structs.replace(m, payload=_part(name, samples))))
        else:  # it is the hub that said so: of whom it spoke may be another's device, which is told nothing and has nothing refused
            fault = wire.Fault(Reason.UNKNOWN_DEVICE, f"gateway {hub[:64]!r} does not speak for a device {name[:64]!r}")
            desk.out.refused.append(Refused(i, refusal(m, fault, _part(name, samples), hub[:64]), name[:64]))


def _part(name: str, samples: msgspec.Raw) -> bytes:
    """A hub's message of one device."""
    return msgspec.json.encode({"devices": {name: samples}})


def _other(desk: Desk, i: int, m: Message) -> None:
    if route(m.topic).kind is Kind.NONE:
        desk.refuse(i, m, wire.Fault(Reason.MALFORMED, "no such topic"), m.payload, None)
    else:
        desk.out.others.append(i)


_READERS = {Kind.VITALS: _device, Kind.GATEWAY: _gateway, Kind.STATUS: _other, Kind.WAVEFORM: _other, Kind.NONE: _other}
