"""`python -m alerts.alerts_main`: one alert worker; any number may run, Kafka's partitions share the patients out.

Reads the environment once, wires, and runs until SIGTERM or SIGINT; then what is in hand is written and said, and pages under way are
waited for, first.
"""

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path

from prometheus_client import start_http_server

from alerts.alerts_channels import ChannelSettings, channels, site_contacts
from alerts.escalation import Book, Contact
from alerts.kafka import Intake, Outlet
from alerts.keeper import Keeper
from alerts.metrics import GAPS
from alerts.sender import Sender
from alerts.timescale import Connection
from alerts.timescale_book import book, warn
from alerts.timescale_retention import keep_days
from alerts.worker import Clocks, Worker
from vitals.pagelink import token
from vitals.settings import Secret, port, read, setting
from vitals.site_key import secret
from vitals.topics import Topics

BOOK_MS = 5_000
WARN_EVERY_MS = 600_000
LINK_LIFE_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """The alert worker's environment."""

    kafka: str = setting("VIGIL_KAFKA", str, "bootstrap host:port")
    database: Secret = setting("VIGIL_DATABASE", Secret, "postgresql://...")
    prefix: str = setting("VIGIL_TOPIC_PREFIX", str, "what the topics' names begin with", "vitals")
    instance: str = setting("VIGIL_ALERTS_INSTANCE", str, "a name that stays over restarts: its partitions wait for it (none: dynamic)", "")
    key_file: str = setting("VIGIL_KEY_FILE", str, "the site's key: signs the links in pages (none: pages have no link)", "")
    page_url: str = setting("VIGIL_PAGE_URL", str, "what a page's link begins with, its token follows (none: no link)", "")
    keep_days: int = setting("VIGIL_RETAIN_ALERT_DAYS", keep_days, "days that closed alerts are kept, 0 = for ever", "0")
    metrics: int | None = setting("VIGIL_METRICS_PORT", lambda t: port(t) if t else None, "port of the metrics", "")


def wall() -> int:
    """ms since 1970."""
    return time.time_ns() // 1_000_000


def steady() -> int:
    """ms that never go back."""
    return time.monotonic_ns() // 1_000_000


def linker(settings: AlertSettings) -> Callable[[str], str]:
    """Page id -> its one-time link."""
    if not settings.key_file or not settings.page_url:
        return lambda _page: ""
    key = secret(Path(settings.key_file).read_text())
    return lambda page: settings.page_url + token(key, page, wall() + LINK_LIFE_MS)


@dataclass(slots=True)
class Library:
    """The escalation book as it was in the database at most `BOOK_MS` ago; now and then also who is missing from it."""

    site: tuple[Contact, ...]
    kept: Book = field(default_factory=Book)
    read_at: int | None = None
    warned_at: int | None = None

    def book(self, connection: Connection) -> Book:
        """The newest book."""
        now = steady()
        if self.read_at is None or now - self.read_at >= BOOK_MS:
            self.kept, self.read_at = book(connection, self.site, wall()), now
        if self.warned_at is None or now - self.warned_at >= WARN_EVERY_MS:
            GAPS.set(warn(connection, self.kept.schedules.values(), wall()))
            self.warned_at = now
        return self.kept


def main() -> int:
    """Runs until told to stop."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="level=%(levelname)s logger=%(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings, called = read(AlertSettings, os.environ), read(ChannelSettings, os.environ)
    topics = Topics(settings.prefix)
    sender = Sender(f"{socket.gethostname()}:{os.getpid()}", channels(called), wall, linker(settings))
    normal, hasty = Outlet(settings.kafka, topics.alerts), Outlet(settings.kafka, topics.alerts)
    site = site_contacts(called)
    worker = Worker(settings.database, topics.findings, Clocks(wall, steady), normal, hasty, sender, Library(site).book, kept=Book(site))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop.set())
    if settings.metrics is not None:
        start_http_server(settings.metrics, "127.0.0.1")
    run(worker, settings, topics)
    return 0


def run(worker: Worker, settings: AlertSettings, topics: Topics) -> None:
    """The worker's threads; the intake is this one. Without its clerk or sender it is no worker: it ends with them."""
    group, taken = f"{settings.prefix}-alerts", (topics.findings, topics.commands)
    intake = Intake(settings.kafka, group, settings.instance, taken, worker.lost, worker.written)
    targets = [ending(worker.stop, worker.clerk), ending(worker.stop, worker.send)]
    if settings.keep_days:
        targets.append(Keeper(settings.database, settings.keep_days, wall, worker.partitions, worker.stop).run)
    threads = [threading.Thread(target=target, name=target.__name__, daemon=True) for target in targets]
    for thread in threads:
        thread.start()
    logging.getLogger("alerts").info("event=started")
    worker.read(intake)
    clerk, *others = threads
    clerk.join(8.0)
    intake.close()  # another worker takes the partitions while this one waits for the pages under way
    for thread in others:
        thread.join(8.0)
    logging.getLogger("alerts").info("event=stopped")


def ending(stop: threading.Event, work: Callable[[], None]) -> Callable[[], None]:
    """The same work, after which, whatever its end, all is told to stop: the supervisor starts a process again that ends."""

    @wraps(work)
    def done() -> None:
        try:
            work()
        finally:
            stop.set()

    return done


if __name__ == "__main__":
    sys.exit(main())
