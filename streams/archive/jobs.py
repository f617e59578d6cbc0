"""What the archive does beside storing: folds the ledger, brings roll-ups up to date, drops what is past its term.

Promise: each job runs on its own thread and connection, so storing never waits for it; one that fails is told and runs again at its next
turn.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from streams.archive.metrics import Metrics
from streams.archive.timescale import Session
from streams.archive.timescale_attribution import settle
from streams.archive.timescale_readings import fold
from streams.archive.timescale_retention import Terms, compress, drop
from streams.archive.timescale_rollup import HOURS, MINUTES, drain

log = logging.getLogger("vigil.archive")


@dataclass(frozen=True, slots=True)
class Job:
    """`work` does one slice and says how much it did; more than 0 and `again`: there may be more at once."""

    name: str
    every_s: float
    work: Callable[[Session], int]
    again: bool = True


def table(rollup_s: float, terms: Terms) -> tuple[Job, ...]:
    """The jobs. A roll-up hour is computed from up to 60 minutes of each vital, so it takes its turn less often."""
    return (
        Job("fold", 5.0, fold),
        Job("rollup_1m", rollup_s, lambda session: drain(session, MINUTES)),
        Job("rollup_1h", rollup_s * 6, lambda session: drain(session, HOURS)),
        Job("attribution", 15.0, settle, again=False),
        Job("retention", 3600.0, lambda session: drop(session, terms) + compress(session, terms), again=False),
    )


async def run(job: Job, session: Session, metrics: Metrics, thread: ThreadPoolExecutor) -> None:
    """For ever."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            done = await loop.run_in_executor(thread, job.work, session)
        except Exception as error:  # noqa: BLE001 - a job that fails must not stop the archive; it is told and tried again
            metrics.retries.labels(job.name).inc()
            log.warning("event=job_failed job=%s error=%s:%s", job.name, type(error).__name__, error)
            done = 0
        metrics.jobs.labels(job.name).inc(done)
        if not (done and job.again):
            await asyncio.sleep(job.every_s)
