"""Whether one of Vigil's own processes takes work, and how far behind it is: read from its Prometheus metrics on 127.0.0.1.

The gauges are `vigil_ready` and `vigil_behind_ms` (the largest, where there are several).
"""

import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

GAUGE = re.compile(r"^(vigil_ready|vigil_behind_ms)(?:\{[^}]*\})? ([-+0-9.eE]+|NaN)", re.MULTILINE)
TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a process says of itself; `behind_ms` is None when it does not say."""

    ready: bool
    behind_ms: float | None


SILENT = Answer(False, None)


def parse(text: str) -> Answer:
    """The two gauges in an exposition."""
    found: dict[str, list[float]] = {}
    for name, value in GAUGE.findall(text):
        found.setdefault(name, []).append(float(value))
    behind = [value for value in found.get("vigil_behind_ms", []) if value == value]
    return Answer(min(found.get("vigil_ready", [0.0])) >= 1, max(behind) if behind else None)


def ask(port: int) -> Answer:
    """The answer of the process whose metrics are on `port`."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=TIMEOUT_S) as answer:
            return parse(answer.read().decode())
    except (OSError, urllib.error.URLError, ValueError):
        return SILENT


def enrolled(memory: Path, patients: int) -> bool:
    """Whether the simulator's memory has as many devices that are assigned to a patient."""
    try:
        known = json.loads(memory.read_text())
    except (FileNotFoundError, ValueError):
        return False
    return sum(bool(device.get("assigned")) for device in known.values()) >= patients
