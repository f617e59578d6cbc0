"""Who is told what: readers, their subscription, the patients it shows, and the words for what changed in it.

In: the picture and its changes. Out: the bytes of a delta, of a snapshot, or of what a reader missed. Promise: readers with the same
subscription share one audience and so one frame a tick; a patient's part is encoded once for all audiences.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

import msgspec

from dashboard_api.live import cursor as cursors
from dashboard_api.live import frames
from dashboard_api.live.cursor import KINDS, Cursor
from dashboard_api.live.state import ALERTS, LINKS, PATIENTS, SCORES, Change, Logged, Picture
from vitals.topics import partition_of


class Strip(msgspec.Struct, frozen=True):
    """One waveform of one patient."""

    patient: str
    channel: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """Wards by id, patients by pseudonym; waveforms are no part of the audience."""

    wards: frozenset[str] = frozenset()
    patients: frozenset[str] = frozenset()

    def digest(self) -> str:
        """Eight hex digits that differ for different subscriptions."""
        named = "\0".join([*sorted(self.wards), "", *sorted(self.patients)])
        return hashlib.sha256(named.encode()).hexdigest()[:8]


class Port(Protocol):
    """Where a reader's frames go. `write` never waits; `unsent` is what the network has not taken yet, bytes."""

    def write(self, frame: bytes) -> None: ...

    def unsent(self) -> int: ...

    def cut(self, reason: str) -> None: ...


@dataclass(slots=True, eq=False)
class Reader:
    """One subscribed connection. `since` is set while it is behind: what it has been told; `behind_from` in ms."""

    port: Port
    audience: "Audience"
    strips: frozenset[Strip] = frozenset()
    since: Cursor | None = None
    behind_from: int = 0


@dataclass(slots=True, eq=False)
class Audience:
    """All readers with one subscription. `rows` are the picture's rows that it shows, renewed when the layout changes."""

    subscription: Subscription
    readers: set[Reader] = field(default_factory=set)
    rows: set[int] = field(default_factory=set)
    layout: int = -1

    def renew(self, picture: Picture) -> None:
        """Finds the rows again if a patient came, went or moved."""
        if self.layout != picture.layout:
            self.layout = picture.layout
            self.rows = {p.row for p in picture.rows if self.shows(p.id, p.ward)}

    def shows(self, patient: str, ward: str | None) -> bool:
        """Whether a patient of `ward` (None: discharged) is part of this subscription."""
        return ward is not None and (ward in self.subscription.wards or patient in self.subscription.patients)

    def lost(self, change: Change) -> bool:
        """Whether the patient, who is not among `rows`, was before this change."""
        mine = self.subscription
        return bool(mine.wards.intersection(change.left)) or bool(change.left and change.patient.id in mine.patients)

    def hears(self, logged: Logged, picture: Picture) -> bool:
        """Whether an alert concerns this subscription: by the patient's ward now, or by the alert's own."""
        patient = picture.patients[logged.alert.patient]
        return patient.row in self.rows or self.shows(patient.id, patient.ward or logged.alert.ward)


def spelled(picture: Picture, change: Change) -> bytes:
    """One patient's part of a snapshot or delta: only what is in `change`."""
    patient = change.patient
    body: frames.Json = {"id": patient.id}
    if PATIENTS in change.parts and patient.context is not None:
        body |= {"ward": patient.context.ward, "bed": patient.context.bed}
    told = frames.vitals(picture.table, patient.row, change.cells)
    if told or len(change.parts) == len(KINDS):
        body["vitals"] = told
    if SCORES in change.parts:
        body["score"] = frames.score(patient.score)
    if LINKS in change.parts:
        body["link"] = frames.link(list(patient.links.values()))
    if ALERTS in change.parts:
        body["alerts"] = [frames.alert(a) for a in patient.alerts.values()]
    return frames.encoded(body)


def gone(patient: str) -> bytes:
    """A patient who is no longer part of the subscription."""
    return frames.encoded({"id": patient, "removed": True})


def snapshot(picture: Picture, audience: Audience, here: Cursor, resumed: bool | None) -> bytes:
    """All of the audience's patients; `resumed` False says that a cursor was given and could not be used."""
    parts = [spelled(picture, picture.whole(picture.rows[row])) for row in sorted(audience.rows)]
    extra = b"" if resumed is None else b'"resumed":%s,' % (b"true" if resumed else b"false")
    return frames.picture("snapshot", cursors.write(here), parts, extra)


def missed(picture: Picture, audience: Audience, since: Cursor, here: Cursor) -> list[bytes]:
    """What a reader at `since` was not told: each alert record in order, then one delta with the latest of all else."""
    where = {row: partition_of(picture.rows[row].id, len(picture.next[0])) for row in audience.rows}
    changes = picture.since(audience.rows, since.offsets, since.at, where)
    parts = [spelled(picture, change) for change in changes] + [gone(p) for p in _departed(picture, audience, since)]
    before = cursors.write(since)
    heard = [a for a in picture.alerts if a.offset >= since.offsets[ALERTS][a.partition] and audience.hears(a, picture)]
    told = [frames.alert_frame(before, frames.encoded(frames.alert(a.alert))) for a in heard]
    return [*told, frames.picture("delta", cursors.write(here), parts, b'"resumed":true,')]


def _departed(picture: Picture, audience: Audience, since: Cursor) -> Iterable[str]:
    for patient in picture.rows:
        if patient.row in audience.rows or not patient.left:
            continue
        p = partition_of(patient.id, len(picture.next[0]))
        mine = audience.subscription.wards & patient.left.keys()
        if patient.id in audience.subscription.patients or any(patient.left[w] >= since.offsets[PATIENTS][p] for w in mine):
            yield patient.id


def resumable(picture: Picture, audience: Audience, since: Cursor | None, epoch: str) -> bool:
    """Whether the picture and its alert log reach back to `since`, and it is of this subscription and this Kafka."""
    if since is None or since.epoch != epoch or since.audience != audience.subscription.digest():
        return False
    shape = [len(offsets) for offsets in since.offsets] == [len(base) for base in picture.base]
    if not shape:
        return False
    pairs = zip(chain(*since.offsets), chain(*picture.base), strict=True)
    return all(have >= base for have, base in pairs)
