"""Ports: chosen, free or named when taken."""

import errno
import os
import socket
from pathlib import Path

import psutil
import pytest

from deploy import cli
from deploy.choices import NAMED, PORTS, settle_ports, unheard
from deploy.home import ROOM_MB, Home, require_room
from deploy.parts.errors import NotOurAddress, PortTaken, Unusable
from deploy.parts.running import free_port

FREE = {option.name: 0 for option in PORTS}
# an address of this machine that is not only its own, where it has one
FACES = [face.address for faces in psutil.net_if_addrs().values() for face in faces if face.family == socket.AF_INET]
OWN = next((address for address in FACES if not address.startswith("127.")), "127.0.0.1")


@pytest.mark.parametrize("option", PORTS, ids=lambda option: option.name)
def test_a_taken_port_is_an_error_that_names_it_and_its_option(option) -> None:  # type: ignore[no-untyped-def]  # parametrised
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"port {port} \({option.what}\) is taken.*{option.option}"):
            settle_ports({**FREE, option.name: port}, "127.0.0.1", {})


@pytest.mark.parametrize("name", ["mqtt", "mqtt_tls"])
def test_a_port_of_the_broker_that_is_taken_on_this_machine_alone_is_taken(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(PortTaken):
        settle_ports({**FREE, name: other.getsockname()[1]}, OWN, {})


def test_unencrypted_mqtt_leaves_the_address_of_the_ward_to_others() -> None:
    port = free_port()  # of 127.0.0.1: one that the kernel chose on 127.0.0.2 may be in use there
    with socket.create_server(("127.0.0.2", port)):
        assert settle_ports({**FREE, "mqtt": port}, "0.0.0.0", {})["mqtt"] == port  # noqa: S104 - nothing is bound for long


def test_one_port_for_two_listeners_is_an_error_that_names_both() -> None:
    port = free_port()
    with pytest.raises(PortTaken, match=rf"port {port} \(live feed\) is Vigil's own dashboard and API already; .*--live-port"):
        settle_ports({**FREE, "http": port, "live": port}, "127.0.0.1", {})


@pytest.mark.parametrize("host", ["203.0.113.9", "no such name"])
def test_an_address_that_this_machine_does_not_have_is_an_error_that_names_it(host: str) -> None:
    with pytest.raises(NotOurAddress, match=f"cannot listen on {host}: .*--bind"):
        settle_ports(FREE, host, {})


def test_a_data_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unusable, match=r"file/x cannot be used: Not a directory; choose another with --data-dir"):
        Home(tmp_path / "file" / "x").make()


def test_a_full_disk_is_an_error_that_says_how_much_is_needed(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=f"has 3 MB of room left, {ROOM_MB} are needed"):
        require_room(tmp_path, 3 * 2**20)


def test_what_the_machine_refuses_is_said_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_options: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path))

    monkeypatch.setattr(cli, "COMMANDS", {"status": full})
    assert (cli.main(["status"]), capsys.readouterr().err) == (1, f"vigil: {tmp_path}: No space left on device\n")


def test_port_zero_takes_a_free_one() -> None:
    assert all(settle_ports(FREE, "127.0.0.1", {}).values())


def test_no_port_is_asked_for_a_server_that_is_named() -> None:
    named = dict.fromkeys(NAMED, "somewhere")
    assert set(settle_ports(FREE, "127.0.0.1", named)) == {"http", "live", "mllp"}


def test_every_port_has_an_option() -> None:
    words = [word for option in PORTS for word in (option.option, "0")]
    options = cli.parser().parse_args(["up", *words])
    assert {name for name in FREE if getattr(options, f"{name}_port") == 0} == set(FREE)


@pytest.mark.parametrize(
    "words", [["--http-port", "70000"], ["--patients", "0"], ["--patients", "many"], ["--speed", "0"], ["--speed", "nan"]]
)
def test_a_wrong_option_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        cli.main(["up", *words])
    assert (refused.value.code, words[0] in capsys.readouterr().err) == (2, True)


@pytest.mark.parametrize(("word", "expected"), [("status", 1), ("down", 0)])
def test_of_a_file_it_says_that_nothing_runs_there(tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str, expected: int) -> None:
    (tmp_path / "file").touch()
    code = cli.main([word, "--data-dir", str(tmp_path / "file")])
    assert (code, capsys.readouterr().out) == (expected, f"no Vigil runs on {tmp_path}/file\n")


def test_status_of_a_folder_where_nothing_runs_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["status", "--data-dir", str(tmp_path)])
    assert (code, capsys.readouterr().out) == (1, f"no Vigil runs on {tmp_path}\n")


def test_down_where_nothing_runs_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["down", "--data-dir", str(tmp_path)])
    assert (code, capsys.readouterr().out) == (0, f"no Vigil runs on {tmp_path}\n")


@pytest.mark.parametrize(
    ("bind", "environ", "told"),
    [
        ("127.0.0.1", {}, False),
        ("127.0.0.2", {}, False),
        ("0.0.0.0", {}, True),  # noqa: S104 - asked about, not bound to
        ("10.1.2.3", {}, True),
        ("10.1.2.3", {"VIGIL_MLLP_PEERS": "10.1.0.0/16"}, False),
    ],
)
def test_who_opens_hl7s_port_beyond_this_machine_is_told_that_nobody_there_is_heard_yet(
    bind: str, environ: dict[str, str], told: bool
) -> None:
    assert bool(unheard(bind, environ)) is told
