"""A command under another program ends with it, in its own way, and says how."""

import subprocess
import sys

import psutil

from deploy.home import ROOT
from tests.waiting import wait_for

CARRIER = """
import subprocess, sys
from deploy.foreground import carried
sys.exit(carried(lambda: subprocess.Popen([sys.executable, "-c", sys.argv[1]])) % 256)
"""
TOLD_AT_ONCE = """
import os, signal, subprocess, sys
from deploy.foreground import carried
def started():
    child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
    child.stdout.readline()
    os.kill(os.getpid(), signal.SIGTERM)
    return child
sys.exit(carried(started) % 256)
"""
SAYS_GOODBYE = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("ready", flush=True)
time.sleep(60)  # a child that stays until it is ended
"""
BECOMES = "import os, sys; from deploy.foreground import become; become([sys.executable, '-c', 'print(1)'], os.environ)"


def test_sigterm_ends_the_command_too_and_its_code_is_ours() -> None:
    carrier = subprocess.Popen([sys.executable, "-c", CARRIER, SAYS_GOODBYE], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert carrier.stdout is not None
    carrier.stdout.readline()
    (child,) = wait_for(psutil.Process(carrier.pid).children, 30, "the child")
    carrier.terminate()
    carrier.communicate(timeout=30)
    assert (carrier.returncode, child.is_running()) == (7, False)


def test_sigterm_that_comes_while_the_command_is_being_started_ends_it_too() -> None:
    done = subprocess.run([sys.executable, "-c", TOLD_AT_ONCE, SAYS_GOODBYE], cwd=ROOT, check=False, timeout=50)
    assert done.returncode == 7


def test_a_command_that_takes_our_place_has_our_output_and_our_end() -> None:
    done = subprocess.run([sys.executable, "-c", BECOMES], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "1\n")
