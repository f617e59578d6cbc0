"""Who may speak HL7."""

import pytest

from ingest.mllp_main import Settings
from ingest.mllp_peers import LOOPBACK, Gate, networks, within
from vitals.errors import SettingError
from vitals.settings import read

ENVIRON = {"VIGIL_KAFKA": "k", "VIGIL_DATABASE": "d", "VIGIL_MLLP_PORT": "2575"}


@pytest.mark.parametrize(
    ("peer", "let_in"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("::2", False),
        ("?", False),
    ],
)
def test_a_site_that_names_nobody_hears_this_machine_alone(peer: str, let_in: bool) -> None:
    assert within(read(Settings, ENVIRON).mllp_peers, peer) is let_in


@pytest.mark.parametrize(
    ("peer", "let_in"),
    [("10.1.2.3", True), ("10.1.2.4", False), ("10.4.255.1", True), ("fd00::7", True), ("fd00::7%eth0", True), ("127.0.0.1", False)],
)
def test_a_site_that_names_its_engines_hears_them_alone(peer: str, let_in: bool) -> None:
    assert within(networks("10.1.2.3, 10.4.0.0/16,fd00::/8"), peer) is let_in


@pytest.mark.parametrize("text", ["", "engine", "10.1.2.3/8", "10.1.2.3,", "10.1.2.3 10.1.2.4"])
def test_what_is_no_address_is_an_error_that_says_what_was_expected(text: str) -> None:
    with pytest.raises(SettingError, match=r"^VIGIL_MLLP_PEERS=.*10\.4\.0\.0/16"):
        read(Settings, {**ENVIRON, "VIGIL_MLLP_PEERS": text})


def test_a_stranger_is_counted_each_time_and_logged_once() -> None:
    counted, logged = list[None](), list[str]()
    gate = Gate(networks(LOOPBACK), lambda: counted.append(None), logged.append)
    let_in = [gate.admits(peer) for peer in ("10.0.0.1", "10.0.0.1", "10.0.0.2", "127.0.0.1")]
    assert (let_in, len(counted), [line.split()[1] for line in logged]) == ([False] * 3 + [True], 3, ["peer=10.0.0.1", "peer=10.0.0.2"])
