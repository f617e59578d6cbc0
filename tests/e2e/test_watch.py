"""`./vigil watch`: the ward in a terminal, sorted by need, left with `q`; plain lines where there is no terminal."""

import os
import pty
import re
import select
import subprocess
import time

import pytest

from tests.e2e.vigils import ROOT, Running, environment

pytestmark = pytest.mark.slow


def test_without_a_terminal_it_prints_the_ward_as_lines(vigil: Running) -> None:
    done = vigil.run("watch", "--role", "doctor", "--once")
    patients = int(re.search(r"(\d+) patients", done.stdout)[1])  # type: ignore[index]  # no match is the failure
    assert (done.returncode, patients >= 24, len(done.stdout.splitlines())) == (0, True, patients + 1)


def test_in_a_terminal_it_draws_the_ward_until_q(vigil: Running) -> None:
    master, slave = pty.openpty()
    words = [str(ROOT / "vigil"), "watch", "--data-dir", str(vigil.folder)]
    env = environment() | {"TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    watching = subprocess.Popen(words, cwd=ROOT, env=env, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    shown = read_until(master, r"[1-9]\d* patients")
    os.write(master, b"q")
    after = read_until(master, r"\x1b\[\?1049l")
    code = watching.wait(30)
    os.close(master)
    assert (code, "q quits" in shown + after) == (0, True)


def read_until(terminal: int, pattern: str, deadline_s: float = 60.0) -> str:
    """All that the terminal showed up to the pattern."""
    text, until = "", time.monotonic() + deadline_s
    while not re.search(pattern, text):
        left = until - time.monotonic()
        assert left > 0, f"{pattern} was not shown: {text[-2000:]!r}"
        if select.select([terminal], [], [], left)[0]:
            text += os.read(terminal, 65536).decode(errors="replace")
    return text
