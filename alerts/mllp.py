"""MLLP, the sender's side: a message over TCP, and what its acknowledgement says.

Raises `PartAway` where there is no answer in time: the message is sent again, with the same control id.
"""

import socket
from typing import Literal

from vitals.errors import PartAway

START, END = b"\x0b", b"\x1c\r"
LONGEST = 65_536

Code = Literal["AA", "AE", "AR"]
_CODES: dict[str, Code] = {"AA": "AA", "CA": "AA", "AE": "AE", "CE": "AE", "AR": "AR", "CR": "AR"}


class Line:
    """One connection, opened when first needed and after each failure."""

    def __init__(self, host: str, port: int, timeout_s: float = 5.0) -> None:
        self._to, self._timeout_s = (host, port), timeout_s
        self._socket: socket.socket | None = None

    def say(self, message: str) -> Code:
        """Sends it and waits for the answer."""
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self._to, self._timeout_s)
            self._socket.sendall(START + message.encode() + END)
            return code(self._answer(self._socket))
        except OSError as error:
            self.close()
            raise PartAway(f"the alarm receiver: {type(error).__name__}") from error

    def close(self) -> None:
        """Hangs up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _answer(self, connection: socket.socket) -> bytes:
        got = b""
        while END not in got and len(got) < LONGEST:
            more = connection.recv(4096)
            if not more:
                raise ConnectionResetError
            got += more
        return got


def code(answer: bytes) -> Code:
    """MSA-1 of an acknowledgement; what is none is an AR."""
    for segment in answer.strip(START + END).split(b"\r"):
        fields = segment.decode("utf-8", "replace").split("|")
        if fields[0] == "MSA" and len(fields) > 1:
            return _CODES.get(fields[1], "AR")
    return "AR"
