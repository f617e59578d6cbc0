"""Where the broker listens: encrypted where it is told, unencrypted on this machine alone unless asked."""

import pytest

from deploy.parts.mosquitto import Ports

HERE, EVERYWHERE, WARD = "127.0.0.1", "0.0.0.0", "192.0.2.7"  # noqa: S104 - compared with, not bound to


@pytest.mark.parametrize(
    ("bind", "asked", "plain", "secure"),
    [
        (HERE, False, HERE, (HERE,)),
        ("127.0.0.2", False, "127.0.0.2", ("127.0.0.2",)),
        (EVERYWHERE, False, HERE, (EVERYWHERE,)),
        (EVERYWHERE, True, EVERYWHERE, (EVERYWHERE,)),
        (WARD, False, HERE, (WARD, HERE)),
        (WARD, True, WARD, (WARD,)),
    ],
)
def test_unencrypted_stays_on_this_machine_unless_asked(bind: str, asked: bool, plain: str, secure: tuple[str, ...]) -> None:
    ports = Ports(1883, 8883, bind, open_plain=asked)
    assert (ports.plain_bind, ports.secure_binds) == (plain, secure)


@pytest.mark.parametrize(
    ("bind", "asked", "told"), [(HERE, False, f"{HERE}:1883"), (WARD, False, f"{WARD}:8883"), (WARD, True, f"{WARD}:1883")]
)
def test_devices_are_told_a_listener_that_they_reach(bind: str, asked: bool, told: str) -> None:
    assert Ports(1883, 8883, bind, open_plain=asked).public == told
