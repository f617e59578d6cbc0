"""Stores records of `vitals.readings`: rows, ledger, roll-up buckets, refusals and the Kafka offset in one transaction.

Promise: whatever happens, a record's samples are stored once or refused once; `store` may be called again with the same records.
Two ways in: straight COPY; where the unique index refuses (rows are there that the ledger does not know), through a staging table, and
then only the samples that added nothing are duplicates.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from streams.archive import pgcopy, timescale_attribution, timescale_notes, timescale_progress, timescale_readings
from streams.archive.ledger import Ledger
from streams.archive.record import Record, Stored, due
from streams.archive.rows import minutes_of, present, rows_of
from streams.archive.sift import Noted, Sifted, Unpacked, duplicates, sift, unpack
from streams.archive.timescale import Conflict, Session

READER = "archive"
Tell = Callable[[Sequence[Noted]], None]


class Readings:
    """Belongs to one thread. `tell` sends refusals to Kafka and returns once they are there."""

    dense = True

    def __init__(self, session: Session, topic: str, tell: Tell) -> None:
        self._session = session
        self._topic = topic
        self._tell = tell
        self._ledger = Ledger()
        self._patients = timescale_progress.Directory("patient")
        self._devices = timescale_progress.Directory("device")

    def forget(self) -> None:
        """The partitions may have been another process's meanwhile."""
        self._ledger.forget()

    def store(self, records: Sequence[Record]) -> Stored:
        """One transaction. Raises PartAway; then nothing is stored."""
        try:
            try:
                return self._stored(records, staged=False)
            except Conflict:
                return self._stored(records, staged=True)
        except BaseException:
            self._ledger.forget()  # a commit whose answer was lost has stored what memory does not know of
            raise

    def _stored(self, records: Sequence[Record], staged: bool) -> Stored:
        with self._session.transaction() as session:
            found = timescale_progress.stored(session, READER, self._topic, {r.partition for r in records})
            todo = due(records, found, self.dense)
            unpacked, bad = unpack(todo.records)
            sifted = self._sifted(unpacked)
            rows, (there, again) = self._put(unpacked, sifted, staged)
            refused = [*bad, *sifted.refused, *there]
            for partition, runs in sifted.runs.items():
                timescale_readings.note_runs(session, partition, runs)
            timescale_notes.refusals(session, refused)
            timescale_progress.advance(session, READER, self._topic, todo.next_offsets)
            if refused:
                self._tell(refused)
        for runs in sifted.runs.values():
            self._ledger.add(runs)
        reasons = Counter(str(noted.refusal.reason) for noted in refused)
        return Stored(rows, todo.skipped, reasons, todo.gaps, staged, sifted.again + again)

    def _sifted(self, unpacked: Sequence[Unpacked]) -> Sifted:
        """Everything that `sift` needs comes from the database when it is not known yet."""
        patients = self._patients.numbers(self._session, (p for each in unpacked for p in each.batch.patients))
        devices = self._devices.numbers(self._session, (d for each in unpacked for d in each.batch.devices))
        present_devices = {devices[d] for each in unpacked for d in each.batch.devices if d in devices}
        missing = self._ledger.unknown(present_devices)
        if missing:
            seen = timescale_readings.seen(self._session, missing)
            for device in missing:
                self._ledger.load(device, seen.get(device, ()))
        return sift(unpacked, patients, devices, self._ledger)

    def _put(self, unpacked: Sequence[Unpacked], sifted: Sifted, staged: bool) -> tuple[int, tuple[list[Noted], int]]:
        """Rows stored, and what `duplicates` says of samples of which every row was there already."""
        samples = sifted.samples
        if samples is None:
            return 0, ([], 0)
        told = present(samples)
        rows = rows_of(samples, told)
        stream = pgcopy.encode(rows)
        timescale_readings.note_touched(self._session, "1m", minutes_of(samples, told))
        timescale_attribution.look_again(self._session, samples.device_no, samples.received_at)
        if not staged:
            timescale_readings.copy(self._session, stream)
            return len(rows), ([], 0)
        stored = timescale_readings.stage(self._session, stream)
        identities = zip(samples.device_no.tolist(), samples.seq.tolist(), strict=True)
        there = np.array([identity not in stored for identity in identities]) & told.any(axis=1)
        return sum(stored.values()), duplicates(unpacked, sifted.origins[:, there])
