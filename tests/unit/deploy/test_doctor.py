"""What the doctor says of the folder that it is asked about."""

from pathlib import Path

import pytest

from deploy import cli, doctor, down
from deploy.doctor import Finding, State
from deploy.home import Home


def said(home: Home, name: str) -> Finding:
    """The row of this name."""
    return next(check(name, home) for row, check in doctor.OF_FOLDER if row == name)


@pytest.mark.parametrize("command", ["up", "down", "status", "doctor"])
def test_a_command_that_concerns_a_running_vigil_takes_its_folder(command: str) -> None:
    assert cli.parser().parse_args([command, "--data-dir", "there"]).data_dir == Path("there")


def test_the_room_of_a_folder_that_is_not_there_yet_is_its_parents(tmp_path: Path) -> None:
    finding = said(Home(tmp_path / "new" / "one"), "data folder")
    assert (finding.state, f"at {tmp_path}," in finding.text) == (State.HERE, True)


def test_ports_that_the_vigil_of_the_folder_has_are_not_in_its_way(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make()
    with down.remember_supervisor(home):
        finding = said(home, "ports")
    assert (finding.state, f"a Vigil runs on {tmp_path}" in finding.text) == (State.HERE, True)
