"""The whole chain: simulated devices, broker, gateway, Kafka, detection, archive, database, live feed, a dashboard; all on this machine.

In: nothing (the settings below). Out: device to WebSocket p50 and p99, how far behind the services were, what was lost, CPU, memory.
It starts a Vigil of its own, so that memory and CPU are of that alone. VIGIL_BENCH_SECONDS makes it shorter, VIGIL_BENCH_DEVICES smaller.
"""

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from loadtests import bench
from loadtests.figure import Figure
from loadtests.live import Dashboard
from loadtests.objectives import CHAIN_MESSAGES_S
from loadtests.timescale import readings_stored
from loadtests.usage import Usage, total
from loadtests.whole import ROOT, Whole, whole

NAME = "chain"
_LOOK_S = 15.0
_WARM_UP_S = 15.0
_BEDS = 12


@dataclass(slots=True)
class Course:
    """What was seen while it ran. `behind`: the largest backlog of any service at each look, ms; `ages`: device to WebSocket, ms;
    `load`: what the load generator had used by then."""

    ages: list[float] = field(default_factory=list)
    behind: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    load: list[Usage] = field(default_factory=list)


def run(parts: "bench.Parts") -> Iterable[Figure]:
    """The figures of one run."""
    seconds = float(parts.environ.get("VIGIL_BENCH_SECONDS", "180"))
    devices = int(parts.environ.get("VIGIL_BENCH_DEVICES", "500"))
    with whole() as vigil:
        yield from measured(vigil, devices, seconds)


def measured(vigil: Whole, devices: int, seconds: float) -> Iterator[Figure]:
    """Plays, watches, counts."""
    ledger, course = vigil.folder / "ledger", Course()
    simulator = _simulator(vigil, devices, seconds + _WARM_UP_S, ledger)
    _wait_until_it_speaks(simulator, ledger)
    pids = vigil.pids()
    dashboard = Dashboard(vigil.endpoints["live"], vigil.token("doctor"), _wards(devices), course.ages.extend)
    dashboard.start()
    time.sleep(_WARM_UP_S)
    course.ages.clear()
    before, load_before = _used(pids), total((simulator.pid,))
    began = time.monotonic()
    _watch(vigil, pids, course, simulator.pid, began + seconds - 10.0)
    after, load_after, wall = _used(pids), course.load[-1], time.monotonic() - began
    dashboard.end()
    out = simulator.communicate(timeout=120)[0]
    sent = sum(int(line.split()[2]) for line in ledger.read_text().splitlines())
    stored = _settled(vigil, sent)
    yield from _figures(course, sent, stored, len(ledger.read_text().splitlines()) / (seconds + _WARM_UP_S))
    yield from _costs(before, after, wall)
    yield Figure("chain, load generator", (load_after.cpu_s - load_before.cpu_s) / wall, "CPU-s/s")
    yield Figure("chain, load generator", load_after.rss_mb, "MB")
    if simulator.returncode:
        raise RuntimeError(f"the simulator failed: {out}")


def _figures(course: Course, sent: int, stored: int, rate: float) -> Iterator[Figure]:
    ages = np.array(course.ages) if course.ages else np.array([np.nan])
    yield Figure("chain, messages of six vitals", rate, "messages/s")
    for q in (50, 99):
        yield Figure(f"chain, device to WebSocket p{q}", float(np.percentile(ages, q)), "ms")
    yield Figure("chain, readings seen by the dashboard", len(course.ages), "heart rates")
    half = max(1, len(course.behind) // 2)
    yield Figure("chain, furthest behind, first half", max(course.behind[:half], default=0.0), "ms")
    yield Figure("chain, furthest behind, second half", max(course.behind[half:], default=0.0), "ms")
    yield Figure("chain, readings sent", sent, "readings")
    yield Figure("chain, readings lost", sent - stored, "readings")
    yield Figure("chain, all processes but the load generator", max(course.rss_mb), "MB")


def _costs(before: dict[str, Usage], after: dict[str, Usage], wall: float) -> Iterator[Figure]:
    for name in sorted(after):
        yield Figure(f"chain, {name}", (after[name].cpu_s - before[name].cpu_s) / wall, "CPU-s/s")
        yield Figure(f"chain, {name}", after[name].rss_mb, "MB")


def _simulator(vigil: Whole, devices: int, seconds: float, ledger: Path) -> "subprocess.Popen[str]":
    words = ["--data-dir", str(vigil.folder), "--patients", str(devices), "--rate", str(CHAIN_MESSAGES_S / devices), "--form", "six"]
    words += ["--scenario", "calm", "--seed", "11", "--duration", str(seconds), "--ledger", str(ledger)]
    return subprocess.Popen([sys.executable, "-m", "devices.simulator", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _wait_until_it_speaks(simulator: "subprocess.Popen[str]", ledger: Path) -> None:
    until = time.monotonic() + 300
    while not (ledger.exists() and ledger.stat().st_size):
        if simulator.poll() is not None or time.monotonic() > until:
            raise RuntimeError("the simulator did not come to speak")
        time.sleep(0.2)


def _wards(devices: int) -> list[str]:
    names = ("north", "south", "east", "west")
    count = -(-devices // _BEDS)
    return [names[i % 4] if i < 4 else f"{names[i % 4]}-{i // 4 + 1}" for i in range(count)]


def _watch(vigil: Whole, pids: dict[str, tuple[int, ...]], course: Course, load: int, until: float) -> None:
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(_LOOK_S, left))
        course.load.append(total((load,)))
        course.behind.append(max(line["behind_ms"] or 0.0 for line in vigil.processes()))
        course.rss_mb.append(sum(_resident(own) for own in pids.values()))


def _resident(pids: tuple[int, ...]) -> float:
    """Proportional set size in MB: PostgreSQL's shared buffers are counted once, not once a connection."""
    mb = 0.0
    for pid in pids:
        try:
            mb += psutil.Process(pid).memory_full_info().pss / 1_048_576
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return mb


def _used(pids: dict[str, tuple[int, ...]]) -> dict[str, Usage]:
    return {name: Usage(total(own).cpu_s, _resident(own)) for name, own in pids.items()}


def _settled(vigil: Whole, sent: int) -> int:
    """Readings in the database, once all are there or half a minute is over."""
    until = time.monotonic() + 30
    while (stored := readings_stored(vigil.endpoints["database"])) < sent and time.monotonic() < until:
        time.sleep(1.0)
    return stored
