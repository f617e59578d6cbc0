"""The real servers that a test run stands on: started once a session, on free ports, in a folder that goes away.

A server named in the environment (VIGIL_KAFKA, VIGIL_DATABASE, VIGIL_MQTT with VIGIL_MQTT_ADMIN) is used instead.
"""

import contextlib
import hashlib
import os
import sys
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from deploy import migrate
from deploy.parts import kafka, mosquitto, postgres, running
from tests.waiting import wait_for
from vitals import settings


def say(text: str) -> None:
    """Said to pytest, which shows it with a failure."""
    sys.stdout.write(text + "\n")


@contextlib.contextmanager
def kafka_server(home: Path, environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Kafka's `host:port`."""
    if named := environ.get("VIGIL_KAFKA"):
        yield named
        return
    server = kafka.start(home, running.free_port(), say)
    yield server.address
    server.stop()


@contextlib.contextmanager
def postgres_server(home: Path, environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """PostgreSQL's administrating address."""
    if named := environ.get("VIGIL_DATABASE"):
        yield named
        return
    port, password = running.free_port(), uuid.uuid4().hex
    server = postgres.start(home, port, password, say)
    yield postgres.url(port, password)
    server.stop()


@contextlib.contextmanager
def mosquitto_server(home: Path, environ: Mapping[str, str] = os.environ) -> Iterator[mosquitto.Broker]:
    """A Mosquitto with its `admin` and `gateway` accounts."""
    if "VIGIL_MQTT" in environ:
        yield named_broker(environ)
        return
    ports = mosquitto.Ports(running.free_port(), running.free_port(), mtls=running.free_port())
    broker = mosquitto.start(home, ports, datetime.now(UTC), say)
    yield broker
    if broker.running:
        broker.running.stop()


def named_broker(environ: Mapping[str, str]) -> mosquitto.Broker:
    """The broker of VIGIL_MQTT and VIGIL_MQTT_ADMIN."""
    gateway, admin = settings.broker(environ["VIGIL_MQTT"]), settings.broker(environ["VIGIL_MQTT_ADMIN"])
    ca, tls = environ.get("VIGIL_MQTT_CA"), environ.get("VIGIL_MQTT_TLS_PORT")
    passwords = {"gateway": str(gateway.password), "admin": str(admin.password)}
    return mosquitto.Broker(None, gateway.host, gateway.port, int(tls) if tls else None, Path(ca) if ca else None, passwords)


def template(admin: str) -> str:
    """The name of a migrated database to copy from, made when it is not there; its name carries what the migrations say."""
    digest = hashlib.sha256("".join(step.checksum for step in migrate.load()).encode()).hexdigest()[:12]
    name = f"vigil_template_{digest}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext(%s))", (name,))
        row = connection.execute("SELECT datallowconn FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if row == (False,):
            return name
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
        migrate.migrate(address_of(admin, name))
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
        # TimescaleDB's own scheduler is connected, and a database in use cannot be copied
        connection.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", (name,))
    return name


@contextlib.contextmanager
def fresh_database(admin: str) -> Iterator[str]:
    """The address of a migrated database of one's own."""
    name, source = f"test_{uuid.uuid4().hex[:12]}", template(admin)
    with psycopg.connect(admin, autocommit=True) as connection:
        # copied by files: a copy by WAL would write ten megabytes of it a test
        _once_unused(connection, f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
        yield address_of(admin, name)
        _once_unused(connection, f'DROP DATABASE "{name}" WITH (FORCE)')


def _once_unused(connection: psycopg.Connection, sql: str) -> None:
    """PostgreSQL gives those who are connected five seconds to go; on a disk that stands still they need more."""

    def done() -> bool:
        try:
            connection.execute(sql.encode())
        except psycopg.errors.ObjectInUse:
            return False
        return True

    wait_for(done, 60, sql)


def address_of(admin: str, database: str) -> str:
    """`admin`'s address with another database, as a URL."""
    parts = conninfo_to_dict(make_conninfo(admin, dbname=database))
    return f"postgresql://{parts['user']}:{parts['password']}@{parts['host']}:{parts['port']}/{parts['dbname']}"
