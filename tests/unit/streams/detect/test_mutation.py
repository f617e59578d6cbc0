"""The changes that `./vigil mutate` makes, and that its list of those which change nothing is about changes that there are."""

from pathlib import Path

import pytest

from tests.mutants import Numbers, changed, changes
from tests.mutate import ROOT, stale
from tests.mutation_targets import TARGETS


def words(source, **numbers):
    return [c.words for c in changes(source, Numbers(**{k: frozenset(v) for k, v in numbers.items()}))]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", ["a < b -> a <= b"]),
        ("a + b * c", ["a + b * c -> a - b * c", "b * c -> b / c"]),
        ("x &= a and not b", ["x &= a and (not b) -> x |= a and (not b)", "a and (not b) -> a or not b", "not b -> not not b"]),
        ("np.where(a, b, c)", ["np.where(a, b, c) -> np.where(a, c, b)"]),
        ("min(-a, b)", ["min(-a, b) -> max(-a, b)", "-a -> --a"]),
        ("def f(x: A | B) -> A | B:\n    y: A | B = x", []),
    ],
)
def test_a_change_is_of_one_place_and_never_of_an_annotation(source, expected):
    assert words(source) == expected


def test_a_charts_numbers_move_by_a_step_and_amounts_to_twice_and_half():
    source = "CHART = {'x': (3, 34.9)}\nWAIT, OTHER = 10_000, 7"
    assert words(source, charts={"CHART"}, amounts={"WAIT"}) == [
        "3 -> 4", "3 -> 2", "34.9 -> 35.0", "34.9 -> 34.8", "10000 -> 20000", "10000 -> 5000",
    ]  # fmt: skip


def test_a_change_knows_its_function_and_does_what_it_says():
    source = "class A:\n    def f(self, x):\n        return x > 2\n"
    (change,) = changes(source, Numbers())
    space = {}
    exec(changed(source, Numbers(), change.number, "a.py"), space)  # noqa: S102 - the source above
    assert (change.function, change.lines, space["A"]().f(2)) == ("A.f", (3, 3), True)


def test_what_is_said_to_change_nothing_is_still_there():
    assert stale() == []


def test_every_target_and_its_tests_are_there():
    named = [Path(path) for path in TARGETS] + [Path(file) for target in TARGETS.values() for file in target.files]
    assert [str(path) for path in named if not (ROOT / path).is_file()] == []
