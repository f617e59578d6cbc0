"""A Vigil as a person has it: `./vigil` commands as processes, and what one asks a running one."""

import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tests.waiting import wait_for
from tests.web import TRUST

ROOT = Path(__file__).parents[2]
PORTS = [
    word for name in ("http", "live", "mqtt", "mqtt-tls", "mqtt-mtls", "mllp", "kafka", "database") for word in (f"--{name}-port", "0")
]

TOKEN_S = 600.0  # a token is good for three times as long


def environment() -> dict[str, str]:
    """This process's, without any server named: an end-to-end Vigil has its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("VIGIL_")}


def vigil(words: Sequence[str], timeout_s: float = 400.0) -> "subprocess.CompletedProcess[str]":
    """One finished `./vigil` command."""
    return subprocess.run(
        [str(ROOT / "vigil"), *words], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=timeout_s, check=False
    )


def started(words: Sequence[str]) -> "subprocess.Popen[str]":
    """A `./vigil` command under way."""
    return subprocess.Popen([str(ROOT / "vigil"), *words], cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True)


@dataclass(slots=True)
class Running:
    """One detached Vigil on its folder."""

    folder: Path
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    def up(self, *words: str) -> None:
        """`./vigil up --detach`; an AssertionError with what it said where it failed."""
        done = vigil(["up", "--detach", "--data-dir", str(self.folder), *PORTS, *words])
        assert done.returncode == 0, done.stderr[-3000:]

    def down(self) -> int:
        """The exit code of `./vigil down`."""
        return vigil(["down", "--data-dir", str(self.folder)]).returncode

    @property
    def endpoints(self) -> dict[str, Any]:
        """endpoints.json."""
        return dict(json.loads((self.folder / "endpoints.json").read_text()))

    def run(self, command: str, *words: str) -> "subprocess.CompletedProcess[str]":
        """`./vigil COMMAND ... --data-dir` of this one."""
        return vigil([command, *words, "--data-dir", str(self.folder)])

    def begin(self, command: str, *words: str) -> "subprocess.Popen[str]":
        """The same, not waited for."""
        return started([command, *words, "--data-dir", str(self.folder)])

    def status(self) -> dict[str, dict[str, Any]]:
        """Process name -> its line of `./vigil status --json`."""
        answer = self.run("status", "--json")
        return {line["name"]: line for line in json.loads(answer.stdout)["processes"]}

    def kill(self, name: str) -> None:
        """SIGKILL for the process of that name."""
        os.kill(self.status()[name]["pid"], signal.SIGKILL)

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What the database says."""
        with psycopg.connect(self.endpoints["database"]) as connection:
            return connection.execute(sql.encode(), parameters).fetchall()

    def token(self, role: str) -> str:
        """A bearer token of the demonstration account of that role, good for a while yet."""
        token, since = self._tokens.get(role, ("", 0.0))
        if not token or time.monotonic() - since > TOKEN_S:
            account = next(a for a in self.endpoints["accounts"] if a["role"] == role)
            form = {"username": account["username"], "password": account["password"]}
            answer = _answered("POST", self.endpoints["http"] + "/api/v1/token", data=form)
            token = str(answer.raise_for_status().json()["access_token"])
            self._tokens[role] = token, time.monotonic()
        return token

    def ask(self, role: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON of an answer of the HTTP API; raises httpx.HTTPStatusError for 400 and above."""
        headers = {"Authorization": f"Bearer {self.token(role)}"} | ({"Idempotency-Key": uuid.uuid4().hex} if method == "POST" else {})
        answer = _answered(method, self.endpoints["http"] + "/api/v1" + path, json=body, headers=headers)
        return answer.raise_for_status().json() if answer.content else None


def _answered(method: str, address: str, **more: Any) -> httpx.Response:
    """The answer; a 503 (a disk that stands still for seconds) is asked again, as the API tells its callers to."""

    def once() -> httpx.Response | None:
        answer = httpx.request(method, address, timeout=30.0, verify=TRUST, **more)
        return None if answer.status_code == 503 else answer

    answer = wait_for(once, 60, f"{method} {address}")
    assert answer is not None
    return answer
