"""The live feed's process: `python -m dashboard_api.live_main`.

In: the topics readings, scores, alerts, links, patients, waveforms from Kafka, the first picture from the database. Out: WebSocket
frames on VIGIL_LIVE_PORT, path /live. Promise: it begins where its picture ends, so nothing between is missing; it waits for Kafka and
for the database to come, and goes on without the database once it runs; SIGTERM closes every connection in order.
"""

import asyncio
import logging
import os
import random
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from websockets.asyncio.server import Server

from dashboard_api import identity, keys, tokens
from dashboard_api.audit_log import AuditLog
from dashboard_api.live.feed import Feed
from dashboard_api.live.first import First, first, stored
from dashboard_api.live.intake import Intake
from dashboard_api.live.kafka import Start, Tail
from dashboard_api.live.measure import Measures
from dashboard_api.live.state import Picture
from dashboard_api.live.websocket import Door, Gate, sealed
from dashboard_api.policy import Caller
from dashboard_api.timescale import Database
from vitals.errors import PartAway, SettingError
from vitals.settings import Secret, port, read, setting
from vitals.topics import Topics

log = logging.getLogger("live")
SWEEP_S = 0.25
HEARTBEAT_S = 2.0
TICK_MIN_S = 0.03
TICK_A_READER_S = 0.0002
DATABASE_PATIENCE = 8
"""Tries before the feed begins without a first picture from the database (Kafka's own is then all there is until it comes)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """ARCHITECTURE.md, Environment."""

    kafka: str = setting("VIGIL_KAFKA", str, "Kafka's bootstrap host:port")
    database: Secret = setting("VIGIL_DATABASE", Secret, "postgresql://...")
    prefix: str = setting("VIGIL_TOPIC_PREFIX", str, "the topics' prefix", "vitals")
    bind: str = setting("VIGIL_BIND", str, "the address to listen on", "127.0.0.1")
    live_port: int = setting("VIGIL_LIVE_PORT", port, "the live feed's port")
    metrics_port: str = setting("VIGIL_METRICS_PORT", str, "Prometheus' port; none when empty", "")
    key_file: str = setting("VIGIL_KEY_FILE", str, "the file with the site's key")


def now_ms() -> int:
    """The wall clock, ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


class Live:
    """The parts of a running feed and the loops that move it."""

    def __init__(self, settings: Settings) -> None:
        t = Topics(settings.prefix)
        self.settings = settings
        self.topics = (t.readings, t.scores, t.alerts, t.links, t.patients, t.waveforms)
        self.database = Database(settings.database, size=4, wait_s=2.0)  # who comes back while it is away hears within seconds
        self.audit = AuditLog(self.database)
        self.tail = Tail(settings.kafka, self.topics, time.monotonic)
        self.measures = Measures(settings.metrics_port)
        self.stopping = asyncio.Event()
        self.wake = asyncio.Event()

    async def run(self) -> None:
        """Until a signal comes."""
        await self.database.open()
        start, known = await self._begin()
        picture = Picture(start.partitions)
        self.feed = Feed(picture, start.epoch, sealed)
        self.intake = Intake(self.feed, start, now_ms, self.measures, self.wake)
        if known is not None:
            self.intake.first(known)
        gate = Gate(time.time, keys.parse(Path(self.settings.key_file).read_text()).token, self._caller_of, self.audit.write)
        self.door = Door(self.feed, gate)
        server = await self.door.open(self.settings.bind, self.settings.live_port)
        log.info("event=listening port=%d", self.settings.live_port)
        self.tail.run(start, self.intake.take, asyncio.get_running_loop())
        tasks = [asyncio.create_task(c) for c in (self.audit.run(), self._ticks(), self._sweeps(), self._heartbeats(), self._late(known))]
        ended = asyncio.create_task(self.stopping.wait())
        await asyncio.wait([ended, *tasks], return_when=asyncio.FIRST_COMPLETED)
        await self._close(server, [*tasks, ended])
        for task in tasks:
            if task.done() and not task.cancelled():
                task.result()

    async def _close(self, server: Server, tasks: "Sequence[asyncio.Task[Any]]") -> None:
        self.measures.ready.set(0)
        server.close()
        await server.wait_closed()
        await self.audit.drain()
        for task in tasks:
            task.cancel()
        await asyncio.to_thread(self.tail.stop)
        await self.database.close()

    async def _begin(self) -> tuple[Start, First | None]:
        """Offsets before the database is read: what is stored in between then comes twice, and nothing is left out."""
        pause, tries = 0.2, 0
        while True:
            try:
                have = await self._stored() if tries < DATABASE_PATIENCE else {}
                start = await asyncio.to_thread(self.tail.start_offsets, now_ms(), have)
                return start, await first(self.database) if tries < DATABASE_PATIENCE else None
            except PartAway as error:
                log.warning("event=waiting cause=%s", str(error).replace(" ", "_"))
                tries += "database" in str(error)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, 3.0)

    async def _stored(self) -> dict[int, int]:
        return await stored(self.database, self.topics[0])

    async def _late(self, known: First | None) -> None:
        """The first picture, when the database was away at the start; readers are told the whole again."""
        while known is None:
            await asyncio.sleep(3)
            try:
                known = await first(self.database)
            except PartAway:
                continue
            self.intake.first(known)
            self.feed.again()
        await self.stopping.wait()

    async def _caller_of(self, claims: tokens.Claims, now: datetime) -> Caller | None:
        return await identity.caller_of(self.database, claims, now)

    async def _ticks(self) -> None:
        """At once when something came after a pause, else at most every tick; the tick grows with the readers."""
        while True:
            await self.wake.wait()
            self.wake.clear()
            self.feed.tick(now_ms())
            await asyncio.sleep(TICK_MIN_S + TICK_A_READER_S * self.door.connections)

    async def _sweeps(self) -> None:
        while True:
            self.feed.behind_ms = self.intake.behind_ms(time.monotonic() - self.tail.seen_at)
            self.door.ready = self.door.ready or self.intake.caught_up
            self.measures.show(self.feed, self.door)
            self.feed.picture.table.sweep(now_ms())
            self.wake.set()
            await asyncio.sleep(SWEEP_S)

    async def _heartbeats(self) -> None:
        while True:
            self.feed.heartbeat(now_ms())
            await asyncio.sleep(HEARTBEAT_S)


async def _main(settings: Settings) -> None:
    live = Live(settings)
    loop = asyncio.get_running_loop()
    running = asyncio.create_task(live.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, live, running)
    try:
        await running
    except asyncio.CancelledError:
        log.info("event=stopped_before_ready")


def _stop(live: Live, running: "asyncio.Task[None]") -> None:
    if hasattr(live, "door"):
        live.stopping.set()
    else:
        running.cancel()


def main() -> int:
    """Reads the settings, runs until told to stop."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s level=%(levelname)s part=%(name)s %(message)s")
    logging.getLogger("websockets").setLevel(logging.WARNING)
    try:
        settings = read(Settings, os.environ)
        asyncio.run(_main(settings))
    except SettingError as error:
        log.error("event=wrong_setting %s", error)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
