"""What the command line says cannot end what it speaks of."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy import cli


@pytest.mark.parametrize("speak", [cli.say, cli.plain])
def test_a_line_that_nobody_can_take_ends_nothing(speak: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("wb", buffering=0) as disk:
        full = io.TextIOWrapper(disk, write_through=True)
        monkeypatch.setattr("sys.stderr", full)
        monkeypatch.setattr("sys.stdout", full)
        speak("stopping http")
