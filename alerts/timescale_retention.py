"""Forgetting closed alerts, by psycopg: a few at a time, under the lock of their partition, so that nothing waits for it.

Audit and readings are others' and stay. Findings are kept by Kafka for 30 days: an alert forgotten sooner could be raised again by a
repeat, which is why no shorter time can be chosen.
"""

import psycopg
from psycopg.rows import TupleRow

BATCH = 200
DAY_MS = 86_400_000
FEWEST_DAYS = 31


def keep_days(text: str) -> int:
    """Days; 0 = for ever."""
    if not text.isascii() or not text.isdigit() or 0 < int(text) < FEWEST_DAYS:
        raise ValueError(f"expected days, 0 (for ever) or at least {FEWEST_DAYS}: Kafka keeps findings for 30")
    return int(text)


def forget(connection: psycopg.Connection[TupleRow], partition: int, before: int, most: int = BATCH) -> int:
    """Forgets the oldest of a partition's alerts that were closed before this time (ms). Returns how many."""
    row = connection.execute("SELECT alerting.forget(%s, to_timestamp(%s / 1000.0), %s)", [partition, before, most]).fetchone()
    return int(row[0]) if row else 0
