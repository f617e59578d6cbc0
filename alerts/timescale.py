"""The database, by psycopg: one transaction a batch of what came in; the outbox of what is to be said.

In: records, ticks, receipts of some partitions. Out: schema `alerting`. Promise: events, projection, answers, pages, outbox and
progress are written together or not at all; two workers that both believe to own a partition are put one after the other by its lock.
Raises PartAway when the database is away, `Unstorable` when a record cannot be stored.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec
import psycopg
from psycopg.rows import TupleRow

from alerts import clockwork, commands, findings
from alerts.backlog import Record
from alerts.case import Case, Memory
from alerts.clockwork import Receipt, Tick
from alerts.desk import Desk, waited_cause
from alerts.escalation import Book
from alerts.kafka import Saying
from alerts.pipeline import FLAP_MS, GROUP_MS, HOUR_MS, MINUTE_MS, Pause
from alerts.timescale_save import save
from vitals.alert import Alert, Command
from vitals.errors import PartAway, Theirs
from vitals.finding import Finding

Connection = psycopg.Connection[TupleRow]
_LOCK_SPACE, _SHARED_SPACE = 20, 21  # alerting's own numbers among the database's advisory locks: of partitions, of shared causes


@dataclass(frozen=True, slots=True)
class Work:
    """What is taken in one transaction."""

    records: Sequence[Record] = ()
    ticks: Sequence[Tick] = ()
    receipts: Sequence[Receipt] = ()
    partitions: frozenset[int] = frozenset()


class Unstorable(Theirs):
    """The database takes no such value."""


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A connection on which nothing waits longer than seconds; psycopg's errors as the house's own."""
    options = "-c statement_timeout=10000 -c idle_in_transaction_session_timeout=10000 -c lock_timeout=8000"
    try:
        with psycopg.connect(
            url, autocommit=True, connect_timeout=2, options=options, keepalives_idle=5, tcp_user_timeout=15_000
        ) as connection:
            yield connection
    except psycopg.Error as error:
        raise PartAway(f"the database: {type(error).__name__}") from error


def write(connection: Connection, work: Work, book: Book, now: int) -> Desk:
    """Takes the work and writes what comes of it, all or nothing."""
    try:
        with connection.transaction():
            _lock(connection, work)
            desk = _load(connection, work, book, now)
            _take(desk, work, now)
            save(connection, desk, work.records, work.receipts, now)
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise Unstorable(type(error).__name__) from error
    return desk


def say(connection: Connection, partitions: Iterable[int], out: Callable[[Sequence[Saying]], None], most: int = 1_000) -> int:
    """Hands the outbox of these partitions to `out` in order and forgets what it took. Returns how many."""
    with connection.transaction():
        rows = connection.execute(
            "SELECT n, partition, patient, body, trace FROM alerting.outbox WHERE partition = ANY(%s) ORDER BY n LIMIT %s FOR UPDATE",
            [list(partitions), most],
        ).fetchall()
        if rows:
            out([Saying(*row[1:]) for row in rows])
            connection.execute("DELETE FROM alerting.outbox WHERE n = ANY(%s)", [[row[0] for row in rows]])
    return len(rows)


def written(connection: Connection, keys: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """(topic, partition) -> the offset after the last record that is in the database, of those that have any."""
    topics, partitions = zip(*keys, strict=True)
    rows = connection.execute(
        "SELECT topic, partition, next_offset FROM alerting.progress"
        " WHERE (topic, partition) IN (SELECT * FROM unnest(%s::text[], %s::int[]))",
        [list(topics), list(partitions)],
    ).fetchall()
    return {(topic, partition): offset for topic, partition, offset in rows}


def due(connection: Connection, partitions: Iterable[int], now: int, most: int = 500) -> list[tuple[int, Tick]]:
    """(partition, tick) of the alerts whose time has come."""
    rows = connection.execute(
        "SELECT partition, id FROM alerting.alert WHERE due_at <= %s AND partition = ANY(%s) ORDER BY due_at LIMIT %s",
        [now, list(partitions), most],
    ).fetchall()
    return [(partition, Tick(alert)) for partition, alert in rows]


def receipts(connection: Connection, partitions: Iterable[int], most: int = 500) -> list[tuple[int, Receipt]]:
    """(partition, receipt) of the pages whose outcome is not on the timeline yet."""
    rows = connection.execute(
        "SELECT partition, id, alert, CASE WHEN seen_at IS NOT NULL THEN 'seen' ELSE state END, channel, person, sent_at,"
        " coalesce(seen_at, delivered_at, sent_at, created_at), error FROM alerting.page"
        " WHERE partition = ANY(%s) AND state <> 'waiting' AND NOT told AND about = '' LIMIT %s",
        [list(partitions), most],
    ).fetchall()
    return [(row[0], Receipt(*row[1:])) for row in rows]


def _lock(connection: Connection, work: Work) -> None:
    partitions = sorted(work.partitions | {record.partition for record in work.records})
    connection.execute("SELECT pg_advisory_xact_lock(%s, p) FROM unnest(%s::int[]) AS p ORDER BY p", [_LOCK_SPACE, partitions])


def _load(connection: Connection, work: Work, book: Book, now: int) -> Desk:
    found = [r.item for r in work.records if isinstance(r.item, Finding)]
    asked = [r.item for r in work.records if isinstance(r.item, Command)]
    rows = connection.execute("SELECT id, alert FROM alerting.finding WHERE id = ANY(%s)", [[f.id for f in found]]).fetchall()
    desk = Desk(book, owner=dict(rows))
    named = {*desk.owner.values(), *(c.alert for c in asked), *(t.alert for t in work.ticks), *(r.alert for r in work.receipts)}
    patients = {*(f.patient for f in found), *(c.patient for c in asked)}
    for case in _cases(connection, named, patients, found):
        desk.keep(case)
    _load_shared(connection, desk, work, found, now)
    causes = [*map(findings.identity, found), *(f"page:{r.page}:{r.state}" for r in work.receipts)]
    desk.seen = {row[0] for row in connection.execute("SELECT cause FROM alerting.event WHERE cause = ANY(%s)", [causes]).fetchall()}
    answered = connection.execute("SELECT id FROM alerting.command WHERE id = ANY(%s)", [[c.id for c in asked]]).fetchall()
    desk.answered = {row[0] for row in answered}
    beds = connection.execute("SELECT id, bed FROM clinical.patient WHERE id = ANY(%s)", [[*patients, *desk.of_patient]]).fetchall()
    desk.beds = dict(beds)
    _load_spent(connection, desk, now)
    _load_floods(connection, desk, found, now)
    pauses = connection.execute("SELECT id, patient, ward, until, reason FROM alerting.pause WHERE until > %s", [now]).fetchall()
    desk.pauses = tuple(Pause(*row) for row in pauses)
    return desk


def _load_shared(connection: Connection, desk: Desk, work: Work, found: Sequence[Finding], now: int) -> None:
    """Who speaks already for a cause of several patients: a gateway's loss, what waited in a ward. Its lock is held to the end, so that
    of two workers the later sees what the earlier paged."""
    silent = [f.subject for f in found if f.alert_class == "technical"]
    if silent:
        rows = connection.execute("SELECT id, gateway FROM clinical.device WHERE id = ANY(%s) AND gateway IS NOT NULL", [silent]).fetchall()
        desk.gateways = dict(rows)
    ticked = [desk.cases[t.alert] for t in work.ticks if t.alert in desk.cases]
    waited = {waited_cause(case, now): (case.alert.ward, case.alert.priority) for case in ticked if case.memory.due_for == "wait"}
    causes = {f"gateway:{gateway}" for gateway in desk.gateways.values()} | {c.memory.cause for c in desk.cases.values()} | waited.keys()
    shared = [cause for cause in causes if cause.startswith(("gateway:", "waited:"))]
    if not shared:
        return
    lock = "SELECT pg_advisory_xact_lock(%s, h) FROM (SELECT DISTINCT hashtext(c) AS h FROM unnest(%s::text[]) c ORDER BY h) x"
    connection.execute(lock, [_SHARED_SPACE, shared])
    rows = connection.execute(
        "SELECT cause, alert FROM alerting.page WHERE cause = ANY(%s) AND created_at > %s AND state IN ('waiting', 'delivered')",
        [shared, now - GROUP_MS],
    ).fetchall()
    desk.spoken = {cause: alert for cause, alert in rows if cause not in waited}
    desk.bundles = {waited[cause]: alert for cause, alert in rows if cause in waited}


def _load_spent(connection: Connection, desk: Desk, now: int) -> None:
    """How much wards and patients were paged lately."""
    wards = connection.execute(
        "SELECT ward, count(*) FILTER (WHERE created_at > %s), count(*) FROM alerting.page WHERE created_at > %s AND about = ''"
        " GROUP BY ward",
        [now - MINUTE_MS, now - HOUR_MS],
    ).fetchall()
    desk.paged, desk.hour = Counter({w: minute for w, minute, _ in wards}), Counter({w: hour for w, _, hour in wards})
    patients = connection.execute(
        "SELECT a.patient, count(*) FROM alerting.page p JOIN alerting.alert a ON a.id = p.alert"
        " WHERE a.patient = ANY(%s) AND p.created_at > %s AND p.about = '' GROUP BY 1",
        [list(desk.of_patient), now - 24 * HOUR_MS],
    ).fetchall()
    desk.day = Counter(dict(patients))


# One that was open again counts as often as it began.
_BEGAN = """
SELECT patient, rule, subject, count(*) FROM alerting.alert LEFT JOIN jsonb_each_text(memory->'began') AS began ON true
WHERE patient = ANY(%(patients)s) AND state = 'closed' AND NOT retrospective
  AND (raised_at > to_timestamp(%(since)s / 1000.0) OR ended_at > to_timestamp(%(since)s / 1000.0) AND began.value::bigint > %(since)s)
GROUP BY 1, 2, 3
"""


def _load_floods(connection: Connection, desk: Desk, found: Sequence[Finding], now: int) -> None:
    """What tells a flood from single alerts: how often a condition began lately, which gateway a device has, what was paged for it."""
    since = connection.execute(_BEGAN, {"patients": list({f.patient for f in found}), "since": now - FLAP_MS}).fetchall()
    desk.starts = Counter({(patient, rule, subject): count for patient, rule, subject, count in since})
    desk.zones = dict(connection.execute("SELECT id, time_zone FROM clinical.ward").fetchall())


def _cases(connection: Connection, named: Iterable[str], patients: Iterable[str], found: Sequence[Finding]) -> list[Case]:
    """The named cases, the open ones of these patients and of the named cases' patients, and those in which what is found may go on."""
    asked = connection.execute("SELECT body::text, memory::text FROM alerting.alert WHERE id = ANY(%s)", [list(named)]).fetchall()
    cases = {case.alert.id: case for case in map(_case, asked)}
    whose = {*patients, *(case.alert.patient for case in cases.values())}
    still = connection.execute(
        "SELECT body::text, memory::text FROM alerting.alert WHERE state <> 'closed' AND patient = ANY(%s)", [list(whose)]
    ).fetchall()
    over = connection.execute(_OVER, [[f.patient for f in found], [f.started_at for f in found]]).fetchall()
    cases |= {case.alert.id: case for case in map(_case, (*still, *over))}
    return sorted(cases.values(), key=lambda one: (one.alert.started_at, one.alert.id))


# That something is over is known within the hour (`clear_s` of the rules is minutes): what began before it was known may go on in it.
_OVER = """
SELECT body::text, memory::text FROM alerting.alert JOIN unnest(%s::text[], %s::bigint[]) AS f (patient, since) USING (patient)
WHERE state = 'closed' AND NOT retrospective AND ended_at > to_timestamp(since / 1000.0) - interval '1 hour'
"""


def _case(row: TupleRow) -> Case:
    return Case(alert=_ALERT.decode(row[0]), memory=_MEMORY.decode(row[1]))


_ALERT = msgspec.json.Decoder(Alert)
_MEMORY = msgspec.json.Decoder(Memory)


def _take(desk: Desk, work: Work, now: int) -> None:
    for record in work.records:
        if isinstance(record.item, Finding):
            findings.take(desk, record.item, now, record.partition)
        elif isinstance(record.item, Command):
            commands.take(desk, record.item, now)
    for receipt in work.receipts:
        clockwork.receipt(desk, receipt, now)
    for tick in work.ticks:
        clockwork.tick(desk, tick, now)
