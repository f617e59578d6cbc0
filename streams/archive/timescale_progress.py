"""How far the archive has come in Kafka, in the same transactions as what it stored; and the small numbers of patients and devices."""

from collections.abc import Collection, Iterable, Mapping
from typing import Literal

from streams.archive.timescale import Session

_STORED = """SELECT partition, next_offset FROM telemetry.progress
WHERE reader = %s AND topic = %s AND partition = ANY(%s) ORDER BY 1 FOR UPDATE"""
_ADVANCE = """INSERT INTO telemetry.progress (reader, topic, partition, next_offset)
SELECT %s, %s, * FROM unnest(%s::int[], %s::bigint[])
ON CONFLICT (reader, topic, partition) DO UPDATE SET next_offset = EXCLUDED.next_offset"""


def stored(session: Session, reader: str, topic: str, partitions: Collection[int]) -> dict[int, int]:
    """partition -> next offset, 0 for one never seen.

    Locks these rows: another process that still works on the partition waits, then sees ours.
    """
    session.run(
        "INSERT INTO telemetry.progress SELECT %s, %s, unnest(%s::int[]), 0 ON CONFLICT DO NOTHING",
        (reader, topic, sorted(partitions)),
    )
    found = session.rows(_STORED, (reader, topic, sorted(partitions)))
    return dict(found)


def advance(session: Session, reader: str, topic: str, next_offsets: Mapping[int, int]) -> None:
    """Sets where each partition stands."""
    session.run(_ADVANCE, (reader, topic, list(next_offsets), list(next_offsets.values())))


class Directory:
    """Text id -> small number, kept once found; what is not found is asked for again the next time."""

    def __init__(self, table: Literal["patient", "device"]) -> None:
        self._sql = f"SELECT id, no FROM clinical.{table} WHERE id = ANY(%s)"  # noqa: S608 - one of two words, above
        self._known: dict[str, int] = {}

    def numbers(self, session: Session, ids: Iterable[str]) -> Mapping[str, int]:
        """Everything known, after one query for those of `ids` that are not."""
        missing = [i for i in set(ids) if i not in self._known and "\0" not in i]
        if missing:
            self._known.update((str(i), int(no)) for i, no in session.rows(self._sql, (missing,)))
        return self._known
