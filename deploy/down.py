"""Stopping a Vigil from outside, and cleaning up after one whose supervisor was killed.

`down` asks the supervisor to stop all in order and waits for it. Whatever is still there afterwards (the supervisor was killed with
SIGKILL) is found by its record and ended in the same order. Only processes that a record names exactly are touched.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from deploy import records
from deploy.home import Home, write_json
from deploy.parts.errors import PartError
from deploy.parts.prefix import Say
from deploy.records import Record

SUPERVISOR = "supervisor.pid"
LOG = "up.log"
DOWN_S = 180.0
STOP_S = 30.0


def supervisor(home: Home) -> Record | None:
    """The supervisor that runs on `home` now."""
    file = home.run / SUPERVISOR
    try:
        held = Record(**json.loads(file.read_text()))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None
    return held if records.alive(held) else None


@contextmanager
def remember_supervisor(home: Home) -> Iterator[None]:
    """This process is the supervisor of `home`, as long as the block lasts."""
    file, pid = home.run / SUPERVISOR, os.getpid()
    write_json(file, asdict(Record("supervisor", pid, records.created(pid), "", 0, 0, int(signal.SIGTERM), boot=records.boot())))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def down(path: Path, say: Say) -> bool:
    """Stop what runs on `path`; whether anything did."""
    home = Home(path)
    if not path.is_dir():
        return False
    watching = supervisor(home)
    if watching:
        say(f"stopping the Vigil on {path}")
        _stop(watching, home, say)
    left = sweep(home, say)
    home.endpoints.unlink(missing_ok=True)
    return bool(watching or left)


def sweep(home: Home, say: Say) -> list[Record]:
    """End what a killed supervisor left behind, in order; what was still alive."""
    left = records.read(home.run) if home.run.exists() else []
    living = [record for record in left if records.alive(record)]
    for record in living:
        say(f"stopping {record.name} (pid {record.pid}), left from before")
        if not records.end(record, STOP_S):
            say(f"{record.name} did not end in {STOP_S:.0f} s and was killed")
    for record in left:
        records.forget(home.run, record.name)
    return living


def _stop(watching: Record, home: Home, say: Say) -> None:
    """Ask the supervisor to stop and show what it says meanwhile (a detached one logs to `up.log`)."""
    log = home.logs / LOG
    shown = log.stat().st_size if log.exists() else 0
    os.kill(watching.pid, signal.SIGTERM)
    until = time.monotonic() + DOWN_S
    while records.alive(watching):
        shown = _show(log, shown, say)
        if time.monotonic() > until:
            raise PartError(f"the supervisor (pid {watching.pid}) did not stop within {DOWN_S:.0f} s; its log: {log}")
        time.sleep(0.1)


def _show(log: Path, shown: int, say: Say) -> int:
    """Say the whole lines after byte `shown`; where they end."""
    if not log.exists():
        return shown
    fresh = log.read_bytes()[shown:]
    whole = fresh[: fresh.rfind(b"\n") + 1]
    for line in whole.decode(errors="replace").splitlines():
        say(line.split("] ", 1)[-1])
    return shown + len(whole)
