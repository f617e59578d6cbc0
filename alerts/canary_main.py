"""`python -m alerts.canary_main`: the canary's device, its pager, and the call to operations when the page does not come.

Its patient and device are made through the API like any other (a ward of its own, whose ladder calls a person whose contact is
`["webhook", "http://127.0.0.1:PORT/"]`). Operations are called by a webhook straight from here: no Kafka, no database and
no broker in between.
"""

import logging
import os
import signal
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import Counter, Gauge, start_http_server

from alerts import canary
from alerts.mqtt import Device
from alerts.notice import Notice
from alerts.webhook import Webhook
from vitals.settings import Broker, Secret, broker, port, positive_int, read, setting

LOG = logging.getLogger("canary")
PAGED = Gauge("vigil_canary_paged_seconds", "from the canary's illness to its page, the last time")
MISSED = Counter("vigil_canary_missed_total", "illnesses of the canary that nobody was paged for in time")
READY = Gauge("vigil_ready", "1 = watches")


@dataclass(frozen=True, slots=True)
class CanarySettings:
    """The canary's environment."""

    device: Broker = setting("VIGIL_CANARY_MQTT", broker, "mqtt[s]://device:password@host:port of the canary's device")
    ca_file: str = setting("VIGIL_MQTT_CA", str, "file of the CA that signed the broker's certificate", "")
    pager: int = setting("VIGIL_CANARY_PORT", port, "port of the canary's pager")
    operations: str = setting("VIGIL_OPERATIONS_URL", str, "webhook that is called when its page does not come (none: only counted)", "")
    secret: Secret = setting("VIGIL_WEBHOOK_SECRET", Secret, "the secret that signs webhooks", "")
    every_s: int = setting("VIGIL_CANARY_EVERY_S", positive_int, "seconds from one illness to the next", "600")
    ill_s: int = setting("VIGIL_CANARY_ILL_S", positive_int, "seconds that an illness lasts", "180")
    limit_s: int = setting("VIGIL_CANARY_LIMIT_S", positive_int, "seconds within which its page must come", "240")
    metrics: int | None = setting("VIGIL_METRICS_PORT", lambda t: port(t) if t else None, "port of the metrics", "")


@dataclass(slots=True)
class Post:
    """The watch and its end: pages come in from the pager's thread."""

    plan: canary.Plan
    begun: int
    call: Webhook
    url: str
    watch: canary.Watch = field(default_factory=canary.Watch)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def page(self, now: int) -> None:
        """The canary's page came."""
        with self.lock:
            if self.watch.since is not None and not self.watch.paged:
                PAGED.set((now - self.watch.since) / 1000)
            self.watch = canary.paged(self.watch)

    def look(self, now: int) -> None:
        """Calls operations where the page is overdue; again every second until they take it."""
        with self.lock:
            self.watch = canary.watched(self.watch, self.plan, self.begun, now)
            late = canary.overdue(self.watch, self.plan, now)
        if late and self._call(now):
            MISSED.inc()
            self.watch = canary.Watch(self.watch.since, said=True)

    def _call(self, now: int) -> bool:
        key = str(uuid.uuid5(uuid.NAMESPACE_URL, f"canary:{self.watch.since}"))
        if not self.url:
            LOG.error("event=canary_silent told=nobody")
            return True
        notice = Notice(key=key, kind="canary_silent", priority="high", ward="operations", bed="", link="", sent_at=now)
        result = self.call(self.url, notice)
        LOG.error("event=canary_silent told=%s detail=%s", result.outcome, result.detail)
        return result.outcome == "delivered"


def pager(at: int, post: Post) -> ThreadingHTTPServer:
    """The canary's pager: any POST is its page."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", "0")))
            post.page(wall())
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *_args: object) -> None:  # noqa: ARG002  the base class names it
            return

    return ThreadingHTTPServer(("127.0.0.1", at), Handler)


def wall() -> int:
    """ms since 1970."""
    return time.time_ns() // 1_000_000


def main() -> int:
    """Runs until told to stop."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="level=%(levelname)s logger=%(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings, stop = read(CanarySettings, os.environ), threading.Event()
    plan = canary.Plan(settings.every_s * 1000, settings.ill_s * 1000, settings.limit_s * 1000)
    post = Post(plan, wall(), Webhook(settings.operations, settings.secret), settings.operations)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if settings.metrics is not None:
        start_http_server(settings.metrics, "127.0.0.1")
    server, device = pager(settings.pager, post), Device(settings.device, settings.ca_file or None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    READY.set(1)
    while not stop.wait(1.0):
        canary.turn(plan, post.begun, wall(), post.look, device.say)
    device.close()
    server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
