"""`./vigil status`: what runs on a data folder, since when, how often restarted, how far behind.

In: the records in `run/`, the metrics of each process. Out: lines for a person, or one JSON object.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from deploy import down, probe, records
from deploy.home import Home
from deploy.records import Record


@dataclass(frozen=True, slots=True)
class Line:
    """One process. `ready` and `behind_ms` are None for a part, which has no metrics of ours."""

    name: str
    pid: int
    running: bool
    ready: bool | None
    started_at: str
    restarts: int
    behind_ms: float | None


@dataclass(frozen=True, slots=True)
class Status:
    """A Vigil: `ready` means that `endpoints.json` is there and every process runs and takes work."""

    data_dir: str
    running: bool
    ready: bool
    processes: Sequence[Line]


def of(home: Home) -> Status:
    """What runs on `home` now."""
    held = records.read(home.run) if home.run.exists() else []
    lines = [_line(record) for record in held]
    running = down.supervisor(home) is not None
    ready = running and home.endpoints.exists() and all(line.running and line.ready is not False for line in lines)
    return Status(str(home.path), running, ready, lines)


def _line(record: Record) -> Line:
    living = records.alive(record)
    answer = probe.ask(record.metrics_port) if living and record.metrics_port else probe.SILENT
    ready = answer.ready if record.metrics_port else None
    return Line(record.name, record.pid, living, ready, record.started_at, record.restarts, answer.behind_ms)


def as_json(status: Status) -> dict[str, object]:
    """For machines."""
    return asdict(status)


def as_text(status: Status, now: datetime) -> str:
    """For people."""
    if not status.running and not any(line.running for line in status.processes):
        return f"no Vigil runs on {status.data_dir}"
    state = "ready" if status.ready else "not ready" if status.running else "its supervisor is gone: run ./vigil down"
    head = f"Vigil on {status.data_dir}: {state}\n{'process':<12}{'pid':>8}  {'state':<10}{'up':>10}{'restarts':>10}{'behind':>12}"
    return "\n".join([head, *(_row(line, now) for line in status.processes)])


def _row(line: Line, now: datetime) -> str:
    state = "dead" if not line.running else "not ready" if line.ready is False else "running"
    behind = "" if line.behind_ms is None else f"{line.behind_ms:.0f} ms"
    return f"{line.name:<12}{line.pid:>8}  {state:<10}{_age(line.started_at, now):>10}{line.restarts:>10}{behind:>12}"


def _age(started_at: str, now: datetime) -> str:
    if not started_at:
        return ""
    seconds = int((now - datetime.fromisoformat(started_at).astimezone(UTC)).total_seconds())
    hours, rest = divmod(max(seconds, 0), 3600)
    return f"{hours}h{rest // 60:02}m" if hours else f"{rest // 60}m{rest % 60:02}s"
