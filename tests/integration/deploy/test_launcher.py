"""`./vigil up` and `down` as a person uses them: real parts, real services, two simulated patients."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from deploy import canary
from deploy.choices import NAMED, PORTS
from deploy.home import ROOT
from deploy.parts.running import free_port
from tests.integration.alerts.alarm_manager import Manager
from tests.integration.alerts.stage import Receiver
from tests.waiting import wait_for
from tests.web import TRUST
from vitals.canary import WARD

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FREE_PORTS = [word for option in PORTS for word in (option.option, "0")]
UP = ["up", "--patients", "2", *FREE_PORTS]
# Ill from the third second on, and paged for in detection's own time.
CANARY = {"VIGIL_CANARY_EVERY_S": "240", "VIGIL_CANARY_ILL_S": "237", "VIGIL_CANARY_LIMIT_S": "200"}


def environment() -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if name not in NAMED}
    return {**ours, "PYTHONPATH": str(ROOT)}


def vigil(home: Path, *words: str, more: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "deploy.cli", *words, "--data-dir", str(home)]
    return subprocess.run(command, env=environment() | dict(more or {}), capture_output=True, text=True, check=False, timeout=500)


def status(home: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(vigil(home, "status", "--json").stdout)
    return found


def line(home: Path, name: str) -> Mapping[str, Any]:
    return next(row for row in status(home)["processes"] if row["name"] == name)


def left(home: Path) -> list[str]:
    """The processes whose command line, environment or own folder names this one."""
    found = []
    for process in psutil.process_iter():
        try:
            words = " ".join([*process.cmdline(), *process.environ().values(), process.cwd()])
            if str(home) in words and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {' '.join(process.cmdline())}")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@pytest.fixture(scope="module")
def manager() -> Iterator[Manager]:
    """The alarm manager of the hospital next door."""
    made = Manager(free_port())
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture(scope="module")
def operations() -> Iterator[Receiver]:
    """Who is called when the canary is silent."""
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, manager: Manager, operations: Receiver) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("vigil")
    told = {"VIGIL_ACM": f"127.0.0.1:{manager.server_address[1]}", "VIGIL_OPERATIONS_URL": operations.url}
    done = vigil(folder, *UP, "--detach", more=CANARY | told)
    assert done.returncode == 0, done.stdout + done.stderr
    yield folder
    vigil(folder, "down")


def test_up_writes_where_everything_answers(home: Path) -> None:
    file = home / "endpoints.json"
    found = json.loads(file.read_text())
    promised = {"http", "live", "mqtt", "mllp", "kafka", "database", "accounts", "ready"}
    assert (promised - set(found), {"host", "port", "tls_port", "ca_file"} - set(found["mqtt"]), found["ready"]) == (set(), set(), True)
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_page_answers(home: Path) -> None:
    address = json.loads((home / "endpoints.json").read_text())["http"]
    answer = httpx.get(f"{address}/", timeout=10)
    assert (answer.status_code, "<html" in answer.text) == (200, True)


def test_status_says_that_all_is_ready(home: Path) -> None:
    assert wait_for(lambda: status(home)["ready"], 60, "all to take work: a database that stands still for seconds shows here")


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


def gauge(home: Path, process: str, name: str) -> float:
    """A gauge that a process serves; 0 while it does not answer."""
    port = json.loads((home / "run" / f"{process}.json").read_text())["metrics_port"]
    try:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=5, verify=TRUST).text
    except httpx.TransportError:
        return 0.0
    return next(float(row.split()[1]) for row in text.splitlines() if row.startswith(f"{name} "))


def as_role(home: Path, role: str) -> httpx.Client:
    where = json.loads((home / "endpoints.json").read_text())
    account = next(one for one in where["accounts"] if one["role"] == role)
    return canary.logged_in(where["http"], account)


def test_what_is_asked_for_runs_beside_the_rest(home: Path) -> None:
    names = {row["name"] for row in status(home)["processes"] if row["running"]}
    assert {"canary", "acm", "alerts", "simulator"} <= names


def test_the_canarys_page_comes_all_the_way_and_operations_are_left_alone(home: Path, operations: Receiver) -> None:
    took = wait_for(lambda: gauge(home, "canary", "vigil_canary_paged_seconds"), 220, "the canary's page")
    assert (took < 200, operations.got) == (True, [])


def test_the_canary_is_among_nobodys_patients(home: Path, manager: Manager) -> None:
    with as_role(home, "admin") as admin, as_role(home, "doctor") as doctor, as_role(home, "patient") as patient:
        shown = [len(client.get("/patients").json()["items"]) for client in (admin, doctor, patient)]
        places = {row["id"] for row in doctor.get("/wards").json()["items"]} | {
            row["ward"] for row in doctor.get("/alerts").json()["items"]
        }
    assert (shown, WARD in places, any(WARD in said for said in manager.got)) == ([2, 2, 1], False, False)


def test_down_leaves_no_process_and_up_carries_on_from_there(home: Path) -> None:
    def readings() -> int:
        with psycopg.connect(json.loads((home / "endpoints.json").read_text())["database"]) as connection:
            row = connection.execute("SELECT count(*) FROM telemetry.reading").fetchone()
            return int(row[0]) if row else 0

    before = wait_for(readings, 60, "stored readings")
    down = vigil(home, "down")
    assert (down.returncode, left(home), (home / "endpoints.json").exists()) == (0, [], False), down.stderr
    again = vigil(home, *UP, "--detach")
    assert (again.returncode, readings() >= before) == (0, True), again.stdout + again.stderr


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
