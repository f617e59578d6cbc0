"""The house rules that a machine can check: who imports whom, which library is in which room, who reads the clock, how long a module is."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SERVICES = ("ingest", "streams", "alerts", "dashboard_api", "devices")
PACKAGES = ("vitals", *SERVICES, "loadtests", "deploy", "vigil_client")
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "base", "manager", "service", "misc"}
LONGEST = 300

# client library -> the beginnings or ends of the names of modules that may import it
ADAPTERS = {
    "paho": ("mqtt",),
    "confluent_kafka": ("kafka",),
    "psycopg": ("timescale",),
    "psycopg_pool": ("timescale",),
    "faust": ("_app",),
    "wfdb": ("wfdb",),
    "apprise": ("apprise",),
    "hl7": ("hl7", "mllp"),
    "locust": ("load", "users"),
}
EVERYWHERE_IN = {"deploy": {"psycopg", "confluent_kafka"}, "loadtests": {"psycopg", "confluent_kafka", "paho"}}
CLOCK = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "os.environ", "os.getenv"}


def modules(*packages: str) -> Iterator[Path]:
    """Every module of these packages, without those under node_modules."""
    for package in packages:
        yield from (p for p in sorted((ROOT / package).rglob("*.py")) if "node_modules" not in p.parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> set[str]:
    """The top-level names that a module imports."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def touched(path: Path) -> set[str]:
    """`a.b` for every attribute b of a plain name a."""
    attributes = (n for n in ast.walk(tree(path)) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name))
    return {f"{n.value.id}.{n.attr}" for n in attributes if isinstance(n.value, ast.Name)}


def is_main(path: Path) -> bool:
    """A `main` or `app` module: `*_main.py`, `*_app.py`, `main.py`, `__main__.py`."""
    return path.stem.strip("_").endswith(("main", "app"))


def test_the_import_rules_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]


@pytest.mark.parametrize("library", ADAPTERS)
def test_a_client_library_is_only_in_the_adapter_named_after_it(library: str) -> None:
    allowed = ADAPTERS[library]
    outside = [
        named(path)
        for path in modules("vitals", *SERVICES, "loadtests", "deploy")
        if library in imported(path)
        and not (path.stem.startswith(allowed) or path.stem.endswith(allowed))
        and library not in EVERYWHERE_IN.get(path.relative_to(ROOT).parts[0], set())
    ]
    assert outside == []


def test_only_main_and_app_modules_read_the_environment_and_the_clock() -> None:
    readers = {named(path): sorted(touched(path) & CLOCK) for path in modules("vitals", *SERVICES) if not is_main(path)}
    assert {name: what for name, what in readers.items() if what} == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [named(path) for path in modules(*PACKAGES) if path.stem in FORBIDDEN or set(path.parent.parts) & FORBIDDEN] == []


def test_no_module_is_longer_than_a_person_reads_at_once() -> None:
    assert {named(path): n for path in modules(*PACKAGES) if (n := len(path.read_text().splitlines())) > LONGEST} == {}


def test_every_module_says_what_it_is() -> None:
    assert [named(path) for path in modules(*PACKAGES) if tree(path).body and not ast.get_docstring(tree(path))] == []


def test_every_package_is_listed_for_installation() -> None:
    listed = (ROOT / "pyproject.toml").read_text()
    packages = {named(path.parent).replace("/", ".") for path in modules(*PACKAGES) if path.name == "__init__.py"}
    assert sorted(package for package in packages if f'"{package}"' not in listed) == []


def test_no_two_decisions_have_one_number() -> None:
    numbers = [path.name.split("-")[0] for path in (ROOT / "docs" / "adr").glob("*.md")]
    assert sorted(numbers) == sorted(set(numbers))


def test_every_setting_of_a_process_is_in_the_table_of_the_environment() -> None:
    """Behind a full name the table gives its siblings by their last words: `VIGIL_QUOTA_RATE`, `_BURST`."""
    table = (ROOT / "ARCHITECTURE.md").read_text().partition("## Environment")[2].partition("## ")[0]
    told = set(re.findall(r"`(VIGIL_[A-Z0-9_]+)", table))
    endings = tuple(re.findall(r"`(_[A-Z0-9_]+)`", table))
    asked = {name for path in modules("vitals", *SERVICES) for name in re.findall(r'setting\(\s*"(VIGIL_\w+)"', path.read_text())}
    assert sorted(name for name in asked - told if not name.endswith(endings)) == []
