"""Which migrations are to be run."""

import pytest

from deploy import migrate
from deploy.migrate import Migration, MigrationError, pending

FIRST, SECOND = Migration("001_a.sql", "SELECT 1"), Migration("002_b.sql", "SELECT 2")


def test_only_what_has_not_run_is_run() -> None:
    assert pending([FIRST, SECOND], {FIRST.name: FIRST.checksum}) == [SECOND]


def test_a_migration_that_was_changed_after_it_ran_is_refused_by_name() -> None:
    with pytest.raises(MigrationError, match=r"changed after it ran: 001_a\.sql"):
        pending([FIRST, SECOND], {FIRST.name: "other"})


def test_a_database_of_a_newer_vigil_is_refused() -> None:
    with pytest.raises(MigrationError, match=r"newer version of Vigil.*009_z\.sql"):
        pending([FIRST], {"009_z.sql": "sum"})


def test_the_projects_migrations_are_numbered_without_a_double() -> None:
    numbers = [migration.name.split("_")[0] for migration in migrate.load()]
    assert numbers == sorted(set(numbers))
