"""What was started, on disk: `run/NAME.json`, so that a process is found again by exactly what it is.

A pid alone may be another program's by now; pid and the moment it was created are one process for ever. Written when a process is started,
removed when it has ended.
"""

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from deploy.home import write_json

CREATED_TOLERANCE_S = 0.05
FORCED_S = 10.0
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Record:
    """A started process. `stage` orders the stopping; `metrics_port` is 0 for a part."""

    name: str
    pid: int
    created: float
    started_at: str
    restarts: int
    stage: int
    stop_signal: int
    metrics_port: int = 0


def created(pid: int) -> float:
    """When process `pid` was created, epoch seconds; 0 when there is none (a zombie counts as none)."""
    try:
        process = psutil.Process(pid)
        return 0.0 if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.NoSuchProcess:
        return 0.0


def alive(record: Record) -> bool:
    """Whether exactly this process still runs."""
    return abs(created(record.pid) - record.created) < CREATED_TOLERANCE_S


def write(folder: Path, record: Record) -> None:
    """Remember `record`."""
    write_json(folder / f"{record.name}.json", asdict(record))


def forget(folder: Path, name: str) -> None:
    """It has ended."""
    (folder / f"{name}.json").unlink(missing_ok=True)


def read(folder: Path) -> list[Record]:
    """Every record, in the order in which they are to be stopped; a file that is not whole is left out."""
    return sorted(_each(folder.glob("*.json")), key=lambda record: (record.stage, record.name))


def _each(files: Iterable[Path]) -> Iterable[Record]:
    for file in files:
        with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
            yield Record(**json.loads(file.read_text()))


def end(record: Record, deadline_s: float) -> bool:
    """Ask `record`'s process to end, wait, force it at the deadline; whether it went by itself."""
    if alive(record):
        with contextlib.suppress(ProcessLookupError):
            os.kill(record.pid, record.stop_signal)
    if _gone(record, deadline_s):
        return True
    with contextlib.suppress(ProcessLookupError):
        os.killpg(record.pid, signal.SIGKILL)
    _gone(record, FORCED_S)
    return False


def _gone(record: Record, deadline_s: float) -> bool:
    until = time.monotonic() + deadline_s
    while alive(record):
        if time.monotonic() > until:
            return False
        time.sleep(POLL_S)
    return True
