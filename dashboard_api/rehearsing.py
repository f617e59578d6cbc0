"""Runs rehearsals: `python -m streams.rehearse_main`, the very code of detection, as a process of its own, one at a time.

In: a rule set and a span. Out: the row of clinical.rehearsal with the command's JSON, or with what went wrong. Promise: a rehearsal that
this process did not finish is marked failed at the next start, or after `LONGEST_S`; none takes the API's own processor time.
"""

import asyncio
import contextlib
import logging
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from dashboard_api.timescale import Database, json_value
from vitals.errors import PartAway

LONGEST_S = 600.0
MOST_WAITING = 10
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """One to run."""

    id: str
    rules: bytes
    since: datetime
    until: datetime


class Rehearsals:
    """The runner; `run` is its task. `environ`: what the command is given."""

    def __init__(self, database: Database, clock: Callable[[], datetime], environ: Mapping[str, str]) -> None:
        self._database = database
        self._clock = clock
        self._environ = environ
        self._waiting: asyncio.Queue[Task] = asyncio.Queue(MOST_WAITING)

    def give(self, task: Task) -> bool:
        """Whether there is room for it."""
        with contextlib.suppress(asyncio.QueueFull):
            self._waiting.put_nowait(task)
            return True
        return False

    async def run(self) -> None:
        """Until cancelled."""
        await self._forget_interrupted()
        while True:
            task = await self._waiting.get()
            result, problem = await self._rehearsed(task)
            await self._keep(task.id, result, problem)

    async def _forget_interrupted(self) -> None:
        sql = "UPDATE clinical.rehearsal SET state = 'failed', problem = 'interrupted', ended_at = %s WHERE state = 'running' AND at < %s"
        began = self._clock()
        while True:
            try:
                await self._database.do(sql, [began, began])
            except PartAway:
                await asyncio.sleep(2.0)
            else:
                return

    async def _rehearsed(self, task: Task) -> tuple[Any, str]:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "rules.json"
            await asyncio.to_thread(file.write_bytes, task.rules)
            argv = [
                "-m",
                "streams.rehearse_main",
                "--rules",
                str(file),
                "--from",
                task.since.isoformat(),
                "--to",
                task.until.isoformat(),
                "--json",
            ]
            pipe = asyncio.subprocess.PIPE
            process = await asyncio.create_subprocess_exec(sys.executable, *argv, stdout=pipe, stderr=pipe, env=dict(self._environ))
            return await _outcome(process)

    async def _keep(self, rehearsal: str, result: Any, problem: str) -> None:
        sql = "UPDATE clinical.rehearsal SET state = %s, result = %s, problem = %s, ended_at = %s WHERE id = %s"
        state = "failed" if problem else "done"
        try:
            await self._database.do(sql, [state, json_value(result), problem, self._clock(), rehearsal])
        except PartAway:
            _log.warning("event=rehearsal_not_kept")


async def _outcome(process: asyncio.subprocess.Process) -> tuple[Any, str]:
    """The command's JSON, or one sentence of what went wrong."""
    try:
        out, err = await asyncio.wait_for(process.communicate(), LONGEST_S)
    except (TimeoutError, asyncio.CancelledError) as error:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        if isinstance(error, asyncio.CancelledError):
            raise
        return None, f"it took longer than {LONGEST_S:.0f} s"
    if process.returncode != 0:
        lines = err.decode("utf-8", "replace").strip().splitlines()
        _log.warning("event=rehearsal_failed code=%s", process.returncode)
        return None, (lines[-1] if lines else f"exit {process.returncode}")[-300:]
    try:
        return without_patients(msgspec.json.decode(out)), ""
    except msgspec.DecodeError:
        return None, "the rehearsal said something that is not JSON"


def without_patients(result: Any) -> Any:
    """The events that would be missed, by rule and time only: whoever tries rules need not see whose they are."""
    if not isinstance(result, dict) or not isinstance(result.get("lost"), list):
        return result
    kept = ("rule", "priority", "title", "at")
    return result | {"lost": [{name: event[name] for name in kept if name in event} for event in result["lost"]]}


def environment(environ: Mapping[str, str], database: str) -> dict[str, str]:
    """What the command needs, and no secret besides the database's."""
    kept = {name: environ[name] for name in ("PATH", "PYTHONPATH", "HOME", "LANG", "VIRTUAL_ENV") if name in environ}
    return kept | {"VIGIL_DATABASE": database, "OMP_NUM_THREADS": "1"}
