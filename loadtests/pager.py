"""A pager's end for the benchmarks: an HTTP receiver that notes when each page came."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


class Pager:
    """`came`: idempotency key -> ms since 1970 at which it first came."""

    def __init__(self) -> None:
        self.came: dict[str, int] = {}
        pager = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                pager.came.setdefault(self.headers["idempotency-key"], time.time_ns() // 1_000_000)
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *_args: object) -> None:  # noqa: ARG002  the base class names it
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> "Pager":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
