"""Keeps processes running: starts them, restarts what dies with growing pauses, stops them in order.

In: children, each with how it is started (`Program`, made anew at every start) and how its readiness is asked. Out: records in
`run/`, logs. Promised: one that died is started again after PAUSES_S (by how often it died of late); one that stayed up for
STABLE_S starts counting anew; `stop` ends stage by stage and leaves no process.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from deploy import records
from deploy.parts import running
from deploy.parts.errors import NotReady
from deploy.parts.prefix import Say
from deploy.parts.running import Program, Running
from deploy.records import Record

PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
STABLE_S = 60.0
STOP_S = 30.0
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Job:
    """What to keep running. `program` prepares it anew at each start."""

    name: str
    stage: int
    program: Callable[[], Program]
    is_ready: Callable[[], bool]
    address: str
    ready_s: float = 120.0
    metrics_port: int = 0


@dataclass(slots=True)
class Child:
    """A job and its present process."""

    job: Job
    process: Running
    started: float
    restarts: int = 0
    deaths: int = 0  # of late: since it last stayed up for STABLE_S
    again_at: float = 0.0


def pause_s(deaths: int) -> float:
    """How long to wait before the next start, after `deaths` of late (at least 1)."""
    return PAUSES_S[min(deaths, len(PAUSES_S)) - 1]


@dataclass(slots=True)
class Supervisor:
    """The children of one Vigil; all calls come from one thread.

    `tied` children end when we are killed. The others go on, so that a killed supervisor is not a ward without alarms; the next `down`
    or `up` finds them by their records and ends them in order.
    """

    folder: Path
    say: Say
    tied: bool = False
    children: list[Child] = field(default_factory=list)

    def start(self, jobs: Iterable[Job]) -> None:
        """Start all of `jobs`, then wait until each is ready; `NotReady` with its last log lines otherwise."""
        fresh = [self._start(job) for job in jobs]
        for child in fresh:
            self._wait(child)

    def _start(self, job: Job) -> Child:
        child = Child(job, self._spawn(job, 0), time.monotonic())
        self.children.append(child)
        return child

    def _spawn(self, job: Job, restarts: int) -> Running:
        program = job.program()
        process = running.start(program, job.address, tied=self.tied)
        try:
            self._record(job, process, restarts)
        except BaseException:  # a full disk, or a signal just now: what nobody knows of would run on beside its successor
            process.wait(0)
            raise
        return process

    def _record(self, job: Job, process: Running, restarts: int) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        identity = (job.name, process.pid, records.created(process.pid), now, restarts)
        records.write(self.folder, Record(*identity, job.stage, int(process.stop_signal), job.metrics_port, records.boot()))

    def _wait(self, child: Child) -> None:
        until = child.started + child.job.ready_s
        while not child.job.is_ready():
            self.check()
            if child.deaths > 2:
                raise NotReady(f"{child.job.name} does not stay up\n{running.tail(child.process.log)}")
            if time.monotonic() > until:
                raise NotReady(f"{child.job.name} was not ready within {child.job.ready_s:.0f} s\n{running.tail(child.process.log)}")
            time.sleep(POLL_S)

    def check(self) -> None:
        """Look at every child once; start again what died and has waited."""
        now = time.monotonic()
        for child in self.children:
            if child.again_at:
                if now >= child.again_at:
                    self._restart(child, now)
            elif not child.process.alive():
                self._died(child, now)

    def _died(self, child: Child, now: float) -> None:
        child.deaths = 1 if now - child.started > STABLE_S else child.deaths + 1
        pause = pause_s(child.deaths)
        child.again_at = now + pause
        self.say(f"{child.job.name} ended with {child.process.process.returncode}; starting it again in {pause:g} s")
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.process.pid, signal.SIGKILL)  # whatever it had started itself

    def _restart(self, child: Child, now: float) -> None:
        child.restarts += 1
        child.started, child.again_at = now, 0.0
        try:
            child.process = self._spawn(child.job, child.restarts)
        except Exception as failed:  # noqa: BLE001 - whatever one's files make its preparation raise ends none of the others
            child.deaths += 1
            child.again_at = now + pause_s(child.deaths)
            self.say(f"{child.job.name} cannot be started: {failed}")

    def watch(self, ended: Callable[[], bool]) -> None:
        """Keep all running until `ended()`."""
        while not ended():
            self.check()
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End all, stage by stage; those of one stage at once."""
        ordered = sorted(self.children, key=lambda child: child.job.stage)
        for _, stage in groupby(ordered, key=lambda child: child.job.stage):
            self._stop_stage(list(stage))
        self.children.clear()

    def _stop_stage(self, children: list[Child]) -> None:
        self.say("stopping " + ", ".join(child.job.name for child in children))
        for child in children:
            if child.process.alive():
                child.process.process.send_signal(child.process.stop_signal)
        until = time.monotonic() + STOP_S
        for child in children:
            if not child.process.wait(max(until - time.monotonic(), 0.1)):
                self.say(f"{child.job.name} did not end in {STOP_S:.0f} s and was killed")
            records.forget(self.folder, child.job.name)
