"""Telling pagers that keep incidents of their own what became of an alert, by psycopg: as pages about the page that opened the incident.

Promise: whoever answered here is not called again there. What may still be under way to the pager is let go before it. These are no
pages to a person: neither the timeline nor a budget counts them. An incident of several patients is left to a person: the answer to
one of their alerts is none to the others. A page that still goes out for others comes first: its receipt brings the alert here again.
"""

from collections.abc import Iterable, Mapping

import psycopg
from psycopg.rows import TupleRow

from alerts.case import Case
from alerts.timescale_pages import TRIES_BEFORE_FALLBACK

# What became of an alert -> the channels that have a word for it.
CHANNELS: Mapping[str, tuple[str, ...]] = {
    "acknowledged": ("pagerduty", "opsgenie"),
    "resolved": ("pagerduty", "opsgenie", "alertmanager"),
}
UNDER_WAY_MS = 6_000
LIFE_MS = 24 * 3_600_000
# `given`: who may have the page: its contact now, and, where it was tried often enough to have gone on, those that it may have gone on from
# (one that did not answer may have taken it all the same; one that never had it does not know the key).
_TELL = """
INSERT INTO alerting.page (id, alert, partition, kind, ward, bed, priority, person, channel, address, state, created_at, next_at,
                           expires_at, about, count)
SELECT md5(concat_ws(' ', id, %(kind)s::text, given.channel, given.address))::uuid::text, alert, partition, %(kind)s, ward, bed, priority,
       person, given.channel, given.address, 'waiting', %(now)s,
       CASE WHEN coalesce(leased_until, 0) > %(now)s THEN %(now)s + %(way)s ELSE %(now)s END, %(now)s + %(life)s, id, count
FROM alerting.page CROSS JOIN LATERAL (
    SELECT page.channel, page.address
    UNION SELECT c->>0, c->>1 FROM jsonb_array_elements(page.fallback) AS c WHERE attempts >= %(tries)s) AS given
WHERE alert = ANY(%(alerts)s) AND about = '' AND attempts > 0 AND given.channel = ANY(%(channels)s) AND (cause = '' OR count = 1)
    AND state <> 'waiting'
ON CONFLICT DO NOTHING
"""


def tell(cursor: psycopg.Cursor[TupleRow], silenced: Iterable[Case], now: int) -> None:
    """Writes what the pagers of these alerts are to be told, inside the caller's transaction."""
    became: dict[str, list[str]] = {}
    for case in silenced:
        became.setdefault("resolved" if case.alert.state == "closed" else "acknowledged", []).append(case.alert.id)
    for kind, alerts in became.items():
        times = {"now": now, "way": UNDER_WAY_MS, "life": LIFE_MS, "tries": TRIES_BEFORE_FALLBACK}
        cursor.execute(_TELL, {"kind": kind, "alerts": alerts, "channels": list(CHANNELS[kind]), **times})
