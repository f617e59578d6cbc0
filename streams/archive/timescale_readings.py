"""`telemetry.reading` and its ledger: rows in, by COPY; what is known of a device, out."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

from streams.archive.ledger import Runs
from streams.archive.pgcopy import COLUMNS
from streams.archive.rows import Touched
from streams.archive.timescale import Session

_NAMES = ", ".join(COLUMNS)
_COPY = f"COPY telemetry.reading ({_NAMES}) FROM STDIN (FORMAT BINARY)"
_STAGE = "CREATE TEMPORARY TABLE IF NOT EXISTS staged (LIKE telemetry.reading INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
_COPY_STAGED = f"COPY staged ({_NAMES}) FROM STDIN (FORMAT BINARY)"
_UNSTAGE = f"""WITH stored AS (
    INSERT INTO telemetry.reading ({_NAMES}) SELECT {_NAMES} FROM staged ON CONFLICT DO NOTHING RETURNING device_no, seq
) SELECT device_no, seq, count(*)::int FROM stored GROUP BY 1, 2"""  # noqa: S608 - the names are constants of this project
_SEEN = """SELECT device_no, lower(run), upper(run) - 1 FROM (
    SELECT device_no, unnest(seqs) AS run FROM telemetry.seen WHERE device_no = ANY(%(devices)s)
    UNION ALL
    SELECT u.device_no, int8range(u.low, u.high, '[]') FROM telemetry.seen_recent, unnest(devices, lows, highs) AS u (device_no, low, high)
    WHERE u.device_no = ANY(%(devices)s)
) AS runs ORDER BY 1, 2"""
_FOLD = """WITH taken AS (
    DELETE FROM telemetry.seen_recent WHERE id IN (SELECT id FROM telemetry.seen_recent ORDER BY id LIMIT 1000)
    RETURNING partition, devices, lows, highs
), runs AS (
    SELECT u.device_no, partition, range_agg(int8range(u.low, u.high, '[]')) AS seqs
    FROM taken, unnest(devices, lows, highs) AS u (device_no, low, high) GROUP BY 1, 2
)
INSERT INTO telemetry.seen AS s (device_no, partition, seqs) SELECT device_no, partition, seqs FROM runs
ON CONFLICT (device_no, partition) DO UPDATE SET seqs = s.seqs + EXCLUDED.seqs"""


def copy(session: Session, stream: bytes) -> None:
    """The fast way. Raises Conflict (through the transaction) where one row is there already."""
    session.copy(_COPY, stream)


def stage(session: Session, stream: bytes) -> dict[tuple[int, int], int]:
    """The way for rows of which some may be there already: (device_no, seq) -> rows that were new."""
    session.run(_STAGE)
    session.copy(_COPY_STAGED, stream)
    return {(device, seq): n for device, seq, n in session.rows(_UNSTAGE)}


def seen(session: Session, devices: Sequence[int]) -> Mapping[int, list[tuple[int, int]]]:
    """device -> the runs of numbers stored, both ends inclusive."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for device, low, high in session.rows(_SEEN, {"devices": list(devices)}):
        found[device].append((low, high))
    return found


def note_runs(session: Session, partition: int, runs: Runs) -> None:
    """Adds to the ledger; cheap, since one row holds them all until the next `fold`."""
    session.run(
        "INSERT INTO telemetry.seen_recent (partition, devices, lows, highs) VALUES (%s, %s, %s, %s)",
        (partition, runs.devices.tolist(), runs.lows.tolist(), runs.highs.tolist()),
    )


def note_touched(session: Session, step: Literal["1m", "1h"], touched: Touched) -> None:
    """Roll-up buckets to be computed again."""
    session.run(
        "INSERT INTO telemetry.rollup_todo (step, patients, buckets, vitals) VALUES (%s, %s, %s, %s)",
        (step, touched.patients.tolist(), touched.buckets.tolist(), touched.vitals.tolist()),
    )


def fold(session: Session) -> int:
    """Moves what was added into the ledger proper; how many (device, partition) changed. One process at a time; others do nothing."""
    with session.transaction():
        if not session.rows("SELECT pg_try_advisory_xact_lock(hashtext('telemetry.seen'))")[0][0]:
            return 0
        return session.run(_FOLD)
