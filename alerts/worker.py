"""The alert worker: three threads and a backlog between them.

    intake   reads Kafka into the backlog; tells new high alerts at once when they wait too long for the database
    clerk    takes the backlog, ticks and receipts through the desk into the database, and says the outbox on `vitals.alerts`
    sender   hands pages to their channels

In: findings, commands. Out: schema `alerting`, `vitals.alerts`, pages. Promise: a record is committed to Kafka only after it is in the
database. With the database away records wait; a new high alert is on `vitals.alerts` within `HASTY_MS` all the same (version 0, the id
that it will have), and is paged by the book as last read, under the key that its page will have. Dropped: records that cannot be decoded
or stored, each counted by reason (`malformed`, `bad_time`, `unstorable`).
"""

import logging
import random
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from alerts import findings, timescale, wire
from alerts.backlog import Backlog, Record, urgent
from alerts.backoff import pause
from alerts.desk import Desk
from alerts.escalation import Book
from alerts.kafka import Intake, Offsets, Outlet, Partitions, Raw, Saying
from alerts.metrics import BEHIND, HASTY, RAISED_AFTER, READY, REFUSED, TAKEN
from alerts.sender import Sender
from alerts.timescale import Connection, Unstorable, Work
from alerts.timescale_save import next_offsets
from vitals.errors import PartAway
from vitals.finding import Finding

HASTY_MS = 1_000
TICK_MS = 200
BATCH = 500
FINISH_S = 6.0  # more than a channel's own timeout
LOG = logging.getLogger("alerts")


@dataclass(slots=True)
class Clocks:
    """`wall`: ms since 1970; `steady`: ms that never go back."""

    wall: Callable[[], int]
    steady: Callable[[], int]


@dataclass(slots=True)
class Worker:
    """See the module. `book` is asked with the clerk's connection, so that rotas and ladders are taken up without a restart.

    `kept`: the book as last read; before that what the settings say, so that a high alert finds somebody with the database away.
    """

    database: str
    findings_topic: str
    clocks: Clocks
    outlet: Outlet
    hasty: Outlet
    sender: Sender
    book: Callable[[Connection], Book]
    backlog: Backlog = field(default_factory=Backlog)
    stop: threading.Event = field(default_factory=threading.Event)
    paged: threading.Event = field(default_factory=threading.Event)
    intake: Intake | None = None
    unsaid: bool = True
    kept: Book = field(default_factory=Book)
    mine: list[int] = field(default_factory=list)
    ticked_at: int = 0
    wrote_at: int | None = None

    def lost(self, partitions: Partitions) -> None:
        """Partitions went to another worker."""
        self.backlog.lose(partitions)

    def written(self, partitions: Partitions) -> Offsets:
        """How far each of these is in the database; nothing where it is away."""
        if not partitions:
            return {}
        try:
            with timescale.connected(self.database) as connection:
                return timescale.written(connection, partitions)
        except PartAway:
            return {}

    def read(self, intake: Intake) -> None:
        """The intake thread."""
        self.intake = intake
        while not self.stop.is_set():
            taken = [self._decoded(raw) for raw in intake.read(BATCH, 0.05)]
            over = self.backlog.add(taken)
            now = self.clocks.steady()
            late = [*self.backlog.untold(now - HASTY_MS), *filter(None, map(urgent, over))]
            self._tell_hastily(late)
            intake.again(self.backlog.again())
            self._gauges(now)

    def clerk(self) -> None:
        """The clerk thread: reconnects for as long as it takes."""
        attempt = 0
        while not self.stop.is_set():
            try:
                with timescale.connected(self.database) as connection:
                    attempt = 0
                    self._serve(connection)
            except PartAway as error:
                attempt += 1
                LOG.warning("event=database_away error=%r attempt=%d", str(error), attempt)
                self.stop.wait(pause(attempt, random.random()) / 1000)

    def send(self) -> None:
        """The sender thread."""
        attempt = 0
        while not self.stop.is_set():
            try:
                with timescale.connected(self.database) as connection:
                    attempt = 0
                    while not self.stop.is_set():
                        if not self.sender.round(connection, 0.02):
                            self.paged.wait(0.2)
                            self.paged.clear()
                    self.sender.finish(connection, FINISH_S)
            except PartAway as error:
                attempt += 1
                LOG.warning("event=pages_wait error=%r", str(error))
                self.stop.wait(pause(attempt, random.random()) / 1000)

    def _serve(self, connection: Connection) -> None:
        while not self.stop.is_set():
            book = self.kept = self.book(connection)
            records = self.backlog.first(BATCH, 0.05)
            if records:
                self._write(connection, Work(records), book)
            self._tick(connection, book)
            self._say(connection)
            self.wrote_at = self.clocks.steady()

    def _tick(self, connection: Connection, book: Book) -> None:
        now = self.clocks.steady()
        if now - self.ticked_at < TICK_MS:
            return
        self.ticked_at, mine = now, self.partitions()
        due = timescale.due(connection, mine, self.clocks.wall())
        got = timescale.receipts(connection, mine)
        if due or got:
            partitions = frozenset(p for p, _ in (*due, *got))
            self._write(connection, Work((), [t for _, t in due], [r for _, r in got], partitions), book)

    def _write(self, connection: Connection, work: Work, book: Book) -> None:
        for part in self._written(connection, work, book):
            self._account(part)
        self.backlog.done(work.records)
        if self.intake is not None and work.records:
            self.intake.commit(next_offsets(work.records))

    def _written(self, connection: Connection, work: Work, book: Book) -> Iterable[Desk]:
        """Writes it whole; where something of it cannot be stored, one by one, so that it stops nothing else."""
        now = self.clocks.wall()
        try:
            return [timescale.write(connection, work, book, now)]
        except Unstorable:
            return [desk for part in single(work) if (desk := self._alone(connection, part, book, now)) is not None]

    def _alone(self, connection: Connection, part: Work, book: Book, now: int) -> Desk | None:
        try:
            return timescale.write(connection, part, book, now)
        except Unstorable as error:
            REFUSED.labels("unstorable").inc()
            LOG.error("event=unstorable error=%r", str(error))
            return None

    def _account(self, desk: Desk) -> None:
        self.unsaid = self.unsaid or bool(desk.changes)
        if desk.pages:
            self.paged.set()
        for result, count in desk.counts.items():
            TAKEN.labels(result).inc(count)
        for change in desk.changes:
            delays = change.case.alert.delays
            if change.kind == "raised" and delays.raised is not None and delays.received is not None:
                RAISED_AFTER.observe(max(0, delays.raised - delays.received) / 1000)

    def _say(self, connection: Connection) -> None:
        mine = self.partitions()
        if mine != self.mine:  # what another worker wrote and could not say is now ours to say
            self.mine, self.unsaid = mine, True
        while self.unsaid:
            self.unsaid = timescale.say(connection, mine, lambda said: self.outlet.say(said, 5.0)) > 0

    def _tell_hastily(self, late: Sequence[Finding]) -> None:
        if not late:
            return
        now, desk = self.clocks.wall(), Desk(self.kept)
        for finding in late:
            findings.take(desk, finding, now)
        self.sender.hastily(desk.pages)
        said = [Saying(None, f.patient, wire.alert(findings.raised(f, now, 0, "").alert), None) for f in late]
        try:
            self.hasty.say(said, 1.0)
            HASTY.inc(len(said))
        except PartAway as error:
            LOG.warning("event=hasty_unsaid error=%r", str(error))

    def _decoded(self, raw: Raw) -> Record:
        item = wire.finding(raw.value) if raw.topic == self.findings_topic else wire.command(raw.value)
        if isinstance(item, str):
            REFUSED.labels(item).inc()
            LOG.warning("event=refused reason=%s topic=%s partition=%d offset=%d", item, raw.topic, raw.partition, raw.offset)
        kept = None if isinstance(item, str) else item
        return Record(raw.topic, raw.partition, raw.offset, kept, raw.trace, self.clocks.steady())

    def partitions(self) -> list[int]:
        """Those that are this worker's now."""
        owned = set() if self.intake is None else self.intake.owned
        return sorted({partition for topic, partition in owned if topic == self.findings_topic})

    def _gauges(self, now: int) -> None:
        oldest = self.backlog.oldest()
        BEHIND.set(0 if oldest is None else now - oldest)
        READY.set(int(self.wrote_at is not None and now - self.wrote_at < 3_000 and bool(self.partitions())))


def single(work: Work) -> list[Work]:
    """The same work, one item at a time."""
    return [
        *(Work([record]) for record in work.records),
        *(Work((), [tick], (), work.partitions) for tick in work.ticks),
        *(Work((), (), [receipt], work.partitions) for receipt in work.receipts),
    ]
