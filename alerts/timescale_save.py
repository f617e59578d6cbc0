"""How a desk is written to schema `alerting`, by psycopg: a few statements a batch, whatever its size.

In: a desk, inside the caller's transaction. Out: events, the projection, outbox, pages, answers (NOTIFY `vigil_command`), progress.
"""

from collections.abc import Iterable, Sequence

import msgspec
import psycopg
from psycopg.rows import TupleRow

from alerts.backlog import Record
from alerts.case import Case, Change
from alerts.clockwork import Receipt
from alerts.desk import Answer, Desk, Page
from alerts.wire import alert as alert_bytes

Connection = psycopg.Connection[TupleRow]


def save(connection: Connection, desk: Desk, records: Sequence[Record], receipts: Sequence[Receipt], now: int) -> None:
    """Writes all that the desk gathered, inside the caller's transaction."""
    traces = {r.item.patient: r.trace for r in records if r.item is not None}
    with connection.pipeline(), connection.cursor() as cursor:
        if desk.changes:
            _save_changes(cursor, desk, traces)
        if desk.adopted:
            pairs = [list(desk.adopted), list(desk.adopted.values())]
            cursor.execute("INSERT INTO alerting.finding SELECT * FROM unnest(%s::text[], %s::text[]) ON CONFLICT DO NOTHING", pairs)
        if desk.silenced:
            cancel = "UPDATE alerting.page SET state = 'cancelled' WHERE state = 'waiting' AND alert = ANY(%s)"
            cursor.execute(cancel, [list(desk.silenced)])
        if desk.pages:
            _save_pages(cursor, desk.pages)
        if receipts:
            cursor.execute("UPDATE alerting.page SET told = true WHERE id = ANY(%s)", [[r.page for r in receipts]])
        _answer(cursor, desk.answers, now)
        _progress(cursor, records)


def _save_changes(cursor: psycopg.Cursor[TupleRow], desk: Desk, traces: dict[str, bytes | None]) -> None:
    cursor.execute(
        "INSERT INTO alerting.event (alert, version, at, kind, actor, cause, body)"
        " SELECT a, v, to_timestamp(t / 1000.0), k, w, c, b::jsonb FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::text[],"
        " %s::text[], %s::text[], %s::text[]) AS x(a, v, t, k, w, c, b)",
        [list(column) for column in zip(*map(_event_row, desk.changes), strict=True)],
    )
    newest = {change.case.alert.id: change.case for change in desk.changes}
    cursor.execute(_UPSERT, [list(column) for column in zip(*map(_alert_row, newest.values()), strict=True)])
    cursor.execute(
        "INSERT INTO alerting.outbox (partition, patient, body, trace)"
        " SELECT * FROM unnest(%s::int[], %s::text[], %s::bytea[], %s::bytea[])",
        [
            [change.case.memory.partition for change in desk.changes],
            [change.case.alert.patient for change in desk.changes],
            [alert_bytes(change.case.alert) for change in desk.changes],
            [traces.get(change.case.alert.patient) for change in desk.changes],
        ],
    )


def _event_row(change: Change) -> tuple[object, ...]:
    alert = change.case.alert
    return alert.id, alert.version, change.at, change.kind, change.actor, change.cause, _text(change.body)


_UPSERT = """
INSERT INTO alerting.alert (id, version, patient, ward, class, priority, state, rule, subject, started_at, ended_at, raised_at, closed_at,
                            retrospective, partition, due_at, body, memory)
SELECT i, v, p, w, c, y, s, r, u, to_timestamp(t0 / 1000.0), to_timestamp(t1 / 1000.0), to_timestamp(t2 / 1000.0),
       CASE WHEN s = 'closed' THEN now() END, h, n, d, b::jsonb, m::jsonb
FROM unnest(%s::text[], %s::int[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[],
            %s::bigint[], %s::bigint[], %s::bool[], %s::int[], %s::bigint[], %s::text[], %s::text[])
     AS x(i, v, p, w, c, y, s, r, u, t0, t1, t2, h, n, d, b, m)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, priority = excluded.priority, state = excluded.state,
    ended_at = excluded.ended_at, closed_at = CASE WHEN excluded.state = 'closed' THEN coalesce(alerting.alert.closed_at, now()) END,
    due_at = excluded.due_at, body = excluded.body, memory = excluded.memory
"""


def _alert_row(case: Case) -> tuple[object, ...]:
    alert, memory = case.alert, case.memory
    return (
        alert.id, alert.version, alert.patient, alert.ward, alert.alert_class, alert.priority, alert.state, alert.rule, alert.subject,
        alert.started_at, alert.ended_at, alert.delays.raised or alert.started_at, alert.retrospective, memory.partition, memory.due_at,
        _text(alert), _text(memory),
    )  # fmt: skip


def _save_pages(cursor: psycopg.Cursor[TupleRow], pages: Iterable[Page]) -> None:
    cursor.execute(
        "INSERT INTO alerting.page (id, alert, partition, kind, ward, bed, priority, person, channel, address, fallback, created_at,"
        " next_at, expires_at, cause, count) SELECT i, a, n, k, w, b, y, p, c, d, f::jsonb, t, t, e, z, g"
        " FROM unnest(%s::text[], %s::text[], %s::int[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],"
        " %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[],"
        " %s::text[], %s::int[]) AS x(i, a, n, k, w, b, y, p, c, d, f, t, e, z, g) ON CONFLICT DO NOTHING",
        [list(column) for column in zip(*map(_page_row, pages), strict=True)],
    )


def _page_row(page: Page) -> tuple[object, ...]:
    fallback = _text([[one.channel, one.address] for one in page.fallback])
    return (
        page.id, page.alert, page.partition, page.kind, page.ward, page.bed, page.priority, page.person, page.channel, page.address,
        fallback, page.created_at, page.expires_at, page.cause, page.count,
    )  # fmt: skip


def _answer(cursor: psycopg.Cursor[TupleRow], answers: Iterable[Answer], now: int) -> None:
    for one in answers:
        cursor.execute(
            "INSERT INTO alerting.command (id, alert, accepted, reason, at) VALUES (%s, %s, %s, %s, to_timestamp(%s / 1000.0))",
            [one.command, one.alert, one.accepted, one.reason, now],
        )
        cursor.execute("SELECT pg_notify('vigil_command', %s)", [one.command])


def _progress(cursor: psycopg.Cursor[TupleRow], records: Iterable[Record]) -> None:
    for (topic, partition), offset in next_offsets(records).items():
        cursor.execute(
            "INSERT INTO alerting.progress VALUES (%s, %s, %s)"
            " ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset",
            [topic, partition, offset],
        )


def next_offsets(records: Iterable[Record]) -> dict[tuple[str, int], int]:
    """(topic, partition) -> the offset after the last of these."""
    return {(record.topic, record.partition): record.offset + 1 for record in records}


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
