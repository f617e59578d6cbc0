"""`./vigil mutate`: changes detection one place at a time and sees whether a test notices.

In: the pure modules of `streams/detect`, `vitals/news2.py`, and what says of alerts which are one and how grave; what is a change:
`tests/mutants.py`. Each is tried in a fork of its own, in which the function has the changed code (what takes effect at import:
everything is imported afresh); nothing is written. Its tests are those of the module's test modules that run the changed lines, the
quickest first, until one fails or does not end. Out: a line for each survivor, a table, the score. Exit code 1 when one survives that
`EQUIVALENT` does not name. Promise: hypothesis is seeded, so that a score is the same again. Not looked at: adapters (`kafka`,
`timescale_history`, the workers), which real servers test, and what only words, stores or lays out what was decided (`telling`,
`reasons`, `report`, `metrics`, `memory`, `checkpoint`, `partition`).
"""

import argparse
import importlib.machinery
import os
import pickle
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeVar

import hypothesis
import pytest
from _pytest.runner import runtestprotocol

from tests.mutants import Change, changed, changes
from tests.mutation_targets import EQUIVALENT, ROOMS, TARGETS
from tests.traced import Lines, Traced

ROOT = Path(__file__).resolve().parents[1]
LEAST_S, TIMES, LONGEST_S = 60.0, 5.0, 300.0
"""A mutant's tests may take this many times as long as without it, and this much longer; then it has hung, and that was noticed."""
NOTICED, SURVIVED = 1, 0
OPTIONS = ("-q", "-s", "--noconftest", "--hypothesis-seed=0", "-p", "no:cacheprovider")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of a module, by its path."""

    path: str
    change: Change

    def __str__(self) -> str:
        return f"{self.path}:{self.change.lines[0]}: {self.change.words}"

    @property
    def equivalent(self) -> bool:
        """Whether it is known to change nothing."""
        return (self.path, self.change.function, self.change.words) in EQUIVALENT


def mutants(path: str) -> list[Mutant]:
    """Every change of one module."""
    return [Mutant(path, change) for change in changes((ROOT / path).read_text(), TARGETS[path].numbers)]


def stale() -> list[tuple[str, str, str]]:
    """Entries of EQUIVALENT that match no mutant any more."""
    there = {(m.path, m.change.function, m.change.words) for path in TARGETS for m in mutants(path)}
    return sorted(set(EQUIVALENT) - there)


@dataclass(slots=True)
class Known:
    """What one run of every test without any change says: by node id the seconds and the lines; what ran at import."""

    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, Lines] = field(default_factory=dict)
    imported: Lines = field(default_factory=set)

    def tests(self, mutant: Mutant) -> list[str]:
        """The tests that run the mutant's lines, the quickest first; for what takes effect at import, all of the module's."""
        first, last = mutant.change.lines
        mine = {(mutant.path, n) for n in range(first, last + 1)}
        files = TARGETS[mutant.path].files
        theirs = [t for t in self.lines if t.split("::")[0] in files and (self.at_import(mutant) or self.lines[t] & mine)]
        return sorted(theirs, key=self.seconds.__getitem__)

    def at_import(self, mutant: Mutant) -> bool:
        """Whether a change takes effect when modules are imported, or tests collected."""
        first, last = mutant.change.lines
        return not mutant.change.function or any((mutant.path, n) in self.imported for n in range(first, last + 1))


class Loop:
    """A pytest plugin that, instead of running the tests, tries the mutants on them."""

    def __init__(self, mutants: Sequence[Mutant], jobs: int, say: Callable[[str], object]) -> None:
        self.mutants, self._jobs, self._known = mutants, jobs, Known()
        self._items: dict[str, pytest.Item] = {}
        self.say, self.trouble = say, ""
        self.noticed: dict[Mutant, bool] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """What the modules do while they are imported is traced."""
        self._trace = Traced({str(ROOT / path): path for path in TARGETS}).__enter__()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Learns what each test runs, then tries each mutant."""
        self._trace.__exit__()
        self._known.imported = self._trace.lines
        self._items = {item.nodeid: item for item in session.items}
        if session.testsfailed or not self._items:
            self.trouble = "the tests cannot be collected"
            return True
        for node, answer in _forked(list(self._items), self._jobs, self._learn, lambda _: LONGEST_S):
            if not isinstance(answer, tuple):
                self.trouble = f"{node} fails without any change"
                return True
            self._known.seconds[node], self._known.lines[node] = answer
        same = [Mutant(path, Change(-1, (0, 0), "", "no change")) for path in sorted({m.path for m in self.mutants})]
        for mutant, answer in _forked(same, self._jobs, self._try, self._limit_s):
            if answer != SURVIVED:
                self.trouble = f"the tests of {mutant.path} fail without any change when it is imported afresh"
                return True
        self.say(f"{len(self._items)} tests, {sum(self._known.seconds.values()):.0f} s; {len(self.mutants)} mutants")
        for mutant, answer in _forked(self.mutants, self._jobs, self._try, self._limit_s):
            self.noticed[mutant] = answer != SURVIVED
            if answer == SURVIVED:
                self.say(f"survived: {mutant}" + ("" if self._known.tests(mutant) else " (no test runs it)"))
        return True

    def _limit_s(self, mutant: Mutant) -> float:
        return LEAST_S + TIMES * sum(self._known.seconds[t] for t in self._known.tests(mutant))

    def _learn(self, node: str) -> tuple[float, Lines] | int:
        began = time.monotonic()
        with Traced({str(ROOT / path): path for path in TARGETS}) as trace:
            failed = self._failed(node)
        return NOTICED if failed else (time.monotonic() - began, trace.lines)

    def _try(self, mutant: Mutant) -> int:
        tests = self._known.tests(mutant)
        code = changed((ROOT / mutant.path).read_text(), TARGETS[mutant.path].numbers, mutant.change.number, str(ROOT / mutant.path))
        if not self._known.at_import(mutant):
            _patched(mutant, code)
        elif not _laid(mutant, code):
            return _afresh(mutant, code, tests)
        if any(self._failed(node) for node in tests):
            return NOTICED
        return _afresh(mutant, code, tests) if self._known.at_import(mutant) and tests else SURVIVED

    def _failed(self, node: str) -> bool:
        item = self._items[node]
        return any(report.failed for report in runtestprotocol(item, nextitem=None, log=False))


def _module(mutant: Mutant) -> ModuleType:
    return sys.modules[mutant.path.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")]


def _patched(mutant: Mutant, code: CodeType) -> None:
    """Gives the function that everybody has the changed code."""
    found: Any = _module(mutant)
    for name in mutant.change.function.split("."):
        found = vars(found)[name]
    for wrapper in ("__func__", "fget", "__wrapped__"):
        found = getattr(found, wrapper, found)
    found.__code__ = next(c for c in _codes(code) if c.co_qualname == mutant.change.function)


def _laid(mutant: Mutant, code: CodeType) -> bool:
    """Gives the module, and whoever took it from there by name, what its changed code makes of the values at its top; False: it cannot.

    What others made of them stays, so a mutant that lives through this is tried `_afresh`.
    """
    if mutant.change.function:
        return False
    module = _module(mutant)
    space = {name: value for name, value in vars(module).items() if name.startswith("__")}
    exec(code, space)  # noqa: S102 - the module's own source, one place changed
    ours = [m for n, m in list(sys.modules.items()) if n.split(".")[0] in ROOMS]
    for name, value in space.items():
        if not name.startswith("__") and not isinstance(value, FunctionType | type) and type(value).__module__ != module.__name__:
            old = vars(module)[name]
            for other in [m for m in ours if vars(m).get(name, space) is old]:
                setattr(other, name, value)
    return True


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _codes(const)


def _afresh(mutant: Mutant, code: CodeType, tests: Sequence[str]) -> int:
    """The tests in a pytest of their own, with every module of ours imported again and one of them changed."""
    for name in [n for n in sys.modules if n.split(".")[0] in ROOMS]:
        del sys.modules[name]
    file = ROOT / mutant.path
    get_code = importlib.machinery.SourceFileLoader.get_code

    def ours(loader: importlib.machinery.SourceFileLoader, fullname: str) -> CodeType | None:
        return code if loader.path == str(file) else get_code(loader, fullname)

    importlib.machinery.SourceFileLoader.get_code = ours  # type: ignore[assignment,method-assign]  # in a fork that ends with the tests
    return NOTICED if pytest.main([*OPTIONS, "-x", *tests]) else SURVIVED


def _forked(work: Sequence[T], jobs: int, run: Callable[[T], Any], limit_s: Callable[[T], float]) -> Iterator[tuple[T, Any]]:
    """What `run` says of each, in forks, `jobs` at a time, in the order in which they end; NOTICED where one ends badly or not at all."""
    waiting, running = list(reversed(work)), dict[int, tuple[T, int, float]]()
    while waiting or running:
        while waiting and len(running) < jobs:
            each, answer = waiting.pop(), os.memfd_create("answer")
            running[_fork(run, each, answer)] = (each, answer, time.monotonic() + limit_s(each))
        for late in [pid for pid, (_, _, until) in running.items() if time.monotonic() > until]:
            os.kill(late, signal.SIGKILL)
        pid, _ = os.waitpid(-1, os.WNOHANG)
        if not pid:
            time.sleep(0.005)
            continue
        each, answer, _ = running.pop(pid)
        with os.fdopen(answer, "rb") as said:
            said.seek(0)
            words = said.read()
        yield each, pickle.loads(words) if words else NOTICED  # noqa: S301 - our own fork wrote it


def _fork(run: Callable[[T], Any], each: T, answer: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        os.write(answer, pickle.dumps(run(each)))
    finally:
        os._exit(0)


def chosen(words: Sequence[str]) -> list[Mutant]:
    """The mutants of PATH or PATH:LINE, of all without; those that are known to change nothing left out."""
    found = [m for path in TARGETS for m in mutants(path) if not m.equivalent]
    return [m for m in found if not words or m.path in words or f"{m.path}:{m.change.lines[0]}" in words]


def table(noticed: Mapping[Mutant, bool]) -> list[str]:
    """By module how many were noticed, of how many, and how many change nothing; and of all."""
    total, seen = Counter(m.path for m in noticed), Counter(m.path for m, was in noticed.items() if was)
    same = Counter(path for path, _, _ in EQUIVALENT if path in total)
    lines = [f"{'module':<44}{'mutants':>8}{'noticed':>8}{'survive':>8}{'change nothing':>16}"]
    lines += [f"{path:<44}{n:>8}{seen[path]:>8}{n - seen[path]:>8}{same[path]:>16}" for path, n in sorted(total.items())]
    every, all_seen = total.total(), seen.total()
    lines.append(f"{'all':<44}{every:>8}{all_seen:>8}{every - all_seen:>8}{same.total():>16}")
    return [*lines, f"{all_seen} of {every} noticed: {100 * all_seen / max(1, every):.1f} %"]


def main(words: Sequence[str]) -> int:
    """0; 1 when a mutant survives that is not known to change nothing, or an entry of those matches nothing."""
    parser = argparse.ArgumentParser(prog="vigil mutate", description="Changes detection one place at a time; a test must notice.")
    parser.add_argument("paths", nargs="*", metavar="PATH[:LINE]", help="only these")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(words)
    os.chdir(ROOT)
    wanted = chosen(options.paths)
    if not wanted:
        raise SystemExit(f"nothing to change at {', '.join(options.paths)}; there are: {', '.join(TARGETS)}")
    if old := stale():
        raise SystemExit(f"no such change any more: {old}")
    quick = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutate", phases=quick, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
    hypothesis.settings.load_profile("mutate")
    screen, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    loop = Loop(wanted, options.jobs, lambda line: os.write(screen, f"{line}\n".encode()))
    pytest.main([*OPTIONS, *sorted({file for m in loop.mutants for file in TARGETS[m.path].files})], plugins=[loop])
    for line in [loop.trouble] if loop.trouble else table(loop.noticed):
        loop.say(line)
    return int(bool(loop.trouble) or not all(loop.noticed.values()))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
