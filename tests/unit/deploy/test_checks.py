"""How `./vigil test` spreads its tests: side by side, unless a place or a spreading is named."""

import pytest

from deploy.checks import LANES, QUICK, lanes


@pytest.mark.parametrize("arguments", [[], ["-m", "slow"], ["-k", "kafka", "-x"], ["--durations=5"]])
def test_the_whole_runs_side_by_side(arguments: list[str]) -> None:
    assert lanes(arguments) == LANES


def test_what_only_computes_runs_in_as_many_processes_as_there_are_cores() -> None:
    assert lanes(["-m", "not slow"]) == QUICK


@pytest.mark.parametrize(
    "arguments",
    [["tests/unit"], ["tests/no_such_test.py"], ["tests/unit/deploy/test_checks.py::test_x"], ["-n", "4"], ["-n0"], ["--collect-only"]],
)
def test_what_is_named_runs_as_asked(arguments: list[str]) -> None:
    assert lanes(arguments) == ()
