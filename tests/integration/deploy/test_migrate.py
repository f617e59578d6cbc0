"""Migrating a real database."""

import psycopg
import pytest

from deploy import migrate
from deploy.migrate import Migration, MigrationError


def test_migrating_again_changes_nothing(database: str) -> None:
    assert migrate.migrate(database) == []


def test_a_migration_that_fails_leaves_nothing_of_itself(database: str) -> None:
    broken = Migration("999_broken.sql", "CREATE TABLE public.half (x int); SELECT no_such_function()")
    with pytest.raises(MigrationError, match=r"999_broken\.sql failed"):
        migrate.migrate(database, [*migrate.load(), broken])
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT to_regclass('public.half')").fetchone() == (None,)
