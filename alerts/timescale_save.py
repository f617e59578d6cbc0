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
from alerts.desk import SILENT, Answer, Desk, Page
from alerts.timescale_settled import tell
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
        for speaker, more in desk.joined.items():  # before what is cancelled: a page for several is not its alert's to withdraw
            cursor.execute("UPDATE alerting.page SET count = count + %s WHERE alert = %s AND state = 'waiting'", [more, speaker])
        if desk.silenced:
            _cancel(cursor, desk)
            tell(cursor, [desk.cases[alert] for alert in desk.silenced], now)
        if desk.pages:
            _save_pages(cursor, desk.pages)
        if receipts:
            cursor.execute(_TOLD, [[r.page for r in receipts], [r.state for r in receipts]])
        _answer(cursor, desk.answers, now)
        _progress(cursor, records)


# A page for several alerts of one patient (no cause of several patients) is withdrawn once none of them wants anybody.
_CANCEL = """
UPDATE alerting.page SET state = 'cancelled' WHERE state = 'waiting' AND about = '' AND (count = 1 AND alert = ANY(%(silenced)s)
    OR count > 1 AND cause = '' AND alert = ANY(%(speakers)s) AND NOT EXISTS (
        SELECT FROM alerting.alert AS speaker JOIN alerting.alert AS one USING (patient)
        WHERE speaker.id = page.alert AND one.state <> ALL(%(silent)s) AND speaker.id IN (one.id, one.memory->>'joined')))
"""
# Only what the timeline was told: what became of the page meanwhile is still to be told.
_TOLD = """
UPDATE alerting.page SET told = true FROM unnest(%s::text[], %s::text[]) AS r (page, state)
WHERE id = r.page AND CASE WHEN seen_at IS NOT NULL THEN 'seen' ELSE page.state END = r.state
"""
# Rows go as one JSON text: psycopg would escape every quote of every document in an array of texts, in Python.
_EVENTS = """
INSERT INTO alerting.event (alert, version, at, kind, actor, cause, body)
SELECT alert, version, to_timestamp(at / 1000.0), kind, actor, cause, body
FROM json_to_recordset(%s::json) AS x(alert text, version int, at bigint, kind text, actor text, cause text, body jsonb)
"""
_ALERTS = """
INSERT INTO alerting.alert (id, version, patient, ward, class, priority, state, rule, subject, started_at, ended_at, raised_at, closed_at,
                            retrospective, partition, due_at, body, memory)
SELECT b->>'id', (b->>'version')::int, b->>'patient', b->>'ward', b->>'class', b->>'priority', b->>'state', b->>'rule', b->>'subject',
       to_timestamp((b->>'started_at')::bigint / 1000.0), to_timestamp((b->>'ended_at')::bigint / 1000.0), to_timestamp(raised / 1000.0),
       CASE WHEN b->>'state' = 'closed' THEN now() END, (b->>'retrospective')::bool, partition, due, b, memory
FROM json_to_recordset(%s::json) AS x(raised bigint, partition int, due bigint, b jsonb, memory jsonb)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, ward = excluded.ward, priority = excluded.priority, state = excluded.state,
    started_at = excluded.started_at, ended_at = excluded.ended_at,
    closed_at = CASE WHEN excluded.state = 'closed' THEN coalesce(alerting.alert.closed_at, now()) END,
    retrospective = excluded.retrospective, due_at = excluded.due_at, body = excluded.body, memory = excluded.memory
"""
_OUTBOX = """
INSERT INTO alerting.outbox (partition, patient, body, trace)
SELECT partition, patient, convert_to(body::text, 'UTF8'), convert_to(trace, 'UTF8')
FROM json_to_recordset(%s::json) AS x(n int, partition int, patient text, body json, trace text) ORDER BY n
"""


def _cancel(cursor: psycopg.Cursor[TupleRow], desk: Desk) -> None:
    joined = {desk.cases[alert].memory.joined for alert in desk.silenced}
    speakers = [*desk.silenced, *filter(None, joined)]
    cursor.execute(_CANCEL, {"silenced": list(desk.silenced), "speakers": speakers, "silent": list(SILENT)})


def _save_changes(cursor: psycopg.Cursor[TupleRow], desk: Desk, traces: dict[str, bytes | None]) -> None:
    alerts = [msgspec.Raw(alert_bytes(change.case.alert)) for change in desk.changes]
    newest = {change.case.alert.id: (change.case, body) for change, body in zip(desk.changes, alerts, strict=True)}
    said = [
        {
            "n": n, "partition": change.case.memory.partition, "patient": change.case.alert.patient, "body": body,
            "trace": (traces.get(change.case.alert.patient) or b"").decode("ascii", "replace") or None,
        }
        for n, (change, body) in enumerate(zip(desk.changes, alerts, strict=True))
    ]  # fmt: skip
    cursor.execute(_EVENTS, [_text([_event_row(change) for change in desk.changes])])
    cursor.execute(_ALERTS, [_text([_alert_row(case, body) for case, body in newest.values()])])
    cursor.execute(_OUTBOX, [_text(said)])


def _event_row(change: Change) -> dict[str, object]:
    alert = change.case.alert
    return {
        "alert": alert.id, "version": alert.version, "at": change.at, "kind": change.kind, "actor": change.actor, "cause": change.cause,
        "body": change.body,
    }  # fmt: skip


def _alert_row(case: Case, body: msgspec.Raw) -> dict[str, object]:
    raised = case.alert.delays.raised or case.alert.started_at
    return {"raised": raised, "partition": case.memory.partition, "due": case.memory.due_at, "b": body, "memory": case.memory}


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
