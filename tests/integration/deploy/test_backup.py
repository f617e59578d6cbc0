"""The backup that docs/operations.md describes: a dump of a database in use, restored beside it, has everything and goes on working."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from deploy import migrate
from deploy.home import ROOT
from deploy.parts import postgres as postgres_part
from tests import parts

pytestmark = pytest.mark.slow

FILL = """
INSERT INTO clinical.ward (id, name) VALUES ('north', 'North');
INSERT INTO clinical.patient (id, ward) VALUES ('p1', 'north');
INSERT INTO clinical.device (id, kind) VALUES ('dev-000000000001', 'monitor');
INSERT INTO telemetry.reading (patient_no, vital, observed_at, device_no, seq, value, received_at)
SELECT 1, 0, now() - n * interval '1 hour', 1, n, 70, now() FROM generate_series(1, 500) n;
INSERT INTO alerting.event (alert, version, at, kind, body) VALUES ('a1', 1, now(), 'raised', '{}');
"""
TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
COUNTS = "SELECT (SELECT count(*) FROM telemetry.reading), (SELECT count(*) FROM alerting.event), (SELECT count(*) FROM clinical.patient)"


def run(program: str, *words: str) -> None:
    command = [str(postgres_part.install(print) / program), *words]
    subprocess.run(command, check=True, capture_output=True, timeout=120, env=postgres_part.environment(postgres_part.install(print)))


def test_a_dump_restored_has_everything_and_can_be_written_and_migrated(postgres: str, database: str, tmp_path: object) -> None:
    file, name = f"{tmp_path}/vigil.dump", f"restored_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(database, autocommit=True) as source:
        source.execute(FILL)
        run("pg_dump", "--format=custom", f"--file={file}", f"--dbname={database}")
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
        restored = parts.address_of(postgres, name)
        with psycopg.connect(restored, autocommit=True) as target:
            target.execute("CREATE EXTENSION timescaledb")
            target.execute("SELECT timescaledb_pre_restore()")
            run("pg_restore", "--no-owner", "--dbname", restored, file)
            target.execute("SELECT timescaledb_post_restore()")
            target.execute("INSERT INTO alerting.event (alert, version, at, kind, body) VALUES ('a1', 2, now(), 'updated', '{}')")
            counts = target.execute(COUNTS).fetchone()
        again = migrate.migrate(restored)
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
    assert (counts, again) == ((500, 2, 1), [])


@pytest.mark.parametrize(
    "end",
    [lambda alone: os.killpg(alone.pid, signal.SIGINT), lambda alone: alone.terminate()],
    ids=["a terminal's Ctrl-C", "SIGTERM for the command alone"],
)
def test_the_database_alone_is_empty_and_has_ended_when_its_command_has(
    tmp_path: Path, end: "Callable[[subprocess.Popen[str]], None]"
) -> None:
    # whoever runs the tests in the background lets them ignore Ctrl-C, and their children after them
    command = ["env", "--default-signal=INT", sys.executable, "-m", "deploy.cli", "database", "--data-dir", str(tmp_path)]
    alone = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert alone.stdout is not None
    with psycopg.connect(alone.stdout.readline().strip()) as connection:
        tables = connection.execute(TABLES).fetchone()
    end(alone)
    alone.communicate(timeout=60)
    assert (tables, (tmp_path / "postgres" / "data" / "postmaster.pid").exists()) == ((0,), False)
