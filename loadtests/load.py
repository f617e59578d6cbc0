"""The load test on a running Vigil, with its report, judged by the service objectives.

In: DIR/endpoints.json of a running Vigil, how many devices and dashboards, how long. Out: figures on stdout, the report as HTML where
asked for. Exit code: 0 when every objective is met, 1 when one is not (each is said), 2 for wrong arguments.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gevent
import httpx
from locust.env import Environment
from locust.html import get_html_report

from devices import endpoints
from devices.memory import RESERVED, InUse, Memory
from devices.simulator import main as simulator
from devices.simulator import people
from loadtests import objectives, users
from loadtests.users import USERS, Field


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="vigil load", description="The load test, with its report.")
    parser.add_argument("--data-dir", type=Path, default=Path(".vigil"), help="the folder of a running Vigil")
    parser.add_argument("--devices", type=int, default=100, metavar="N", help="one sample a second each")
    parser.add_argument("--dashboards", type=int, default=10, metavar="N", help="screens on the live feed, and as many readers of pages")
    parser.add_argument("--duration", type=float, default=60.0, metavar="S")
    parser.add_argument("--report", type=Path, default=None, metavar="FILE.html")
    options = parser.parse_args(given)
    if options.devices < 1 or options.dashboards < 0 or options.duration <= 0:
        parser.error("--devices and --duration must be above 0, --dashboards not below")
    return options


def prepared(data_dir: Path, devices: int) -> Memory:
    """Enrols the devices and tells the users where they are."""
    ends, memory = endpoints.read(data_dir), Memory(data_dir / "load.json")
    memory.claim()
    wish = simulator.arguments(["--data-dir", str(data_dir), "--patients", str(devices), "--seed", "77"])
    names = simulator.registered(wish, ends, memory)
    memory.save(RESERVED * 100)
    doctor = ends.account("doctor")
    form = {"username": doctor.username, "password": doctor.password}
    token = httpx.post(ends.http + "/api/v1/token", data=form, timeout=30.0).raise_for_status().json()["access_token"]
    wards = list(dict.fromkeys(people.ward_of(place)[0] for place in range(devices)))
    field = Field(ends, [memory.known[name] for name in names], token, wards)
    for kind in USERS:
        kind.field = field
    users.ReaderUser.host = ends.http
    return memory


def played(options: argparse.Namespace) -> Any:
    """Runs all users for the duration; the environment with its statistics."""
    users.DeviceUser.fixed_count = options.devices
    users.DashboardUser.fixed_count = users.ReaderUser.fixed_count = options.dashboards
    kinds = list(USERS) if options.dashboards else [users.DeviceUser]
    environment = Environment(user_classes=kinds)
    runner = environment.create_local_runner()
    runner.start(options.devices + 2 * options.dashboards, spawn_rate=50)
    gevent.sleep(options.duration)
    runner.quit()
    return environment


def judged(stats: Any) -> list[str]:
    """The figures on stdout, one line a kind; what is not met, in words. Percentiles over all entries of a kind."""
    unmet: list[str] = []
    for kind in objectives.OBJECTIVES:
        for entry in (e for (_, method), e in stats.entries.items() if _kind(method) == kind):
            p50, p99 = (entry.get_response_time_percentile(q) or 0.0 for q in (0.5, 0.99))
            failed = entry.num_failures / max(1, entry.num_requests)
            print(f"{kind:<6}{entry.name:<20}{entry.num_requests:>10,} p50 {p50:>8.1f} ms  p99 {p99:>8.1f} ms  failed {failed:.3%}")
            unmet += [f"{entry.name}: {words}" for words in objectives.broken(kind, p50, p99, failed)]
        if not any(_kind(method) == kind for _, method in stats.entries):
            unmet.append(f"{kind}: nothing was measured")
    return unmet


def _kind(method: str) -> str:
    return "HTTP" if method == "GET" else method


def main(given: Sequence[str]) -> int:
    """One load test."""
    options = arguments(given)
    try:
        memory = prepared(options.data_dir, options.devices)
    except InUse as error:
        raise SystemExit(str(error)) from None
    environment = played(options)
    memory.save()
    if options.report is not None:
        options.report.write_text(get_html_report(environment, show_download_link=False))
    unmet = judged(environment.stats)
    print("every objective is met" if not unmet else "\n".join(f"not met: {words}" for words in unmet))
    return 1 if unmet else 0
