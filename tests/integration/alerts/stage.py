"""What the integration tests of alerts stand on: worker processes, a receiver of pages, and the topics' ends."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition

from vitals.alert import Alert, Command
from vitals.finding import Finding
from vitals.topics import Topics, partition_of

ROOT = Path(__file__).parents[3]
PARTITIONS = 4


class Site:
    """A Kafka and a database with Vigil's topics and tables on it."""

    def __init__(self, kafka: str, database: str, topics: Topics) -> None:
        self.kafka, self.database, self.topics = kafka, database, topics
        self._producer = Producer({"bootstrap.servers": kafka, "linger.ms": 1})

    def say(self, *records: Finding | Command) -> None:
        """Produces findings and commands where their patients belong."""
        for one in records:
            topic = self.topics.findings if isinstance(one, Finding) else self.topics.commands
            self._producer.produce(topic, msgspec.json.encode(one), one.patient.encode(), partition_of(one.patient, PARTITIONS))
        assert self._producer.flush(10) == 0

    def say_raw(self, topic: str, body: bytes) -> None:
        """Produces anything."""
        self._producer.produce(topic, body, b"p1", partition_of("p1", PARTITIONS))
        assert self._producer.flush(10) == 0

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query says."""
        with psycopg.connect(self.database) as connection:
            return connection.execute(sql.encode(), values or None).fetchall()

    def run(self, sql: str, *values: object) -> None:
        """Changes the database."""
        with psycopg.connect(self.database) as connection:
            connection.execute(sql.encode(), values or None)

    def alerts(self, enough: Callable[[list[Alert]], bool], deadline_s: float = 60.0, *, hasty: bool = False) -> list[Alert]:
        """The records of `vitals.alerts` from their beginning, until there are enough.

        Those told unwritten (version 0) only where they are meant: a database that is slow for a second brings them at any time.
        """
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": "test", "enable.auto.commit": False})
        consumer.list_topics(self.topics.alerts, 10)
        consumer.assign([TopicPartition(self.topics.alerts, n, 0) for n in range(PARTITIONS)])
        found: list[Alert] = []
        left = deadline_s / 0.1
        while left > 0 and not enough(found):
            message = consumer.poll(0.1)
            left -= message is None
            if message is not None and message.error() is None:
                alert = msgspec.json.decode(message.value(), type=Alert)
                found += [alert] if hasty or alert.version else []
        consumer.close()
        assert enough(found), found
        return found

    @contextlib.contextmanager
    def worker(self, **more: str) -> Iterator[subprocess.Popen[bytes]]:
        """An alert worker process; stopped by SIGTERM where it still runs."""
        environ = {"VIGIL_KAFKA": self.kafka, "VIGIL_DATABASE": self.database, "VIGIL_TOPIC_PREFIX": self.topics.prefix, **more}
        process = subprocess.Popen([sys.executable, "-m", "alerts.alerts_main"], cwd=ROOT, env=os.environ | environ)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(60)


class Receiver:
    """An HTTP server that answers as told: `answers` statuses in order, then 200; -1 hangs until it is released."""

    def __init__(self, answers: list[int] | None = None, headers: Mapping[str, str] | None = None) -> None:
        self.answers, self.headers = answers or [], headers or {}
        self.got: list[tuple[dict[str, str], Any, bytes]] = []
        self.taken: Counter[str] = Counter()
        self.paths: list[str] = []
        self.released = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.take(self)

            def log_message(self, format: str, *args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/page"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, request: BaseHTTPRequestHandler) -> None:
        """One request."""
        body = request.rfile.read(int(request.headers["content-length"]))
        headers = {name.lower(): value for name, value in request.headers.items()}
        status = self.answers.pop(0) if self.answers else 200
        self.got.append((headers, json.loads(body), body))
        self.paths.append(request.path)
        if status == -1:
            self.released.wait(30)
            status = 200
        if 200 <= status < 300:
            self.taken[headers.get("idempotency-key", "")] += 1
        with contextlib.suppress(OSError):
            request.send_response(status)
            for name, value in self.headers.items():
                request.send_header(name, value)
            request.send_header("content-length", "0")
            request.end_headers()

    def close(self) -> None:
        """Stops it."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
