"""With the database, Kafka and the broker away the process starts, lives, says so, and ends in order."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.parts import running
from deploy.parts.mosquitto import Broker
from tests.integration.dashboard_api_http.site import environment
from tests.waiting import wait_for
from vitals.topics import Topics


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A process whose parts are all away."""
    nowhere = f"127.0.0.1:{running.free_port()}"
    broker = Broker(None, "127.0.0.1", running.free_port(), None, None, {"admin": "x", "gateway": "x"})
    folder = tmp_path_factory.mktemp("alone")
    environ = environment(nowhere, f"postgresql://nobody:x@{nowhere}/none", broker, Topics("alone"), folder)
    process = subprocess.Popen([sys.executable, "-m", "dashboard_api.http_main"], env=environ, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{environ['VIGIL_HTTP_PORT']}"
    wait_for(lambda: _status(f"{url}/healthz") == 200, 120)
    yield url, process
    process.kill()
    process.wait()


def _status(url: str) -> int:
    try:
        return httpx.get(url, timeout=20).status_code
    except httpx.TransportError:
        return 0


def test_it_lives_and_says_that_it_is_not_ready(alone: tuple[str, object]) -> None:
    answer = httpx.get(f"{alone[0]}/readyz", timeout=30)
    up = {name: each["up"] for name, each in answer.json()["dependencies"].items()}
    assert (answer.status_code, up) == (503, {"database": False, "kafka": False, "mqtt": False})


def test_a_log_in_is_a_503_that_says_when_to_come_back(alone: tuple[str, object]) -> None:
    answer = httpx.post(f"{alone[0]}/api/v1/token", data={"username": "doctor", "password": "x"}, timeout=30)
    assert (answer.status_code, answer.headers["content-type"], answer.headers["retry-after"]) == (503, "application/problem+json", "2")


def test_a_signal_ends_it_with_0(alone: tuple[str, "subprocess.Popen[bytes]"]) -> None:
    os.kill(alone[1].pid, signal.SIGTERM)
    assert alone[1].wait(60) == 0


def test_a_wrong_setting_is_named_and_its_secret_is_not(tmp_path: Path) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "VIGIL_KAFKA": "x",
        "VIGIL_DATABASE": "postgresql://u:hidden@h/d",
        "VIGIL_MQTT_ADMIN": "http://u:hidden@h",
    }
    done = subprocess.run([sys.executable, "-m", "dashboard_api.http_main"], env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, "VIGIL_MQTT_ADMIN" in done.stderr, "hidden" in done.stderr) == (2, True, False)
