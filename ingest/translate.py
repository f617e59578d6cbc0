"""The one way in: messages to columnar samples or named refusals, whatever door they came through.

In: messages, the directory (who is where), which numbers were taken. Out: `Translated`: batches ready for Kafka by partition, refusals,
and what waits for a newer directory. Promise: pure but for `Seen`, which is marked with what is accepted and nothing else; never
raises for what a device sent; a refusal of a part leaves the other parts in. Dropped: nothing. `repeated` counts what
the broker delivered again and was taken before: it is neither new nor the device's fault.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from ingest import wire
from ingest.directory import Directory
from ingest.gather import Columns, Desk, Message, Refused, Undecided, gather, refusal
from ingest.judge import Verdict, judge, objections
from ingest.others import translate_others
from ingest.route import Kind, route, vitals_topic
from ingest.seen import Seen
from ingest.skew import Entry, Live
from vitals.batch import Batch, type_i64
from vitals.finding import Finding
from vitals.link import Link
from vitals.refusal import Reason
from vitals.waveform import Waveform

RECORD_SAMPLES = 1_000


@dataclass(slots=True)
class Translated:
    """What became of the messages. `batches`: (partition, batch), at most RECORD_SAMPLES samples each.

    `live`: the samples that say something of their device's clock; `said`: what devices say of their buffers, as `ingest.skew` wants it.
    """

    batches: list[tuple[int, Batch]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    undecided: list[Undecided] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    said: list[Link] = field(default_factory=list)
    chunks: list[Waveform] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    clocks: list[Entry] = field(default_factory=list)
    samples: int = 0
    repeated: int = 0
    live: Live | None = None

    def add(self, later: "Translated", offset: int = 0) -> None:
        """Takes in what became of more messages, whose places in the input begin at `offset`."""
        self.batches += later.batches
        self.refused += [Refused(r.message + offset, r.refusal, r.member) for r in later.refused]
        self.undecided += [Undecided(u.message + offset, u.remainder) for u in later.undecided]
        self.links += later.links
        self.said += later.said
        self.chunks += later.chunks
        self.samples += later.samples
        self.repeated += later.repeated


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """One call's material, passed from step to step."""

    messages: Sequence[Message]
    columns: Columns
    desk: Desk
    device: type_i64
    raw_at: type_i64
    observed_at: type_i64
    clock_ms: npt.NDArray[np.int32]
    received_at: type_i64
    verdict: Verdict
    patient: npt.NDArray[np.int32]


def translate(messages: Sequence[Message], directory: Directory, seen: Seen, final: bool = False) -> Translated:
    """Everything in `messages`. `final`: refuse by this directory even what came after it was read."""
    desk = Desk(directory, final)
    gathered = gather(messages, desk)
    out = Translated(refused=gathered.refused, undecided=gathered.undecided)
    if gathered.columns.seq:
        _judge(_case(messages, desk), seen, out)
    if gathered.others:
        others = translate_others(messages, desk, seen)
        out.links, out.said, out.chunks, out.repeated = others.links, others.said, others.chunks, out.repeated + others.repeated
    return out


def _case(messages: Sequence[Message], desk: Desk) -> _Case:
    c = desk.out.columns
    device = np.array(c.device, dtype=np.int64)
    raw_at = np.array(c.observed_at, dtype=np.int64)
    received_at = np.array([messages[i].received_at for i in c.message], dtype=np.int64)
    observed_at, clock_ms = desk.directory.corrected(device, raw_at, received_at)
    verdict = judge(c, observed_at, received_at)
    patient = desk.directory.patient_at(device, observed_at)
    return _Case(messages, c, desk, device, raw_at, observed_at, clock_ms, received_at, verdict, patient)


def _judge(case: _Case, seen: Seen, out: Translated) -> None:
    v = case.verdict
    whole = v.bad_time | v.future
    keep = ~(whole | v.empty | (case.patient < 0))
    for i in np.flatnonzero(~keep | v.implausible.any(axis=1)):
        _object(case, int(i), out)
    _take(case, keep, seen, out)
    out.batches = list(_batches(case, keep))
    out.samples = int(keep.sum())
    keep[list(case.columns.backlog)] = False
    out.live = (case.device[keep], case.received_at[keep], (case.received_at - case.raw_at)[keep])


def _object(case: _Case, i: int, out: Translated) -> None:
    """Refuses what is wrong with sample i, or leaves all of it undecided."""
    c, at = case.columns, case.columns.message[i]
    message = case.messages[at]
    device = case.desk.directory.devices[c.device[i]].id
    objected = list(objections(case.verdict, i))
    whole = any(vital is None for _, _, vital in objected)
    if not whole and case.patient[i] < 0:
        if case.desk.waits(message):
            out.undecided.append(Undecided(at, _remainder(message, device, c.payloads[i], i in c.backlog)))
            if i in c.partly:  # they come again with the remainder
                out.refused[:] = [r for r in out.refused if not _of(r, at, device, c.seq[i])]
            return
        objected.append((Reason.UNASSIGNED_DEVICE, "the device was on nobody at that time", None))
    if not objected and case.verdict.empty[i] and i not in c.partly:
        objected.append((Reason.MALFORMED, "the sample names no vital", None))
    for reason, detail, vital in objected:
        fault = wire.Fault(reason, detail, c.seq[i], vital, c.observed_at[i])
        out.refused.append(Refused(at, refusal(message, fault, c.payloads[i], device)))


def _of(refused: Refused, message: int, device: str, seq: int) -> bool:
    return refused.message == message and refused.refusal.device == device and refused.refusal.seq == seq


def _remainder(message: Message, device: str, payload: bytes, backlog: bool) -> Message:
    if route(message.topic).kind is Kind.GATEWAY:
        return replace(message, payload=b'{"devices":{"%s":[%s]}}' % (device.encode(), payload))
    if backlog:
        payload = b'{"batch":[%s]}' % payload
    return replace(message, topic=vitals_topic(device), payload=payload)


def _take(case: _Case, keep: npt.NDArray[np.bool_], seen: Seen, out: Translated) -> None:
    """Marks the kept numbers as taken, in order; a number that was is refused, or was delivered again by the broker."""
    c, devices, take = case.columns, case.desk.directory.devices, seen.take
    for i in np.flatnonzero(keep).tolist():
        device = devices[c.device[i]].id
        if take(device, c.seq[i]):
            continue
        keep[i] = False
        at = c.message[i]
        if case.messages[at].again:
            out.repeated += 1
            continue
        fault = wire.Fault(Reason.DUPLICATE, "this number was used before", c.seq[i], None, c.observed_at[i])
        out.refused.append(Refused(at, refusal(case.messages[at], fault, c.payloads[i], device)))


def _batches(case: _Case, keep: npt.NDArray[np.bool_]) -> Iterator[tuple[int, Batch]]:
    if not keep.any():
        return
    again = _again(case)
    for repeated in np.unique(again[keep]).tolist():
        mine = keep & (again == repeated)
        partition = np.where(mine, case.desk.directory.partition[case.patient], -1)
        for p in np.unique(partition[mine]).tolist():
            rows = np.flatnonzero(partition == p)
            rows = rows[np.argsort(case.observed_at[rows], kind="stable")]
            for start in range(0, len(rows), RECORD_SAMPLES):
                yield p, _batch(case, rows[start : start + RECORD_SAMPLES], again=repeated)


def _again(case: _Case) -> npt.NDArray[np.bool_]:
    """(n,) those that may have come before: a gateway that was killed cannot know it, so it is said to whoever does."""
    messages = {i for i, m in enumerate(case.messages) if m.again}
    return np.fromiter((i in messages for i in case.columns.message), np.bool_) if messages else np.zeros(len(case.columns.seq), np.bool_)


def _batch(case: _Case, rows: npt.NDArray[np.intp], *, again: bool) -> Batch:
    patients, patient = np.unique(case.patient[rows], return_inverse=True)
    devices, device = np.unique(case.device[rows], return_inverse=True)
    v = case.verdict
    return Batch(
        patients=tuple(case.desk.directory.patients[patients]),
        patient=patient.astype(np.int32),
        devices=tuple(case.desk.directory.devices[d].id for d in devices.tolist()),
        device=device.astype(np.int32),
        seq=np.array([case.columns.seq[i] for i in rows.tolist()], dtype=np.int64),
        observed_at=case.observed_at[rows],
        received_at=case.received_at[rows],
        clock_ms=case.clock_ms[rows],
        values=v.values[rows],
        quality=v.quality[rows],
        no_value=v.no_value[rows],
        again=again,
    )
