"""`./vigil bench [NAME ...] [--json]`: the benchmarks, one line each: name, figure, unit.

In: the servers' addresses in the environment (VIGIL_KAFKA, VIGIL_DATABASE as an admin's URL, VIGIL_MQTT, VIGIL_MQTT_ADMIN), which
the launcher starts and names. Every module `loadtests/bench_*.py` is a benchmark: it has `NAME: str` and
`run(parts: Parts) -> Iterable[Figure]`, and makes what it writes to (a database, topics) for itself. Out: the figures, as they come.
Promise: a benchmark that fails says so on stderr, the others run all the same, and the exit code is 1.
"""

import argparse
import ast
import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

from loadtests.figure import Figure
from loadtests.kafka import fresh_topics
from loadtests.timescale import fresh_database

__all__ = ["Figure", "Parts", "main"]

Run = Callable[["Parts"], Iterable[Figure]]


class MissingPart(Exception):
    """A benchmark asked for a server whose address is not in the environment."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The real servers' addresses; asking for one that is not there raises MissingPart, which names the variable."""

    environ: Mapping[str, str]

    def _address(self, variable: str) -> str:
        if not self.environ.get(variable):
            raise MissingPart(f"{variable} is not set; run it as ./vigil bench, which starts the server and sets it")
        return self.environ[variable]

    @property
    def kafka(self) -> str:
        """Bootstrap host:port."""
        return self._address("VIGIL_KAFKA")

    @property
    def database(self) -> str:
        """The URL of an account that may create databases; use `fresh_database` to write anything."""
        return self._address("VIGIL_DATABASE")

    @property
    def mqtt(self) -> str:
        """mqtt://user:password@host:port of the gateway's account."""
        return self._address("VIGIL_MQTT")

    @property
    def mqtt_tls(self) -> tuple[str, str]:
        """The gateway's account on the encrypted listener, mqtts://user:password@host:port, and the file of its CA."""
        account, port = self._address("VIGIL_MQTT").rpartition(":")[0], self._address("VIGIL_MQTT_TLS_PORT")
        return f"{account.replace('mqtt://', 'mqtts://', 1)}:{port}", self._address("VIGIL_MQTT_CA")

    @property
    def mqtt_admin(self) -> str:
        """The account that manages device accounts."""
        return self._address("VIGIL_MQTT_ADMIN")

    def fresh_database(self) -> AbstractContextManager[str]:
        """The URL of a new database with all migrations applied; dropped at the end."""
        return fresh_database(self.database)

    def fresh_topics(self, partitions: int = 4) -> AbstractContextManager[str]:
        """A topic prefix with all of `vitals.topics` made under it; deleted at the end."""
        return fresh_topics(self.kafka, partitions)


def discovered() -> dict[str, str]:
    """NAME -> module, for every loadtests/bench_*.py. Nothing is imported: one that cannot be does not hide the others."""
    found = sorted(Path(__file__).parent.glob("bench_*.py"))
    return {_name(path): f"loadtests.{path.stem}" for path in found}


def _name(path: Path) -> str:
    for node in ast.parse(path.read_text()).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="NAME")], value=ast.Constant(value=str(name))):
                return name
            case ast.AnnAssign(target=ast.Name(id="NAME"), value=ast.Constant(value=str(name))):
                return name
    return path.stem.removeprefix("bench_")


def chosen(wanted: Sequence[str], known: Mapping[str, str]) -> list[str]:
    """The modules to run, in the order asked for; all of them when nothing is asked. Raises SystemExit naming an unknown one."""
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise SystemExit(f"no benchmark {', '.join(unknown)}; there are: {', '.join(known)}")
    return [known[name] for name in wanted or known]


def figures(modules: Iterable[str], parts: Parts, failed: list[str]) -> Iterator[Figure]:
    """Every figure as it comes; a benchmark that breaks is told on stderr and noted in `failed`."""
    for module in modules:
        try:
            yield from importlib.import_module(module).run(parts)
        except Exception:  # noqa: BLE001 - one broken benchmark must not hide the others' figures; it is told and fails the run
            traceback.print_exc(file=sys.stderr)
            failed.append(module)


def line(figure: Figure) -> str:
    """`name  figure  unit` for a person."""
    shown = f"{figure.figure:,.0f}" if abs(figure.figure) >= 100 else f"{figure.figure:,.3g}"
    return f"{figure.name:<58} {shown:>14}  {figure.unit}"


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs the chosen benchmarks; 1 when one of them failed."""
    parser = argparse.ArgumentParser(prog="vigil bench", description="The benchmarks, one line each: name, figure, unit.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--list", action="store_true", help="only say which there are")
    options = parser.parse_args(arguments)
    known = discovered()
    modules = chosen(options.names, known)
    if options.list:
        print("\n".join(known))
        return 0
    failed: list[str] = []
    for figure in figures(modules, Parts(environ), failed):
        print(json.dumps(asdict(figure)) if options.json else line(figure), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what a benchmark has started ends with it
    raise SystemExit(main(sys.argv[1:], os.environ))
