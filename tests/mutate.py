"""`./vigil mutate`: changes detection in one place at a time and sees whether a test notices.

In: the table of NEWS2 (`vitals/news2.py`), the timer's transitions (`streams/detect/timers.py`), the comparisons of the other detectors.
A mutant is one change: a number of the table by one step of the chart, a comparison's strictness or sense, `&` for `|`, `+` for `-`,
the least for the most, the two sides of a choice. For each the module's own fast tests run, in a process of its own that finds the
changed source instead of the file; nothing is written. Out: a line for each survivor, and the score. Exit code 1 when one survives
that `EQUIVALENT` does not name. Promise: the same mutants and the same tests at every run (hypothesis is seeded).
"""

import argparse
import ast
import copy
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import hypothesis.strategies  # noqa: F401 - imported once, before the forks
import msgspec  # noqa: F401 - the same
import numpy  # noqa: F401 - the same
import pyarrow  # noqa: F401 - the same
import pytest

ROOT = Path(__file__).resolve().parents[1]
LONGEST_S = 120.0
UNIT = "tests/unit/streams/detect/"


@dataclass(frozen=True, slots=True)
class Target:
    """A module, the tests that must notice, the table in it whose numbers are changed too."""

    path: str
    tests: tuple[str, ...]
    tables: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: where, what, and the module's source with it."""

    target: Target
    line: int
    words: str
    source: str


_STEP = (UNIT + "test_timers.py", UNIT + "test_no_excursion_is_missed.py", UNIT + "test_step.py")
TARGETS = (
    Target(
        "vitals/news2.py",
        ("tests/unit/vitals/test_news2.py",),
        frozenset({"TABLE", "MEDIUM", "HIGH", "ON_OXYGEN_POINTS", "ROOM_AIR_PERCENT"}),
    ),
    Target("streams/detect/timers.py", _STEP),
    Target("streams/detect/conditions.py", (UNIT + "test_backlog.py", UNIT + "test_courses.py", *_STEP)),
    Target("streams/detect/silence.py", (UNIT + "test_outage.py", UNIT + "test_step.py")),
    Target("streams/detect/baseline.py", (UNIT + "test_step.py",)),
)
EQUIVALENT: frozenset[tuple[str, str]] = frozenset(
    {
        ("streams/detect/timers.py", "c.side > 0 -> c.side >= 0"),  # without a side there is no excursion whose worst value it picks
        ("streams/detect/timers.py", "before > 0 -> before >= 0"),  # at 0 there is no slack to give to either side
    }
)
"""(path, words) of changes that change nothing, each with its reason beside it."""

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div,
}  # fmt: skip
_CALLS = {"minimum": "maximum", "maximum": "minimum", "min": "max", "max": "min", "any": "all", "all": "any"}


def mutants(target: Target) -> Iterator[Mutant]:
    """Every change of one module."""
    text = (ROOT / target.path).read_text()
    tree = ast.parse(text)
    places = [*_expressions(tree), *_numbers(tree, target.tables)]
    for place, change in enumerate(_changes(node) for node in places):
        for number in range(len(change)):
            again = copy.deepcopy(tree)
            node = [*_expressions(again), *_numbers(again, target.tables)][place]
            before = ast.unparse(node)
            _changes(node)[number]()
            words = f"{before} -> {ast.unparse(node)}"
            yield Mutant(target, node.lineno, words, ast.unparse(ast.fix_missing_locations(again)))


def _expressions(tree: ast.Module) -> list[ast.expr]:
    kinds = (ast.Compare, ast.BinOp, ast.Call)
    return [n for n in ast.walk(_without_words(tree)) if isinstance(n, kinds) and _changes(n)]


def _without_words(tree: ast.Module) -> ast.Module:
    """Type aliases and annotations are no behaviour."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            for argument in (*node.args.args, *node.args.kwonlyargs):
                argument.annotation = None
    return tree


def _numbers(tree: ast.Module, tables: frozenset[str]) -> list[ast.expr]:
    found: list[ast.expr] = []
    for node in tree.body:
        name = node.targets[0] if isinstance(node, ast.Assign) else node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(name, ast.Name) and name.id in tables and isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            found += [n for n in ast.walk(node.value) if isinstance(n, ast.Constant) and isinstance(n.value, int | float)]
    return found


def _changes(node: ast.expr) -> list[Callable[[], object]]:
    """What can be done to a node, each a call that does it in place."""
    match node:
        case ast.Constant(value=int() | float() as value):
            by = 0.1 if isinstance(value, float) else 1
            return [lambda: setattr(node, "value", round(value + by, 6)), lambda: setattr(node, "value", round(value - by, 6))]
        case ast.Compare(ops=[op]) if type(op) in _COMPARISONS:
            return [lambda: node.ops.__setitem__(0, _COMPARISONS[type(node.ops[0])]())]
        case ast.BinOp(op=sign) if type(sign) in _OPERATORS:
            return [lambda: setattr(node, "op", _OPERATORS[type(sign)]())]
        case ast.Call(func=ast.Attribute(attr=name) as function) if name in _CALLS:
            return [lambda: setattr(function, "attr", _CALLS[name])]
        case ast.Call(func=ast.Name(id=name) as function) if name in _CALLS:
            return [lambda: setattr(function, "id", _CALLS[name])]
        case ast.Call(func=ast.Attribute(attr="where"), args=[_, first, second]):
            return [lambda: node.args.__setitem__(slice(1, 3), [second, first])]
    return []


class _Source(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module in its changed source."""

    def __init__(self, name: str, source: str) -> None:
        self._name, self._source = name, source

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(ROOT / (self._name.replace(".", "/") + ".py"))
        exec(compile(self._source, module.__file__, "exec"), module.__dict__)  # noqa: S102 - the module's own source, one place changed


def killed(mutant: Mutant) -> bool:
    """Whether a test fails (or does not end) on it; in a fork, so that every mutant is imported afresh."""
    pid = os.fork()
    if not pid:
        os._exit(_tested(mutant))
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) != 0
        time.sleep(0.02)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return True


def _tested(mutant: Mutant) -> int:
    """pytest's exit code, silently; runs in the fork."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    sys.meta_path.insert(0, _Source(mutant.target.path.removesuffix(".py").replace("/", "."), mutant.source))
    try:
        return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--noconftest", "--hypothesis-seed=0", *mutant.target.tests]))
    except BaseException:  # noqa: BLE001 - a mutant that cannot even be run was noticed; the fork must end here
        return 1


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(words: Sequence[str]) -> int:
    """0; 1 when a mutant survives that is not known to change nothing."""
    parser = argparse.ArgumentParser(prog="vigil mutate", description="Changes detection one place at a time; a test must notice.")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="only these modules")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(words)
    os.chdir(ROOT)
    alive = total = 0
    for target in [t for t in TARGETS if not options.paths or t.path in options.paths]:
        if killed(Mutant(target, 0, "", (ROOT / target.path).read_text())):
            raise SystemExit(f"the tests of {target.path} fail without any change")
        found = [m for m in mutants(target) if (m.target.path, m.words) not in EQUIVALENT]
        noticed = []
        with ThreadPoolExecutor(options.jobs) as pool:
            for mutant, was in zip(found, pool.map(killed, found), strict=True):
                noticed.append(was)
                if not was:
                    _say(f"survived: {target.path}:{mutant.line}: {mutant.words}")
        _say(f"{target.path}: {sum(noticed)} of {len(found)} noticed")
        alive, total = alive + noticed.count(False), total + len(found)
    _say(f"{total - alive} of {total} noticed: {100 * (total - alive) / max(1, total):.1f} %")
    return 1 if alive else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
