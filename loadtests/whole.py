"""A whole Vigil for a load test: `./vigil up` in a folder that goes away, and what the test asks it. Started as a person would start it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from loadtests.usage import tree

ROOT = Path(__file__).parents[1]
PORTS = [word for name in ("http", "live", "mqtt", "mqtt-tls", "mllp", "kafka", "database") for word in (f"--{name}-port", "0")]


@dataclass(frozen=True, slots=True)
class Whole:
    """A running Vigil and its folder."""

    folder: Path

    @property
    def endpoints(self) -> dict[str, Any]:
        """endpoints.json."""
        return dict(json.loads((self.folder / "endpoints.json").read_text()))

    def processes(self) -> list[dict[str, Any]]:
        """The lines of `./vigil status --json`: name, pid, behind_ms, ..."""
        done = subprocess.run(_words("status", "--json", "--data-dir", str(self.folder)), cwd=ROOT, capture_output=True, check=False)
        return list(json.loads(done.stdout)["processes"])

    def pids(self) -> dict[str, tuple[int, ...]]:
        """Process name -> it and its children."""
        return {line["name"]: tree(line["pid"]) for line in self.processes() if line["running"]}

    def token(self, role: str) -> str:
        """A bearer token of the demonstration account of that role."""
        ends = self.endpoints
        account = next(a for a in ends["accounts"] if a["role"] == role)
        form = {"username": account["username"], "password": account["password"]}
        return str(httpx.post(ends["http"] + "/api/v1/token", data=form, timeout=30.0).raise_for_status().json()["access_token"])


def _words(*words: str) -> list[str]:
    return [sys.executable, "-m", "deploy.cli", *words]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("VIGIL_")} | {"PYTHONPATH": str(ROOT)}


@contextmanager
def whole() -> Iterator[Whole]:
    """Up without simulated patients, on free ports; down at the end."""
    with tempfile.TemporaryDirectory(prefix="vigil-load-") as name:
        Path(name).chmod(0o755)  # PostgreSQL's own user passes through
        words = _words("up", "--no-simulator", "--detach", "--data-dir", name, *PORTS)
        subprocess.run(words, cwd=ROOT, env=_environment(), check=True, stdout=subprocess.DEVNULL)
        try:
            yield Whole(Path(name))
        finally:
            subprocess.run(_words("down", "--data-dir", name), cwd=ROOT, env=_environment(), check=False, stdout=subprocess.DEVNULL)
