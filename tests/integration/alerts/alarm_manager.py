"""A hospital's alarm manager: takes IHE ACM over MLLP, breaks the first connection, keeps what it was told."""

import socket
import socketserver


class Manager(socketserver.ThreadingTCPServer):
    """An alarm manager: keeps messages, answers AA, but breaks the first connection without an answer."""

    allow_reuse_address, daemon_threads = True, True

    def __init__(self, port: int) -> None:
        self.got: list[str] = []
        self.broken = False
        super().__init__(("127.0.0.1", port), Handler)


class Handler(socketserver.BaseRequestHandler):
    """One connection."""

    def handle(self) -> None:
        manager, rest = self.server, b""
        assert isinstance(manager, Manager)
        while more := self.request.recv(4096):
            rest += more
            while b"\x1c\r" in rest:
                message, _, rest = rest.partition(b"\x1c\r")
                if not manager.broken:
                    manager.broken = True
                    self.request.shutdown(socket.SHUT_RDWR)
                    return
                manager.got.append(message[1:].decode())
                self.request.sendall(b"\x0bMSH|^~\\&|X|X|VIGIL|VIGIL|||ACK^R40|1|P|2.6\rMSA|AA|1\r\x1c\r")
