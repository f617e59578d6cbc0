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
from pathlib import Path

from deploy import records
from deploy.home import Home, write_json
from deploy.parts.errors import PartError
from deploy.parts.prefix import Say
from deploy.records import Record

SUPERVISOR = "supervisor.pid"
DOWN_S = 180.0
STOP_S = 30.0


def supervisor(home: Home) -> Record | None:
    """The supervisor that runs on `home` now."""
    file = home.run / SUPERVISOR
    try:
        held = Record(**json.loads(file.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return held if records.alive(held) else None


@contextmanager
def remember_supervisor(home: Home) -> Iterator[None]:
    """This process is the supervisor of `home`, as long as the block lasts."""
    file, pid = home.run / SUPERVISOR, os.getpid()
    write_json(
        file,
        {
            "name": "supervisor",
            "pid": pid,
            "created": records.created(pid),
            "started_at": "",
            "restarts": 0,
            "stage": 0,
            "stop_signal": int(signal.SIGTERM),
        },
    )
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def down(path: Path, say: Say) -> bool:
    """Stop what runs on `path`; whether anything did."""
    home = Home(path)
    watching = supervisor(home)
    if watching:
        say(f"stopping the Vigil on {path}")
        os.kill(watching.pid, signal.SIGTERM)
        _wait_gone(watching, DOWN_S)
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


def _wait_gone(record: Record, deadline_s: float) -> None:
    until = time.monotonic() + deadline_s
    while records.alive(record):
        if time.monotonic() > until:
            raise PartError(f"the supervisor (pid {record.pid}) did not stop within {deadline_s:.0f} s")
        time.sleep(0.1)
