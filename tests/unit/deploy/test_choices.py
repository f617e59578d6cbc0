"""Ports: chosen, free or named when taken."""

import socket
from pathlib import Path

import pytest

from deploy import cli
from deploy.choices import NAMED, PORTS, settle_ports
from deploy.parts.errors import PortTaken

FREE = {option.name: 0 for option in PORTS}


@pytest.mark.parametrize("option", PORTS, ids=lambda option: option.name)
def test_a_taken_port_is_an_error_that_names_it_and_its_option(option) -> None:  # type: ignore[no-untyped-def]  # parametrised
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"port {port} \({option.what}\) is taken.*{option.option}"):
            settle_ports({**FREE, option.name: port}, "127.0.0.1", {})


def test_port_zero_takes_a_free_one() -> None:
    assert all(settle_ports(FREE, "127.0.0.1", {}).values())


def test_no_port_is_asked_for_a_server_that_is_named() -> None:
    named = dict.fromkeys(NAMED, "somewhere")
    assert set(settle_ports(FREE, "127.0.0.1", named)) == {"http", "live", "mllp"}


def test_every_port_has_an_option() -> None:
    words = [word for option in PORTS for word in (option.option, "0")]
    options = cli.parser().parse_args(["up", *words])
    assert {name for name in FREE if getattr(options, f"{name}_port") == 0} == set(FREE)


@pytest.mark.parametrize("words", [["--http-port", "70000"], ["--patients", "0"], ["--patients", "many"]])
def test_a_wrong_option_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        cli.main(["up", *words])
    assert (refused.value.code, words[0] in capsys.readouterr().err) == (2, True)


def test_status_of_a_folder_where_nothing_runs_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["status", "--data-dir", str(tmp_path)])
    assert (code, capsys.readouterr().out) == (1, f"no Vigil runs on {tmp_path}\n")


def test_down_where_nothing_runs_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["down", "--data-dir", str(tmp_path)])
    assert (code, capsys.readouterr().out) == (0, f"no Vigil runs on {tmp_path}\n")
