"""`telemetry.refusal` and `telemetry.link`: an upsert each."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from streams.archive.sift import Noted
from streams.archive.timescale import Session
from vitals.link import Link

_REFUSAL = """INSERT INTO telemetry.refusal AS r
(id, reason, detail, door, source, device, seq, vital, observed_at, payload, traceparent, first_at, last_at, times)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET times = r.times + EXCLUDED.times, last_at = greatest(r.last_at, EXCLUDED.last_at),
    first_at = least(r.first_at, EXCLUDED.first_at), state = CASE r.state WHEN 'requeued' THEN 'open' ELSE r.state END"""
_LINK = """INSERT INTO telemetry.link AS l (device, state, battery, buffered, at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (device) DO UPDATE SET state = EXCLUDED.state, battery = coalesce(EXCLUDED.battery, l.battery), buffered = EXCLUDED.buffered,
    at = EXCLUDED.at
WHERE EXCLUDED.at >= l.at"""
_SEQ_LIMIT = 2**63
_EPOCH = datetime.fromtimestamp(0, UTC)
_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999


def moment(ms: int | None) -> datetime | None:
    """None for what no calendar has (before year 1, after 9999)."""
    return datetime.fromtimestamp(ms / 1000, UTC) if ms is not None and _FIRST_MS <= ms <= _LAST_MS else None


def _text(value: str | None) -> str | None:
    """PostgreSQL has no NUL in text, and no half of a surrogate pair."""
    return None if value is None else value.replace("\0", "\ufffd").encode(errors="replace").decode()


def _within(number: float | None, most: float) -> float | None:
    """None for what no device can have."""
    return number if number is not None and 0 <= number <= most else None


def refusals(session: Session, noted: Iterable[Noted]) -> int:
    """Counts each; the same refusal of the same bytes is one row. How many there were."""
    rows: dict[str, list[Any]] = {}
    count = 0
    for each in noted:
        count += 1
        row = _row(each)
        known = rows.setdefault(row[0], row)
        if known is not row:
            known[-1] += 1
            known[-3], known[-2] = min(known[-3], row[-3]), max(known[-2], row[-2])
    if rows:
        session.many(_REFUSAL, sorted(rows.values(), key=lambda row: str(row[0])))
    return count


def _row(noted: Noted) -> list[Any]:
    r = noted.refusal
    at = moment(r.received_at) or _EPOCH
    seq = r.seq if r.seq is not None and -_SEQ_LIMIT <= r.seq < _SEQ_LIMIT else None
    words = [_text(w) for w in (r.detail, r.door, r.source, r.device)]
    return [
        r.identity(),
        r.reason.value,
        *words,
        seq,
        _text(r.vital),
        moment(r.observed_at),
        r.payload,
        _text(noted.traceparent),
        at,
        at,
        1,
    ]


def links(session: Session, newest: Sequence[Link]) -> int:
    """Keeps the newest state of each device, and of the battery what was said last; how many were given."""
    rows = [(_text(x.device), x.state, _within(x.battery, 1.0), _within(x.buffered, 2**31 - 1), moment(x.at) or _EPOCH) for x in newest]
    if rows:
        session.many(_LINK, rows)
    return len(rows)
