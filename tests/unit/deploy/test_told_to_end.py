"""A test run that is told to end takes down what it has started."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.home import ROOT
from tests.waiting import wait_for

LONG = """
import pathlib, threading, pytest

HERE = pathlib.Path(__file__).parent

@pytest.fixture(scope="session")
def server():
    (HERE / "begun").touch()
    yield
    (HERE / "ended").touch()

def test_for_ever(server):
    threading.Event().wait()
"""


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [[], ["-n1"]], ids=["alone", "side by side"])
def test_what_a_run_has_started_is_ended_when_it_is_told_to(tmp_path: Path, lanes: list[str]) -> None:
    folder = tmp_path / "tests" / "unit"
    folder.mkdir(parents=True)
    (folder / "test_long.py").write_text(LONG)
    argv = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "--rootdir", str(tmp_path), *lanes, str(tmp_path)]
    run = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: (folder / "begun").exists(), 60, "the test to begin")
        run.send_signal(signal.SIGTERM)
        assert (run.wait(60), (folder / "ended").exists()) == (2, True)
    finally:
        run.kill()
