"""`up --detach`: the same `up` in a process of its own, whose progress is shown here until it is ready or has failed."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence

from deploy.down import LOG
from deploy.home import ROOT, Home
from deploy.parts.prefix import Say

POLL_S = 0.1
ANNOUNCED = "Dashboard: "  # the first line of what `up` says when all is ready


def start(home: Home, arguments: Sequence[str], progress: Say, result: Say) -> int:
    """Run `up` with `arguments` detached; 0 once `endpoints.json` is there, else its exit code. `result` is told addresses and accounts."""
    home.make()
    home.endpoints.unlink(missing_ok=True)
    log = home.logs / LOG
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", "up", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        )
    try:
        return _follow(process, home, progress, result)
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        return 130


def _follow(process: "subprocess.Popen[bytes]", home: Home, progress: Say, result: Say) -> int:
    say = progress
    with (home.logs / LOG).open() as log:
        while True:
            done = process.poll() is not None or _announced(home)
            for line in log.read().splitlines():
                say = result if line.startswith(ANNOUNCED) else say
                say(line)
            if done:
                return process.returncode or 0
            time.sleep(POLL_S)


def _announced(home: Home) -> bool:
    """Ready, and the accounts have been printed to the log."""
    return home.endpoints.exists() and ANNOUNCED in (home.logs / LOG).read_text()
