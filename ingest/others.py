"""Status and waveform messages: to link states and waveform chunks, or named refusals.

In: messages that `ingest.gather` put aside, the directory. Out: `Others`. Promise: as `ingest.translate`: pure but for `Seen`, and no
bytes raise anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import msgspec

from ingest import wire
from ingest.directory import Directory
from ingest.gather import Desk, Message, Undecided
from ingest.judge import AHEAD_MS, YEAR_2000
from ingest.route import Kind, route
from ingest.seen import Seen
from ingest.skew import WHENEVER
from vitals.link import Link
from vitals.refusal import Reason
from vitals.waveform import Waveform, folded


@dataclass(slots=True)
class Others:
    """What became of them. `said`: of the links what devices said themselves, WHENEVER that was. `repeated`: chunks delivered again."""

    links: list[Link] = field(default_factory=list)
    said: list[Link] = field(default_factory=list)
    chunks: list[Waveform] = field(default_factory=list)
    repeated: int = 0


def translate_others(messages: Sequence[Message], desk: Desk, seen: Seen) -> Others:
    """The messages that the desk put aside, in order; refusals and what waits go to the desk's own lists."""
    out = Others()
    for i in desk.out.others:
        m = messages[i]
        kind, name = route(m.topic)
        if name in desk.directory.number:
            for fault in _status(m, name, desk.directory, out) if kind is Kind.STATUS else _chunk(i, m, name, desk, seen, out):
                desk.refuse(i, m, fault, m.payload, name)
        elif desk.waits(m):
            desk.out.undecided.append(Undecided(i, m))
        else:
            desk.refuse(i, m, wire.Fault(Reason.UNKNOWN_DEVICE, f"no device {name[:64]!r}"), m.payload, name[:64])
    return out


def _status(m: Message, name: str, directory: Directory, out: Others) -> Iterator[wire.Fault]:
    if len(m.payload) > wire.SAMPLE_BYTES:
        yield wire.Fault(Reason.TOO_LARGE, f"{len(m.payload)} bytes; at most {wire.SAMPLE_BYTES}")
        return
    if not m.payload:  # MQTT's way to take a retained message back: nothing is said
        return
    try:
        status = wire.status(m.payload)
    except wire.BAD as error:
        yield wire.Fault(Reason.MALFORMED, str(error)[:200])
        return
    link = _link(directory, name, status.state, m.received_at)
    own = msgspec.structs.replace(link, battery=status.battery, buffered=status.buffered)
    out.links.append(own)
    out.said.append(msgspec.structs.replace(own, at=WHENEVER) if m.retained else own)
    out.links += [_link(directory, member, status.state, m.received_at) for member in _members(directory).get(name, ())]


def _link(directory: Directory, name: str, state: Literal["online", "offline"], at: int) -> Link:
    """What is known of a device's connection; a hub's is that of those for which it speaks, who say nothing themselves."""
    device, patient = directory.devices[directory.number[name]], directory.patient_of(name, at)
    ward = device.ward if patient is None else directory.ward_of(patient)
    return Link(device=name, state=state, at=at, patient=patient, ward=ward or None, gateway=device.gateway)


@lru_cache(maxsize=2)
def _members(directory: Directory) -> Mapping[str, Sequence[str]]:
    """Hub -> the devices for which it speaks."""
    found: dict[str, list[str]] = {}
    for device in directory.devices:
        if device.gateway is not None:
            found.setdefault(device.gateway, []).append(device.id)
    return found


def _chunk(i: int, m: Message, name: str, desk: Desk, seen: Seen, out: Others) -> Iterator[wire.Fault]:
    if len(m.payload) > wire.MESSAGE_BYTES:
        yield wire.Fault(Reason.TOO_LARGE, f"{len(m.payload)} bytes; at most {wire.MESSAGE_BYTES}")
        return
    try:
        chunk = wire.chunk(m.payload)
    except wire.BAD as error:
        yield wire.Fault(Reason.MALFORMED, str(error)[:200])
        return
    at, clock_ms = desk.directory.true_time(name, wire.milliseconds(chunk.observed_at), m.received_at)
    reason = _time_reason(at, m.received_at)
    patient = None if reason else desk.directory.patient_of(name, at)
    if patient is None and not reason and desk.waits(m):
        desk.out.undecided.append(Undecided(i, m))
    elif patient is None:
        reason = reason or (Reason.UNASSIGNED_DEVICE, "the device was on nobody at that time")
        yield wire.Fault(reason[0], reason[1], chunk.seq, None, at)
    elif seen.take(f"{name}/{chunk.channel}", chunk.seq):
        out.chunks.append(_waveform(m, name, chunk, (at, clock_ms), patient))
    elif m.again:
        out.repeated += 1
    else:
        yield wire.Fault(Reason.DUPLICATE, "this number was used before on this channel", chunk.seq, None, at)


def _time_reason(at: int, received_at: int) -> tuple[Reason, str] | None:
    if at < YEAR_2000:
        return Reason.BAD_TIME, "observed_at is before the year 2000"
    if at > received_at + AHEAD_MS:
        return Reason.FROM_THE_FUTURE, f"observed_at is more than {AHEAD_MS // 1000} s ahead of the gateway's clock"
    return None


def _waveform(m: Message, name: str, chunk: wire.Chunk, times: tuple[int, int], patient: str) -> Waveform:
    gain, offset, samples = folded(chunk.samples)
    return Waveform(
        patient=patient,
        device=name,
        channel=chunk.channel,
        seq=chunk.seq,
        observed_at=times[0],
        received_at=m.received_at,
        rate_hz=chunk.rate_hz,
        unit=chunk.unit,
        gain=gain,
        offset=offset,
        samples=samples,
        again=m.again,
        clock_ms=times[1],
    )
