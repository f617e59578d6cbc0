"""A broker that is killed while it greets a device: the attempt fails, and the device tries again."""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from devices.mqtt import Door, Ears, Identity, Line

ATTEMPTS = 2_000
RESET = struct.pack("ii", 1, 0)


@pytest.fixture
def killed_broker() -> Iterator[Door]:
    """Takes connections and resets each at once, as the kernel does for a killed process."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_reset_all, args=(server,), daemon=True).start()
        yield Door("127.0.0.1", server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)


def _reset_all(server: socket.socket) -> None:
    while True:
        try:
            taken, _ = server.accept()
        except OSError:
            return
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        taken.close()


def test_a_broker_that_goes_while_it_greets_is_an_attempt_that_failed(killed_broker: Door) -> None:
    line = Line(killed_broker, Identity("dev-0123456789ab", "secret"), Ears(lambda *_: None, lambda _: None, lambda _: None))

    async def attempts() -> list[bool]:
        return [await line.connect(b"{}") for _ in range(ATTEMPTS)]

    assert asyncio.run(attempts()) == [False] * ATTEMPTS
