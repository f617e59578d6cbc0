"""Alerts in the order that FHIR's search for DetectedIssue pages through: what began last comes first.

In: a search and the caller's reach. Out: a page of rows as `api.alerts` shows them, each with `changed_at`. Dropped: alerts that are of
no patient, for a DetectedIssue is about one.
"""

from datetime import datetime
from typing import Any

from dashboard_api import cursor
from dashboard_api.api.alerts import shown
from dashboard_api.api.patients import within
from dashboard_api.fhir.search import Search
from dashboard_api.route import Call
from dashboard_api.timescale import Row

_PAGE = """SELECT a.id, a.started_at, a.body, e.changed_at FROM alerting.alert a JOIN clinical.patient p ON p.id = a.patient
CROSS JOIN LATERAL (SELECT coalesce(max(at), a.raised_at) AS changed_at FROM alerting.event WHERE alert = a.id) e
WHERE (%(everyone)s OR p.ward = ANY(%(wards)s) OR p.id = ANY(%(patients)s))
  AND (%(patient)s::text IS NULL OR a.patient = %(patient)s) AND (a.ward <> %(canary)s OR %(patient)s::text IS NOT NULL)
  AND (%(codes)s::text[] = '{}' OR a.rule = ANY(%(codes)s)) AND a.started_at >= %(since)s AND a.started_at < %(to)s
  AND e.changed_at >= %(stored_since)s AND e.changed_at < %(stored_to)s
  AND (%(before)s::timestamptz IS NULL OR (a.started_at, a.id) < (%(before)s, %(before_id)s))
ORDER BY a.started_at DESC, a.id DESC LIMIT %(n)s"""
_CHANGED = "SELECT max(at) AS changed_at FROM alerting.event WHERE alert = %s"


async def page_of(call: Call, search: Search) -> tuple[list[dict[str, Any]], str | None]:
    """One page, and the cursor after it."""
    before: tuple[datetime | None, str] = cursor.decode(search.cursor, tuple[datetime, str]) if search.cursor else (None, "")
    facts = {
        "patient": search.patient, "codes": sorted(search.codes), "since": search.since, "to": search.to, "before": before[0],
        "before_id": before[1], "stored_since": search.stored_since, "stored_to": search.stored_to, "n": search.count + 1,
    }  # fmt: skip
    rows: list[Row] = await call.site.database.rows(_PAGE, within(call) | facts) if search.count else []
    page, following = cursor.page(rows, search.count, "started_at", "id")
    return [shown(row["body"]) | {"changed_at": row["changed_at"]} for row in page], following


async def changed_at(call: Call, alert: str) -> datetime | None:
    """When the alert last changed."""
    row = await call.site.database.row(_CHANGED, [alert])
    return row["changed_at"] if row else None
