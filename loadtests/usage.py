"""CPU seconds and memory of processes, as the benchmarks report them."""

from collections.abc import Iterable
from dataclasses import dataclass

import psutil

_MB = 1_048_576


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu_s`: user and system seconds since the process began; `rss_mb`: resident now, shared pages counted once a process."""

    cpu_s: float
    rss_mb: float


def usage(pid: int) -> Usage:
    """What process `pid` alone has used. Raises psutil.NoSuchProcess when it is gone."""
    process = psutil.Process(pid)
    cpu = process.cpu_times()
    return Usage(cpu.user + cpu.system, process.memory_info().rss / _MB)


def tree(pid: int) -> tuple[int, ...]:
    """`pid` and all that it started, directly or not."""
    process = psutil.Process(pid)
    return (pid, *(child.pid for child in process.children(recursive=True)))


def total(pids: Iterable[int]) -> Usage:
    """The sum over `pids`; one that is gone counts nothing."""
    cpu, rss = 0.0, 0.0
    for pid in pids:
        try:
            used = usage(pid)
        except psutil.NoSuchProcess:
            continue
        cpu, rss = cpu + used.cpu_s, rss + used.rss_mb
    return Usage(cpu, rss)
