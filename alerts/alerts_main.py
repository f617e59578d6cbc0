"""`python -m alerts.alerts_main`: one alert worker; any number may run, Kafka's partitions share the patients out.

Reads the environment once, wires, and runs until SIGTERM or SIGINT; then what is in hand is written and said first.
"""

import logging
import os
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass

from prometheus_client import start_http_server

from alerts.alerts_channels import ChannelSettings, channels, site_contacts
from alerts.escalation import Book
from alerts.kafka import Intake, Outlet
from alerts.sender import Sender
from alerts.worker import Clocks, Worker
from vitals.settings import Secret, port, read, setting
from vitals.topics import Topics


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """The alert worker's environment."""

    kafka: str = setting("VIGIL_KAFKA", str, "bootstrap host:port")
    database: Secret = setting("VIGIL_DATABASE", Secret, "postgresql://...")
    prefix: str = setting("VIGIL_TOPIC_PREFIX", str, "what the topics' names begin with", "vitals")
    instance: str = setting("VIGIL_ALERTS_INSTANCE", str, "a name that stays over restarts: its partitions wait for it (none: dynamic)", "")
    metrics: int | None = setting("VIGIL_METRICS_PORT", lambda t: port(t) if t else None, "port of the metrics", "")


def wall() -> int:
    """ms since 1970."""
    return time.time_ns() // 1_000_000


def steady() -> int:
    """ms that never go back."""
    return time.monotonic_ns() // 1_000_000


def main() -> int:
    """Runs until told to stop."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="level=%(levelname)s logger=%(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings, called = read(AlertSettings, os.environ), read(ChannelSettings, os.environ)
    topics = Topics(settings.prefix)
    sender = Sender(f"{socket.gethostname()}:{os.getpid()}", channels(called), wall, lambda _page: "")
    normal, hasty = Outlet(settings.kafka, topics.alerts), Outlet(settings.kafka, topics.alerts)
    site = Book(site=site_contacts(called))
    worker = Worker(settings.database, topics.findings, Clocks(wall, steady), normal, hasty, sender, lambda _connection: site)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop.set())
    if settings.metrics is not None:
        start_http_server(settings.metrics, "127.0.0.1")
    run(worker, settings, topics)
    return 0


def run(worker: Worker, settings: AlertSettings, topics: Topics) -> None:
    """The three threads; the intake is this one."""
    intake = Intake(settings.kafka, f"{settings.prefix}-alerts", settings.instance, (topics.findings, topics.commands), worker.lost)
    threads = [threading.Thread(target=target, name=target.__name__, daemon=True) for target in (worker.clerk, worker.send)]
    for thread in threads:
        thread.start()
    logging.getLogger("alerts").info("event=started")
    worker.read(intake)
    for thread in threads:
        thread.join(8.0)
    intake.close()
    logging.getLogger("alerts").info("event=stopped")


if __name__ == "__main__":
    sys.exit(main())
