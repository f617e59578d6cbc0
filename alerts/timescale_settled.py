"""Telling pagers that keep incidents of their own what became of an alert, by psycopg: as pages about the page that opened the incident.

Promise: whoever answered here is not called again there. What may still be under way to the pager is let go before it. These are no
pages to a person: neither the timeline nor a budget counts them. An incident of several patients is left to a person: the answer to
one of their alerts is none to the others.
"""

from collections.abc import Iterable, Mapping

import psycopg
from psycopg.rows import TupleRow

from alerts.case import Case

# What became of an alert -> the channels that have a word for it.
CHANNELS: Mapping[str, tuple[str, ...]] = {
    "acknowledged": ("pagerduty", "opsgenie"),
    "resolved": ("pagerduty", "opsgenie", "alertmanager"),
}
UNDER_WAY_MS = 6_000
LIFE_MS = 24 * 3_600_000
_TELL = """
INSERT INTO alerting.page (id, alert, partition, kind, ward, bed, priority, person, channel, address, state, created_at, next_at,
                           expires_at, about, count)
SELECT md5(id || %(kind)s)::uuid::text, alert, partition, %(kind)s, ward, bed, priority, person, channel, address, 'waiting', %(now)s,
       CASE WHEN coalesce(leased_until, 0) > %(now)s THEN %(now)s + %(way)s ELSE %(now)s END, %(now)s + %(life)s, id, count
FROM alerting.page WHERE alert = ANY(%(alerts)s) AND about = '' AND attempts > 0 AND channel = ANY(%(channels)s)
  AND (cause = '' OR count = 1)
ON CONFLICT DO NOTHING
"""


def tell(cursor: psycopg.Cursor[TupleRow], silenced: Iterable[Case], now: int) -> None:
    """Writes what the pagers of these alerts are to be told, inside the caller's transaction."""
    became: dict[str, list[str]] = {}
    for case in silenced:
        became.setdefault("resolved" if case.alert.state == "closed" else "acknowledged", []).append(case.alert.id)
    for kind, alerts in became.items():
        facts = {"kind": kind, "alerts": alerts, "channels": list(CHANNELS[kind]), "now": now, "way": UNDER_WAY_MS, "life": LIFE_MS}
        cursor.execute(_TELL, facts)
