"""The directory out of the database, kept fresh by a thread of its own; and the clocks' ledger into it.

In: schema `clinical`; of `alerting` the open alerts of the door's own rules; of `identity`, where a door asks for them, the digests of
record numbers; notices on `vigil_directory`; questions and notes of the gateway. Out: `current`, the newest picture. Promise: the database
may be away at the start and later: the last picture stays, and trying goes on with a growing, jittered pause; a change is there within
milliseconds, a missed notice within POLL_S. Asked however often, it reads at most once in ASKED_S.
"""

import contextlib
import random
import select
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg

from ingest.conditions import BABBLING, CLOCK, OTHER_PATIENT
from ingest.directory import Assignment, Device, Directory, Standing, directory
from ingest.mqtt import Clocks
from ingest.skew import TOLERANCE_MS, Entry

POLL_S = 30.0
ASKED_S = 1.0
PAUSE_S, LONGEST_PAUSE_S = 0.2, 10.0

_DEVICES = """
SELECT d.id, d.gateway, d.ward, coalesce(c.clock_ms, 0), c.skew_ms, (extract(epoch FROM c.at) * 1000)::bigint FROM clinical.device d
LEFT JOIN LATERAL (SELECT clock_ms, skew_ms, at FROM clinical.clock WHERE device = d.id ORDER BY at DESC LIMIT 1) c ON true
WHERE d.revoked_at IS NULL ORDER BY d.no"""
_NOTE = """
INSERT INTO clinical.clock (device, skew_ms, clock_ms, samples, author) SELECT %(device)s, %(skew)s, %(clock)s, %(samples)s, 'ingest'
WHERE NOT EXISTS (
    SELECT FROM (SELECT * FROM clinical.clock WHERE device = %(device)s ORDER BY at DESC LIMIT 1) newest
    WHERE abs(newest.skew_ms - %(skew)s) <= %(same)s AND abs(newest.clock_ms - %(clock)s) <= %(same)s)"""
"""Several gateways see the same clock: the first one's note is enough."""
_ASSIGNMENTS = """
SELECT device, patient, (extract(epoch FROM lower(during)) * 1000)::bigint,
       CASE WHEN upper_inf(during) THEN NULL ELSE (extract(epoch FROM upper(during)) * 1000)::bigint END
FROM clinical.assignment"""
_WARDS = "SELECT id, ward FROM clinical.patient"
_RECORDS = "SELECT mrn_digest, patient FROM identity.person"
_STANDING = """
SELECT rule, patient, subject, coalesce(memory->'starts', '[]'), coalesce(memory->'findings', '[]') FROM alerting.alert
WHERE state <> 'closed' AND rule = ANY(%s)"""


def load(connection: psycopg.Connection[Any], partitions: int, loaded_at: int, records: bool = False) -> Directory:
    """The picture as of one moment, `records`: with the digests of record numbers. Raises psycopg.Error when the database goes away."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        devices = [Device(*row) for row in connection.execute(_DEVICES)]
        assignments = [Assignment(*row) for row in connection.execute(_ASSIGNMENTS)]
        wards: Mapping[str, str] = dict(connection.execute(_WARDS).fetchall())
        rows = connection.execute(_STANDING, ([BABBLING, CLOCK, OTHER_PATIENT],))
        standing = [Standing(rule, patient, device, tuple(starts), tuple(found)) for rule, patient, device, starts, found in rows]
        digests = {bytes(digest): patient for digest, patient in connection.execute(_RECORDS)} if records else {}
    return directory(devices, assignments, wards, partitions, loaded_at, standing, digests)


class Timescale:
    """The directory's keeper. `current` is None until the database has answered once; `away`: it does not answer now.

    `records`: with the digests of record numbers.
    """

    def __init__(self, url: str, partitions: int, clocks: Clocks, log: Callable[[str], None], records: bool = False) -> None:
        self._url, self._partitions, self._clocks, self._log, self._records = url, partitions, clocks, log, records
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_write.setblocking(False)
        self._asked = self._changed = False
        self._notes: dict[str, Entry] = {}
        self._stopping = threading.Event()
        self._pause = PAUSE_S
        self._thread = threading.Thread(target=self._run, name="directory", daemon=True)
        self.current: Directory | None = None
        self.away = True

    def start(self) -> None:
        """Begins to keep the directory."""
        self._thread.start()

    def ask(self) -> None:
        """Wants a picture newer than now. Cheap; from any thread."""
        if not self._asked:
            self._asked = True
            self._wake()

    def note(self, entries: Sequence[Entry]) -> None:
        """Writes to the clocks' ledger, when the database is there; of a device that could not be written the newest is kept."""
        self._notes.update({e.device: e for e in entries})
        self._wake()

    def close(self) -> None:
        """Ends the thread and its connection."""
        self._stopping.set()
        self._wake()
        self._thread.join(timeout=5)

    def _wake(self) -> None:
        """Has the thread look up. While the database is away it reads nothing: what waits for it is enough, and the caller never waits."""
        with contextlib.suppress(BlockingIOError):
            self._wake_write.send(b"!")

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, connect_timeout=5, application_name="vigil-ingest") as connection:
                    self._keep(connection)
            except psycopg.Error as error:
                if not self.away or self.current is None:
                    self._log(f"event=database_away error={type(error).__name__}")
                self.away = True
                self._stopping.wait(self._pause * random.uniform(0.5, 1.5))
                self._pause = min(self._pause * 2, LONGEST_PAUSE_S)

    def _keep(self, connection: psycopg.Connection[Any]) -> None:
        connection.add_notify_handler(lambda _: self._change())
        connection.execute("LISTEN vigil_directory")
        while not self._stopping.is_set():
            self._write(connection)
            self._read(connection)
            self._wait(connection)

    def _change(self) -> None:
        """A notice came: with any answer of the database, also with one to the reading that it makes old."""
        self._changed = True

    def _read(self, connection: psycopg.Connection[Any]) -> None:
        self._asked = self._changed = False
        self.current = load(connection, self._partitions, self._clocks.now(), self._records)
        if self.away:
            self._log(f"event=directory devices={len(self.current.devices)} patients={len(self.current.patients)}")
        self.away, self._pause = False, PAUSE_S

    def _write(self, connection: psycopg.Connection[Any]) -> None:
        """A note is forgotten only when it is written."""
        for device, e in list(self._notes.items()):
            note = {"device": e.device, "skew": e.skew_ms, "clock": e.clock_ms, "samples": e.samples, "same": TOLERANCE_MS}
            connection.execute(_NOTE, note)
            if self._notes.get(device) is e:
                del self._notes[device]

    def _wait(self, connection: psycopg.Connection[Any]) -> None:
        """Until a notice, a question (not sooner than ASKED_S after the last reading), the end, or POLL_S."""
        read_at = self._clocks.steady()
        while not self._stopping.is_set() and not self._changed:
            waited = self._clocks.steady() - read_at
            limit = ASKED_S if self._asked else POLL_S
            if waited >= limit:
                return
            ready, _, _ = select.select([connection.fileno(), self._wake_read.fileno()], [], [], limit - waited)
            if self._wake_read.fileno() in ready:
                self._wake_read.recv(64)
                self._write(connection)
            if connection.fileno() in ready:
                connection.execute("SELECT 1")  # whatever came is read with the answer
