"""Readings in the order that FHIR's searches page through: newest first, a pressure's two halves as one row."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from dashboard_api import cursor
from dashboard_api.api.scores import milliseconds
from dashboard_api.fhir.resources import DBP, SBP, identity
from dashboard_api.fhir.search import Search
from dashboard_api.timescale import Database, Row
from vitals.registry import BY_NAME, VITALS

_ID = re.compile(r"([a-z0-9-]{1,12})\.(\d{1,10})\.(\d{1,14})\.(\d{1,10})\.(\d{1,19})\Z")
_LARGEST_NO, _LARGEST_SEQ = 2**31 - 1, 2**63 - 1

# Each vital brings its newest rows from the index; the halves of a pressure are joined afterwards. Twice as many rows as asked for
# are enough, since at most two make one.
_PAGE = """
SELECT g.*, d.id AS device, %(no)s::int AS patient_no FROM (
  SELECT CASE WHEN vital = %(dbp)s THEN %(sbp)s ELSE vital END AS kind, observed_at, device_no, seq, max(received_at) AS received_at,
         max(value) FILTER (WHERE vital <> %(dbp)s) AS value, max(value) FILTER (WHERE vital = %(dbp)s) AS second
  FROM unnest(%(vitals)s::smallint[]) v(vital) CROSS JOIN LATERAL (
    SELECT observed_at, device_no, seq, value, received_at FROM telemetry.reading
    WHERE patient_no = %(no)s AND vital = v.vital AND observed_at >= %(since)s AND observed_at < %(to)s
      AND (%(at)s::timestamptz IS NULL OR observed_at <= %(at)s)
      AND (%(any_store)s OR received_at >= %(stored_since)s AND received_at < %(stored_to)s)
    ORDER BY observed_at DESC LIMIT %(rows)s) r
  GROUP BY 1, 2, 3, 4) g
JOIN clinical.device d ON d.no = g.device_no
WHERE %(at)s::timestamptz IS NULL OR (g.observed_at, -g.kind, -g.device_no, -g.seq) < (%(at)s, -%(kind)s::int, -%(device)s::int,
-%(seq)s::bigint)
ORDER BY g.observed_at DESC, g.kind, g.device_no, g.seq LIMIT %(n)s"""
_LAST = """
SELECT * FROM (
  SELECT g.*, d.id AS device, %(no)s::int AS patient_no,
         row_number() OVER (PARTITION BY g.kind ORDER BY g.observed_at DESC, g.device_no, g.seq) AS place
  FROM (
    SELECT CASE WHEN vital = %(dbp)s THEN %(sbp)s ELSE vital END AS kind, observed_at, device_no, seq, max(received_at) AS received_at,
           max(value) FILTER (WHERE vital <> %(dbp)s) AS value, max(value) FILTER (WHERE vital = %(dbp)s) AS second
    FROM unnest(%(vitals)s::smallint[]) v(vital) CROSS JOIN LATERAL (
      SELECT observed_at, device_no, seq, value, received_at FROM telemetry.reading
      WHERE patient_no = %(no)s AND vital = v.vital AND observed_at >= %(since)s AND observed_at < %(to)s
      ORDER BY observed_at DESC LIMIT %(most)s) r
    GROUP BY 1, 2, 3, 4) g
  JOIN clinical.device d ON d.no = g.device_no) ranked
WHERE place <= %(most)s ORDER BY kind, place"""
_ONE = """
SELECT %(kind)s::int AS kind, r.observed_at, r.device_no, r.seq, max(r.received_at) AS received_at, p.id AS patient, p.ward, p.no AS
patient_no,
       d.id AS device, max(r.value) FILTER (WHERE r.vital <> %(dbp)s OR %(kind)s = %(dbp)s) AS value,
       max(r.value) FILTER (WHERE r.vital = %(dbp)s) AS second
FROM telemetry.reading r JOIN clinical.patient p ON p.no = r.patient_no JOIN clinical.device d ON d.no = r.device_no
WHERE r.patient_no = %(no)s AND r.vital = ANY(%(vitals)s) AND r.observed_at >= %(since)s AND r.observed_at < %(to)s
  AND r.device_no = %(device)s AND r.seq = %(seq)s
GROUP BY r.observed_at, r.device_no, r.seq, p.id, p.ward, p.no, d.id LIMIT 1"""
_NEWEST = """
SELECT v.vital, r.* FROM unnest(%(vitals)s::smallint[]) v(vital) CROSS JOIN LATERAL (
  SELECT observed_at, device_no, seq, value FROM telemetry.reading
  WHERE patient_no = %(no)s AND vital = v.vital AND observed_at <= %(at)s AND observed_at > %(since)s AND value IS NOT NULL
  ORDER BY observed_at DESC LIMIT 1) r"""


class Newest(NamedTuple):
    """A reading: the logical id of its Observation, its value, when it was observed (ms)."""

    id: str
    value: float
    at: int


async def page_of(
    database: Database, patient_no: int, search: Search, place: tuple[datetime, int, int, int] | None, room: int
) -> tuple[list[Row], str | None]:
    """One page of at most `room`, and the cursor after it: of a page that something else fills, the beginning."""
    if not search.vitals or search.count == 0:
        return [], None
    if room == 0:
        return [], cursor.encode(search.to, 0, 0, 0)
    at, kind, device, seq = place or (None, 0, 0, 0)
    facts = {
        "no": patient_no, "vitals": sorted(search.vitals), "since": search.since, "to": search.to, "sbp": SBP, "dbp": DBP, "at": at,
        "kind": kind,
        "device": device, "seq": seq, "rows": 2 * room + 16, "n": room + 1, "any_store": search.any_store,
        "stored_since": search.stored_since, "stored_to": search.stored_to,
    }  # fmt: skip
    rows = await database.rows(_PAGE, facts)
    page, following = cursor.page(rows, room, "observed_at", "kind", "device_no", "seq")
    return list(page), following


async def last_of(database: Database, patient_no: int, search: Search, most: int) -> list[Row]:
    """The newest `most` of each kind, kind by kind, newest first."""
    if not search.vitals:
        return []
    facts = {
        "no": patient_no,
        "vitals": sorted(search.vitals),
        "since": search.since,
        "to": search.to,
        "sbp": SBP,
        "dbp": DBP,
        "most": most,
    }
    return await database.rows(_LAST, facts)


async def found_by_id(database: Database, text: str) -> Row | None:
    """The reading that a logical id names."""
    found = _ID.match(text)
    name = found[1].replace("-", "_") if found else ""
    if found is None or (name != "bp" and name not in BY_NAME):
        return None
    if max(int(found[2]), int(found[4])) > _LARGEST_NO or int(found[5]) > _LARGEST_SEQ:
        return None
    kind = SBP if name == "bp" else BY_NAME[name].index
    at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(found[3]))
    facts = {
        "kind": kind, "dbp": DBP, "no": int(found[2]), "vitals": [SBP, DBP] if name == "bp" else [kind], "since": at,
        "to": at + timedelta(milliseconds=1), "device": int(found[4]), "seq": int(found[5]),
    }  # fmt: skip
    return await database.row(_ONE, facts)


async def newest_of(database: Database, patient_no: int, at: datetime) -> dict[str, Newest]:
    """Vital -> the newest reading with a value, of the week before `at`."""
    facts = {"no": patient_no, "vitals": [v.index for v in VITALS], "at": at, "since": at - timedelta(days=7)}
    return {VITALS[row["vital"]].name: _newest(patient_no, row) for row in await database.rows(_NEWEST, facts)}


def _newest(patient_no: int, row: Row) -> Newest:
    name = "bp" if row["vital"] in (SBP, DBP) else VITALS[row["vital"]].name
    at = row["observed_at"]
    return Newest(identity(name, patient_no, at, row["device_no"], row["seq"]), row["value"], milliseconds(at))
