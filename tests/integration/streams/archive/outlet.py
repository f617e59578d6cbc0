"""A TCP forwarder that a test can close and open: the database goes away without stopping it for others."""

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit


class Outlet:
    """Listens on a free port of 127.0.0.1 and forwards to the server in `url` while it is open."""

    def __init__(self, url: str) -> None:
        self._target = (urlsplit(url).hostname or "127.0.0.1", urlsplit(url).port or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[socket.socket] = []
        self._open = threading.Event()
        self._open.set()
        parts = urlsplit(url)
        account = parts.netloc.rpartition("@")[0]
        self.url = urlunsplit(parts._replace(netloc=f"{account}@127.0.0.1:{self._listener.getsockname()[1]}"))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if not self._open.is_set():
                    client.close()
                    continue
                server = socket.create_connection(self._target)
                self._pairs += [client, server]
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def away(self) -> None:
        """Breaks every connection and takes no new one."""
        self._open.clear()
        for each in self._pairs:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._pairs.clear()

    def back(self) -> None:
        """Takes connections again."""
        self._open.set()

    def close(self) -> None:
        """Ends it."""
        self.away()
        self._listener.close()
