"""What was started, on disk: `run/NAME.json`, so that a process is found again by exactly what it is.

A pid alone may be another program's by now; pid, the moment it was created and the machine's run are one process for ever. The moment is
counted from the machine's start, for the time of day is set anew while processes run. Written when a process is started, removed when it
has ended.
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

TICKS_S = os.sysconf("SC_CLK_TCK")
STATE, STARTED = 0, 19  # of what follows the name in /proc/PID/stat (fields 3 and 22 in proc(5))
BOOT = Path("/proc/sys/kernel/random/boot_id")
CREATED_TOLERANCE_S = 0.05
FORCED_S = 10.0
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Record:
    """A started process. `stage` orders the stopping; `metrics_port` is 0 for a part; `created` counts within the machine's run `boot`
    (`created()`, `boot()`)."""

    name: str
    pid: int
    created: float
    started_at: str
    restarts: int
    stage: int
    stop_signal: int
    metrics_port: int = 0
    boot: str = ""


def created(pid: int) -> float:
    """When process `pid` was created, seconds from the machine's start; 0 when there is none (a zombie counts as none)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()  # a name may hold anything
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return 0.0 if fields[STATE] in (b"Z", b"X") else int(fields[STARTED]) / TICKS_S


def boot() -> str:
    """The machine's run from one start to the next; "unknown" where it does not say."""
    try:
        return BOOT.read_text().strip()
    except FileNotFoundError:
        return "unknown"


def alive(record: Record) -> bool:
    """Whether exactly this process still runs."""
    if not record.boot:
        return _alive_by_the_clock(record)
    return record.boot == boot() and 0 < record.created == created(record.pid)


def _alive_by_the_clock(record: Record) -> bool:
    """For a record of the version before, in epoch seconds: an upgrade finds what it left running. Goes with the next version."""
    try:
        return bool(created(record.pid)) and abs(psutil.Process(record.pid).create_time() - record.created) < CREATED_TOLERANCE_S
    except psutil.NoSuchProcess:
        return False


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
