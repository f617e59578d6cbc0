"""Brings a database to the newest schema: runs `migrations/NNN_*.sql` in order, each once, each in a transaction of its own.

In: an address. Out: the names that were run. Promised: two at once do not clash (an advisory lock); run again nothing changes; a
migration that was changed after it ran is refused by name, because the database would no longer be what the files say.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from deploy.parts.errors import PartError

FOLDER = Path(__file__).with_name("migrations")
LOCK = 0x766967696C  # "vigil"

LEDGER = """
CREATE TABLE IF NOT EXISTS public.vigil_migration (
    name text PRIMARY KEY, checksum text NOT NULL, run_at timestamptz NOT NULL DEFAULT now())
"""


class MigrationError(PartError):
    """A migration failed, or is not the one that ran."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of its text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def load(folder: Path = FOLDER) -> list[Migration]:
    """The migrations in the order of their numbers."""
    return [Migration(file.name, file.read_text()) for file in sorted(folder.glob("[0-9]*.sql"))]


def pending(migrations: Sequence[Migration], ran: Mapping[str, str]) -> list[Migration]:
    """Those not in `ran` (name -> checksum); raises when one of `ran` has changed or is unknown."""
    known = {migration.name: migration.checksum for migration in migrations}
    changed = sorted(name for name, checksum in ran.items() if name in known and known[name] != checksum)
    if changed:
        raise MigrationError(f"changed after it ran: {', '.join(changed)}; add a new migration instead, or start with a new --data-dir")
    unknown = sorted(ran.keys() - known.keys())
    if unknown:
        raise MigrationError(f"the database has been at a newer version of Vigil: it knows {', '.join(unknown)}")
    return [migration for migration in migrations if migration.name not in ran]


def migrate(address: str, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Bring the database at `address` up to date; the names that were run."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        connection.execute(LEDGER)
        rows = connection.execute("SELECT name, checksum FROM public.vigil_migration").fetchall()
        wanted = pending(load() if migrations is None else migrations, dict(rows))
        for migration in wanted:
            _run(connection, migration)
        return [migration.name for migration in wanted]


def _run(connection: psycopg.Connection, migration: Migration) -> None:
    try:
        with connection.transaction():
            connection.execute(migration.text.encode())
            connection.execute("INSERT INTO public.vigil_migration (name, checksum) VALUES (%s, %s)", (migration.name, migration.checksum))
    except psycopg.Error as error:
        raise MigrationError(f"migration {migration.name} failed: {error}") from error
