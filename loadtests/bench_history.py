"""History: one patient and vital with 30 days at 1 Hz stored, asked over HTTP at every resolution that a screen gets.

In: a real database and Kafka, `dashboard_api.http_main` in a process of its own. Out: the time from the request to the whole answer (p50,
p99 of REQUESTS, one after another on one connection), and the points that came. `chosen`: 30 days, the server chooses; the others
ask for the longest span whose points fit, at the far end of the 30 days, where nothing is warm.
"""

import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import psycopg

from loadtests import doors
from loadtests.bench import Parts
from loadtests.figure import Figure
from vitals import registry

NAME = "history"
DAYS, REQUESTS, WARM = 30, 200, 5
PATIENT = "00000000-0000-4000-8000-000000000001"
SPANS = {"chosen": timedelta(days=DAYS), "5m": timedelta(days=17), "1m": timedelta(hours=83), "raw": timedelta(minutes=83)}
_STORED = (
    """INSERT INTO telemetry.reading (patient_no, vital, observed_at, device_no, seq, value, received_at)
       SELECT 1, %(vital)s, t, 1, row_number() OVER (), 70 + 10 * random(), t
       FROM generate_series(%(since)s::timestamptz, %(to)s::timestamptz - interval '1 s', interval '1 s') t""",
    """INSERT INTO telemetry.rollup_1m SELECT 1, %(vital)s, t, 60, 60 + random(), 90 + random(), 4200 + random(), 70 + random(), t
       FROM generate_series(%(since)s::timestamptz, %(to)s::timestamptz - interval '1 s', interval '1 min') t""",
    """INSERT INTO telemetry.rollup_1h SELECT 1, %(vital)s, t, 3600, 60 + random(), 90 + random(), 252000 + random(), 70 + random(), t
       FROM generate_series(%(since)s::timestamptz, %(to)s::timestamptz - interval '1 s', interval '1 h') t""",
)


def run(parts: Parts) -> Iterable[Figure]:
    """Every span, one after another."""
    to = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    since = to - timedelta(days=DAYS)
    with parts.fresh_database() as database, parts.fresh_topics() as prefix, tempfile.TemporaryDirectory() as folder:
        stored(database, since, to)
        token = doors.account(database)
        with doors.api(parts, database, prefix, Path(folder)) as address:
            for name, span in SPANS.items():
                yield from measured(name, address, token, (since, since + span))


def stored(database: str, since: datetime, to: datetime) -> None:
    """The readings, and the roll-ups that the archive's jobs would have made of them."""
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO clinical.ward (id, name) VALUES ('bench', 'Bench')")
        connection.execute("INSERT INTO clinical.patient (id, no, ward) OVERRIDING SYSTEM VALUE VALUES (%s, 1, 'bench')", [PATIENT])
        for sql in _STORED:
            connection.execute(sql, {"vital": registry.index("hr"), "since": since, "to": to})
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")


def measured(name: str, address: str, token: str, span: tuple[datetime, datetime]) -> Iterator[Figure]:
    """REQUESTS of one span, a few before them not counted."""
    query = {"vital": "hr", "from": span[0].isoformat(), "to": span[1].isoformat()} | ({} if name == "chosen" else {"resolution": name})
    took = []
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        for _ in range(WARM + REQUESTS):
            began = time.perf_counter()
            answer = client.get(f"/api/v1/patients/{PATIENT}/vitals", params=query)
            took.append((time.perf_counter() - began) * 1000)
            answer.raise_for_status()
    history = answer.json()
    p50, p99 = np.percentile(took[WARM:], [50, 99])
    yield Figure(f"history: {name} ({history['resolution']}), p50", float(p50), "ms")
    yield Figure(f"history: {name} ({history['resolution']}), p99", float(p99), "ms")
    yield Figure(f"history: {name} ({history['resolution']}), points", float(len(history["series"][0]["points"])), "points")
