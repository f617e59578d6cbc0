"""`./vigil up` and `down` as a person uses them: real parts, real services, two simulated patients."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from deploy.choices import NAMED, PORTS
from deploy.home import ROOT
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FREE_PORTS = [word for option in PORTS for word in (option.option, "0")]
UP = ["up", "--patients", "2", *FREE_PORTS]


def environment() -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if name not in NAMED}
    return {**ours, "PYTHONPATH": str(ROOT)}


def vigil(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "deploy.cli", *words, "--data-dir", str(home)]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=300)


def status(home: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(vigil(home, "status", "--json").stdout)
    return found


def line(home: Path, name: str) -> Mapping[str, Any]:
    return next(row for row in status(home)["processes"] if row["name"] == name)


def left(home: Path) -> list[str]:
    """Command lines or environments of processes that name this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(home) in " ".join([*process.cmdline(), *process.environ().values()]) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {' '.join(process.cmdline())}")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("vigil")
    done = vigil(folder, *UP, "--detach")
    assert done.returncode == 0, done.stdout + done.stderr
    yield folder
    vigil(folder, "down")


def test_up_writes_where_everything_answers(home: Path) -> None:
    file = home / "endpoints.json"
    found = json.loads(file.read_text())
    assert (set(found), set(found["mqtt"]), found["ready"], file.stat().st_mode & 0o777) == (
        {"http", "live", "mqtt", "mllp", "kafka", "database", "accounts", "ready"},
        {"host", "port", "tls_port", "ca_file"},
        True,
        0o600,
    )


def test_the_page_answers(home: Path) -> None:
    address = json.loads((home / "endpoints.json").read_text())["http"]
    answer = httpx.get(f"{address}/", timeout=10)
    assert (answer.status_code, "<html" in answer.text) == (200, True)


def test_status_says_that_all_is_ready(home: Path) -> None:
    found = status(home)
    assert found["ready"], found


def test_nothing_listens_beyond_this_machine(home: Path) -> None:
    pids = {row["pid"] for row in status(home)["processes"]}
    listening = [c for pid in pids for c in psutil.Process(pid).net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert {c.laddr.ip for c in listening} <= {"127.0.0.1", "::ffff:127.0.0.1"}


def test_a_second_up_on_the_same_folder_is_refused_by_name(home: Path) -> None:
    done = vigil(home, *UP)
    assert (done.returncode, f"a Vigil already runs on {home}" in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize("name", ["gateway", "mosquitto"])
def test_a_killed_process_comes_back_ready(home: Path, name: str) -> None:
    before = line(home, name)
    os.kill(before["pid"], signal.SIGKILL)
    after = wait_for(lambda: (row := line(home, name))["pid"] != before["pid"] and row["ready"] is not False and row, 60, f"{name} again")
    assert (after["restarts"], after["running"]) == (before["restarts"] + 1, True)


def test_down_leaves_no_process_and_up_carries_on_from_there(home: Path) -> None:
    def readings() -> int:
        with psycopg.connect(json.loads((home / "endpoints.json").read_text())["database"]) as connection:
            row = connection.execute("SELECT count(*) FROM telemetry.reading").fetchone()
            return int(row[0]) if row else 0

    before = wait_for(readings, 60, "stored readings")
    down = vigil(home, "down")
    assert (down.returncode, left(home), (home / "endpoints.json").exists()) == (0, [], False), down.stderr
    started = time.monotonic()
    again = vigil(home, *UP, "--detach")
    assert again.returncode == 0, again.stdout + again.stderr
    assert readings() >= before
    assert time.monotonic() - started < 120  # 20 s on a machine that does nothing else


def test_a_killed_supervisor_leaves_nothing_once_down_was_said(home: Path) -> None:
    pid = json.loads((home / "run" / "supervisor.pid").read_text())["pid"]
    os.kill(pid, signal.SIGKILL)
    done = vigil(home, "down")
    wait_for(lambda: not left(home), 30, "no process left")
    assert done.returncode == 0, done.stderr


def test_a_taken_port_is_named_and_nothing_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = vigil(tmp_path, *UP, "--mqtt-port", port)
    assert (done.returncode, f"port {port} (MQTT) is taken" in done.stderr, left(tmp_path)) == (1, True, []), done.stderr
