"""Servers named in the environment: misspelled or silent ones are told by name, before anything is started."""

import socket

import pytest

from deploy import named
from deploy.parts.errors import PartError
from deploy.parts.running import free_port


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("VIGIL_KAFKA", "nonsense"),
        ("VIGIL_KAFKA", "host:port"),
        ("VIGIL_DATABASE", "nonsense"),
        ("VIGIL_DATABASE", "postgresql://u:se/cret@h/db"),
        ("VIGIL_MQTT", "h:1883"),
    ],
)
def test_a_misspelled_address_is_an_error_that_names_its_variable_and_no_password(variable: str, text: str) -> None:
    with pytest.raises(PartError, match=f"^{variable}: expected ") as refused:
        named.check({variable: text})
    assert "cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("variable", "form"),
    [
        ("VIGIL_KAFKA", "127.0.0.1:{}"),
        ("VIGIL_DATABASE", "postgresql://u:secret@127.0.0.1:{}/db"),
        ("VIGIL_MQTT", "mqtts://u:secret@127.0.0.1:{}"),
    ],
)
def test_a_silent_address_is_an_error_that_names_it(variable: str, form: str) -> None:
    port = free_port()
    with pytest.raises(PartError) as refused:
        named.check({variable: form.format(port)})
    assert str(refused.value) == f"{variable} names 127.0.0.1:{port}: nothing answers there"


def test_one_answering_broker_of_several_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        named.check({"VIGIL_KAFKA": f"127.0.0.1:{free_port()}, 127.0.0.1:{listening.getsockname()[1]}", "PATH": "/bin"})
