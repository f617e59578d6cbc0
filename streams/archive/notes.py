"""Stores records of `vitals.refused` and `vitals.links`, each handful in one transaction with its Kafka offsets.

Promise: a refusal is counted once for each Kafka record, however often Kafka hands it out; a device's link is the newest ever told.
Dropped, and counted by the caller: nothing. A record that is no `Refusal` or no `Link` becomes a refusal `malformed` itself (door
`archive`).
Records whose door is `archive` were counted when they were told, and are passed over.
"""

from collections import Counter
from collections.abc import Sequence

import msgspec

from streams.archive import timescale_notes, timescale_progress
from streams.archive.readings import READER, Tell
from streams.archive.record import Record, Stored, due
from streams.archive.sift import DOOR, Noted, unreadable
from streams.archive.timescale import Session
from vitals.link import Link
from vitals.refusal import Refusal


class Refused:
    """Belongs to one thread."""

    dense = True

    def __init__(self, session: Session, topic: str) -> None:
        self._session = session
        self._topic = topic

    def forget(self) -> None:
        """Nothing is remembered."""

    def store(self, records: Sequence[Record]) -> Stored:
        """One transaction. Raises PartAway; then nothing is stored."""
        with self._session.transaction() as session:
            found = timescale_progress.stored(session, READER, self._topic, {r.partition for r in records})
            todo = due(records, found, self.dense)
            noted = [note for record in todo.records if (note := noted_of(record)) is not None]
            count = timescale_notes.refusals(session, noted)
            timescale_progress.advance(session, READER, self._topic, todo.next_offsets)
        return Stored(count, todo.skipped, {}, todo.gaps)


def noted_of(record: Record) -> Noted | None:
    """The refusal in `record`; None for one that the archive told itself; a record that is none is refused in turn."""
    try:
        refusal = msgspec.json.decode(record.value, type=Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Noted(unreadable(record, f"not a refusal: {error}"), record.traceparent)
    return None if refusal.door == DOOR else Noted(refusal, record.traceparent)


def refuse(session: Session, dense: bool, record: Record, detail: str) -> Stored:
    """One transaction: a record that the database cannot store is refused as `malformed`, and passed."""
    with session.transaction():
        found = timescale_progress.stored(session, READER, record.topic, {record.partition})
        todo = due([record], found, dense)
        noted = [Noted(unreadable(each, detail), each.traceparent) for each in todo.records]
        timescale_notes.refusals(session, noted)
        timescale_progress.advance(session, READER, record.topic, todo.next_offsets)
    return Stored(0, todo.skipped, Counter(str(n.refusal.reason) for n in noted), todo.gaps)


class Links:
    """Belongs to one thread."""

    dense = False

    def __init__(self, session: Session, topic: str, tell: Tell) -> None:
        self._session = session
        self._topic = topic
        self._tell = tell

    def forget(self) -> None:
        """Nothing is remembered."""

    def store(self, records: Sequence[Record]) -> Stored:
        """One transaction. Raises PartAway; then nothing is stored."""
        with self._session.transaction() as session:
            found = timescale_progress.stored(session, READER, self._topic, {r.partition for r in records})
            todo = due(records, found, self.dense)
            newest, bad = links_of(todo.records)
            count = timescale_notes.links(session, newest)
            timescale_notes.refusals(session, bad)
            timescale_progress.advance(session, READER, self._topic, todo.next_offsets)
            if bad:
                self._tell(bad)
        return Stored(count, todo.skipped, Counter(str(b.refusal.reason) for b in bad), todo.gaps)


def links_of(records: Sequence[Record]) -> tuple[list[Link], list[Noted]]:
    """The newest link of each device by `at`, sorted by device; and what is none. A record without a value is a compaction's tombstone."""
    newest: dict[str, Link] = {}
    bad: list[Noted] = []
    for record in records:
        if not record.value:
            continue
        try:
            link = msgspec.json.decode(record.value, type=Link)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            bad.append(Noted(unreadable(record, f"not a link: {error}"), record.traceparent))
            continue
        if link.device not in newest or newest[link.device].at <= link.at:
            newest[link.device] = link.after(newest.get(link.device))
    return [newest[device] for device in sorted(newest)], bad
