"""What became of a device's readings, counted in the database: the replay's account is made of what is there, not of what was sent."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from vitals.registry import VITALS

Cell = tuple[str, int, str]
"""(device, seq, vital): one reading."""

_STORED = """SELECT d.id, r.seq, r.vital, r.value IS NULL FROM telemetry.reading r JOIN clinical.device d ON d.no = r.device_no
WHERE d.id = ANY(%s)"""
_REFUSED = "SELECT device, seq, vital, reason, times FROM telemetry.refusal WHERE device = ANY(%s)"


@dataclass(frozen=True, slots=True)
class Kept:
    """`stored`: reading -> True where the device said "no value"; `refused`: (device, seq, vital or None) -> reason; `duplicates`:
    samples that came again."""

    stored: dict[Cell, bool]
    refused: dict[tuple[str, int | None, str | None], str]
    duplicates: int


@contextmanager
def archive(url: str) -> Iterator["Archive"]:
    """A read-only connection."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.read_only = True
        yield Archive(connection)


class Archive:
    """Reads only."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def kept(self, devices: Sequence[str]) -> Kept:
        """All that is known of these devices' readings."""
        stored = {(d, s, VITALS[v].name): empty for d, s, v, empty in self._connection.execute(_STORED, [list(devices)])}
        rows = self._connection.execute(_REFUSED, [list(devices)]).fetchall()
        refused = {(d, s, v): reason for d, s, v, reason, _ in rows if reason != "duplicate"}
        return Kept(stored, refused, sum(times for *_, reason, times in rows if reason == "duplicate"))
