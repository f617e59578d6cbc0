"""A database of its own for a benchmark, with the project's migrations applied in the order of their names."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

MIGRATIONS = Path(__file__).parents[1] / "deploy" / "migrations"


def with_database(url: str, name: str) -> str:
    """`url` with its database replaced by `name`."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@contextmanager
def fresh_database(admin_url: str) -> Iterator[str]:
    """The URL of a new, migrated database; it is dropped at the end, whoever is still connected."""
    name = f"bench_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield _migrated(with_database(admin_url, name))
        finally:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _migrated(url: str) -> str:
    with psycopg.connect(url) as connection:
        for path in sorted(MIGRATIONS.glob("*.sql")):
            connection.execute(path.read_bytes())
    return url


def readings_stored(url: str) -> int:
    """How many readings the database of a Vigil has."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM telemetry.reading").fetchone()
    return int(row[0]) if row else 0
