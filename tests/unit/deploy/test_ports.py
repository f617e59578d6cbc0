"""Free ports: each is one program's, also where several ask side by side and do not listen yet."""

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.home import ROOT
from deploy.parts import running

ASKS = "import sys; from deploy.parts.running import free_port; print(free_port(), flush=True); sys.stdin.read()"


@pytest.fixture
def given_to_another() -> Iterator[int]:
    """A port that a program was given which still runs."""
    with subprocess.Popen([sys.executable, "-c", ASKS], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        yield int(other.stdout.readline())


def test_a_port_that_another_program_was_given_is_given_to_nobody_else(given_to_another: int, monkeypatch: pytest.MonkeyPatch) -> None:
    first = iter([given_to_another])
    monkeypatch.setattr(running.secrets, "choice", lambda ports: next(first, 0) or random.choice(ports))
    assert running.free_port() != given_to_another


def test_where_no_shared_file_can_be_had_a_port_is_given_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_ledger", [])
    monkeypatch.setattr(running.tempfile, "gettempdir", lambda: str(tmp_path / "gone"))
    assert running.free_port() in running.FREE_PORTS
