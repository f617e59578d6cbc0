"""SIGKILL of gateway, Mosquitto and Kafka in turn while devices speak: all that was acknowledged to them is in the database, once.

VIGIL_SOAK_ROUNDS asks for a soak of that many rounds, three kills in each. Without it there are five, and the first, third and fifth kill
Kafka too, which takes seconds to come back.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from deploy.parts import kafka as kafka_part
from deploy.parts import mosquitto as mosquitto_part
from deploy.parts import running
from deploy.parts.mosquitto import Broker, Ports
from deploy.parts.running import Running
from devices.mqtt import Door
from ingest.mqtt import ROOM
from tests import accounts, parts
from tests.integration.ingest.gateways import ROOT, Gateway, enrol, stored
from tests.integration.ingest.talkers import EVERY_S, Talkers, talking
from tests.waiting import wait_for
from vitals.topics import Topics

SOAK = int(os.environ.get("VIGIL_SOAK_ROUNDS", "0"))
ROUNDS = SOAK or 5
DEVICES = 20
RATE = round(DEVICES / EVERY_S)
ROOMY = int(Path("/proc/sys/net/core/rmem_max").read_text()) >= ROOM
STILL_S = 3.0 if ROOMY else 1.0
"""As long as what comes meanwhile has room where the system allows as much as the gateway asks for."""
STORED = """SELECT d.id, r.seq, count(*) FROM telemetry.reading r JOIN clinical.device d ON d.no = r.device_no GROUP BY 1, 2"""


@dataclass
class Chain:
    """Devices' door to database, on a Mosquitto and a Kafka of its own, each of which can be killed and comes back."""

    folder: Path
    database: str
    ports: Ports = field(default_factory=lambda: Ports(running.free_port(), running.free_port()))
    topics: Topics = field(default_factory=Topics)
    archive: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        self.broker = self._mosquitto()
        self.kafka_port = running.free_port()
        self.kafka = self._kafka()
        kafka_part.make_topics(self.kafka.address, self.topics.settings(), 4)
        environ = {
            "VIGIL_KAFKA": self.kafka.address,
            "VIGIL_DATABASE": self.database,
            "VIGIL_MQTT": self.broker.url("gateway"),
            "VIGIL_ROLLUP_S": "60",
        }
        self.gateway = Gateway(environ, self.broker)
        self.gateway.start()
        self.named_to_the_broker()

    def named_to_the_broker(self) -> None:
        """The gateway's session is in the broker's store, as the launcher sees to (deploy/renewal.py)."""
        assert self.broker.running is not None
        self.broker.running.process.send_signal(signal.SIGUSR1)
        store = self.folder / "mosquitto/data/mosquitto.db"
        wait_for(lambda: store.exists() and self.gateway.name.encode() in store.read_bytes(), 60, "the session to be stored")

    def kill_gateway(self) -> None:
        """And start it again."""
        self.gateway.kill()
        self.gateway.start()

    def kill_mosquitto(self) -> None:
        """And start it again."""
        assert self.broker.running is not None
        _killed(self.broker.running)
        self.broker = self._mosquitto()

    def kill_kafka(self) -> None:
        """And start it again."""
        _killed(self.kafka)
        self.kafka = self._kafka()

    def kill_mosquitto_while_kafka_stands_still(self) -> None:
        """More waits for Kafka than a second brings, when the broker dies."""
        self.kafka.process.send_signal(signal.SIGSTOP)
        try:
            wait_for(lambda: self.gateway.metric("vigil_behind_ms") > 3_000, 60, "Kafka to be missed")
            self.kill_mosquitto()
            wait_for(lambda: self.gateway.metric("vigil_ready") == 1, 60, "the gateway to be back at the broker")
        finally:
            self.kafka.process.send_signal(signal.SIGCONT)

    def kill_mosquitto_while_the_gateway_stands_still(self) -> None:
        """What the broker says for as long as this waits for the gateway in the system's memory, when the broker dies."""
        assert self.gateway.process is not None
        self.gateway.process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(STILL_S)  # the standstill itself
            self.kill_mosquitto()
        finally:
            self.gateway.process.send_signal(signal.SIGCONT)

    def flows(self) -> bool:
        """Whether the gateway has nothing that is late."""
        return self.gateway.metric("vigil_ready") == 1 and 0 <= self.gateway.metric("vigil_behind_ms") < 500

    def stored(self) -> dict[tuple[str, int], int]:
        """(device, seq) -> how many readings of it, each sample having one."""
        with psycopg.connect(self.database) as connection:
            return {(device, seq): times for device, seq, times in connection.execute(STORED)}

    def everything(self, acknowledged: set[tuple[str, int]], patience_s: float = 60) -> dict[tuple[str, int], int]:
        """What is stored once all that was acknowledged is, or when nothing more was stored for `patience_s`."""
        found, until = self.stored(), time.monotonic() + patience_s
        while not acknowledged <= found.keys() and time.monotonic() < until:
            self.keep_archiving()
            time.sleep(0.5)  # between two looks, with a deadline that every gain moves
            before, found = len(found), self.stored()
            until = time.monotonic() + patience_s if len(found) > before else until
        return found

    def where(self, lost: set[tuple[str, int]]) -> str:
        """How many of these Kafka has, and the first and last of each device."""
        if not lost:
            return "nothing is lost"
        kept = {(device, seq) for _, device, seq in stored(self.kafka.address, self.topics)}
        spans = {device: [seq for d, seq in sorted(lost) if d == device] for device in sorted({device for device, _ in lost})}
        shown = ", ".join(f"{device}: {len(seqs)} in {seqs[0]}..{seqs[-1]}" for device, seqs in spans.items())
        return f"{len(lost)} are not stored, {len(lost & kept)} of them are in Kafka; {shown}"

    def keep_archiving(self) -> None:
        """The archive's worker runs; one that has ended is started again."""
        if self.archive is None or self.archive.poll() is not None:
            environ = {**os.environ, **self.gateway.environ}
            self.archive = subprocess.Popen([sys.executable, "-m", "streams.archive_app", "worker"], cwd=ROOT, env=environ)

    def close(self) -> None:
        """Ends all."""
        if self.archive is not None and self.archive.poll() is None:
            self.archive.kill()
            self.archive.wait()
        self.gateway.kill()
        if self.broker.running is not None:
            self.broker.running.stop()
        self.kafka.stop()

    def _mosquitto(self) -> Broker:
        return mosquitto_part.start(self.folder / "mosquitto", self.ports, datetime.now(UTC), parts.say)

    def _kafka(self) -> Running:
        return kafka_part.start(self.folder / "kafka", self.kafka_port, parts.say)


def _killed(part: Running) -> None:
    part.process.kill()
    part.process.wait()


@pytest.fixture
def chain(tmp_path: Path, database: str) -> Iterator[Chain]:
    """A chain that runs."""
    with ExitStack() as stack:
        made = Chain(tmp_path, database)
        stack.callback(made.close)
        yield made


def survives(chain: Chain, talkers: Talkers, kill: Callable[[], None]) -> None:
    """The kill, and then all flows again: half a second's worth of new samples is acknowledged and nothing is late."""
    wait_for(chain.flows, 60, "the chain to flow before the kill")
    chain.keep_archiving()
    kill()
    enough = len(talkers.acknowledged) + RATE // 2
    wait_for(lambda: len(talkers.acknowledged) > enough, 60, "devices to be heard again")


@pytest.mark.slow
@pytest.mark.timeout(120 + 60 * ROUNDS)
def test_what_was_acknowledged_is_stored_once_whoever_is_killed(chain: Chain) -> None:
    names = {f"dev-{n:012x}": "" for n in range(DEVICES)}
    names = {name: accounts.enrol(chain.broker, name) for name in names}
    enrol(chain.database, *names)
    chain.keep_archiving()
    began = time.monotonic()
    with talking(Door(chain.broker.host, chain.broker.port), names) as talkers:
        for turn in range(ROUNDS):
            kafka_too = (chain.kill_kafka,) if SOAK or turn % 2 == 0 else ()
            for kill in (chain.kill_gateway, chain.kill_mosquitto, *kafka_too):
                survives(chain, talkers, kill)
                parts.say(f"round {turn + 1} {kill.__name__}: {len(talkers.acknowledged)} taken, {time.monotonic() - began:.1f} s")
        survives(chain, talkers, chain.kill_mosquitto_while_kafka_stands_still)
        survives(chain, talkers, chain.kill_mosquitto_while_the_gateway_stands_still)
        talkers.hush()
        talkers.join(60)
    wait_for(chain.flows, 60, "the chain to flow")
    found = chain.everything(talkers.acknowledged)
    lost = chain.where(talkers.acknowledged - found.keys())
    assert (len(talkers.acknowledged), lost, set(found.values())) == (talkers.said, "nothing is lost", {1})
