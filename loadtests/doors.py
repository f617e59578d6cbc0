"""The doors for people, API and live feed, each a process of its own on the servers that a benchmark has; and a doctor's token.

In: real servers, a fresh database and topics. Out: the address of a door that takes work; it is stopped at the end.
"""

import base64
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import psycopg

from dashboard_api import keys, tokens
from loadtests.bench import Parts

_SECRET = bytes(range(32))
_READY_S, _STOPPED_S = 60.0, 30.0


def account(database: str) -> str:
    """A doctor's token."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO access.account (username, role, password_hash, all_wards) VALUES ('bench', 'doctor', '', true)")
        connection.execute(
            "INSERT INTO access.session (id, username, refresh_digest, created_at, expires_at) "
            "VALUES ('bench', 'bench', '', now(), now() + interval '1 day')"
        )
    return tokens.issue(keys.derive(_SECRET).token, "bench", "bench", time.time())


@contextmanager
def api(parts: Parts, database: str, prefix: str, folder: Path) -> Iterator[str]:
    """One `http_main`, ready; its address. `folder` gets the site's key."""
    port = free_port()
    mine = {"VIGIL_HTTP_PORT": str(port), "VIGIL_MQTT_ADMIN": parts.mqtt_admin}
    environ = _environ(parts, database, prefix, folder) | mine
    with _running("dashboard_api.http_main", environ, f"http://127.0.0.1:{port}/readyz"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def feed(parts: Parts, database: str, prefix: str, folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """One `live_main`, ready; its address and its process. `folder` gets the site's key."""
    port = free_port()
    environ = _environ(parts, database, prefix, folder) | {"VIGIL_LIVE_PORT": str(port)}
    with _running("dashboard_api.live_main", environ, f"http://127.0.0.1:{port}/healthz") as pid:
        yield f"ws://127.0.0.1:{port}/live", psutil.Process(pid)


def _environ(parts: Parts, database: str, prefix: str, folder: Path) -> dict[str, str]:
    key = folder / "key"
    key.write_text(base64.b64encode(_SECRET).decode())
    where = {"VIGIL_KAFKA": parts.kafka, "VIGIL_DATABASE": database, "VIGIL_TOPIC_PREFIX": prefix}
    return os.environ | where | {"VIGIL_KEY_FILE": str(key), "VIGIL_METRICS_PORT": ""}


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def _running(module: str, environ: dict[str, str], probe: str) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-m", module], env=environ, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + _READY_S
        while not _answers(probe):
            if time.monotonic() > until or process.poll() is not None:
                raise RuntimeError(f"{module} did not become ready")
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait(_STOPPED_S)


def _answers(probe: str) -> bool:
    try:
        return httpx.get(probe, timeout=5).status_code == 200
    except httpx.TransportError:
        return False
