"""A worker that Kafka's group does not take in ends with the reason, instead of standing still for ever; one that stands by goes on."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer

from deploy.parts import kafka as kafka_part
from deploy.parts.running import free_port
from deploy.probe import ask
from streams.membership import FAILED
from tests.waiting import wait_for
from vitals.topics import Topics

pytestmark = pytest.mark.slow
PATIENCE_S = 4


@contextmanager
def worker(
    kafka: str, prefix: str, log: Path, role: str = "detect", *, instance: str = "0", port: int = 0
) -> Iterator[subprocess.Popen[bytes]]:
    environ = os.environ | {
        "VIGIL_KAFKA": kafka,
        "VIGIL_TOPIC_PREFIX": prefix,
        "VIGIL_DATABASE": "postgresql://nobody@127.0.0.1:9/none",  # detecting and archiving join whether or not one is there
        "VIGIL_INSTANCE": instance,
        "VIGIL_METRICS_PORT": str(port),
        "VIGIL_GROUP_S": str(PATIENCE_S),
    }
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", f"streams.{role}_app", "worker"], env=environ, stderr=out)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def speaking_another_protocol(kafka: str, group: str, topic: str) -> Iterator[Consumer]:
    """Somebody else in the group, so that whoever joins with Faust's protocol is refused."""
    other = Consumer({"bootstrap.servers": kafka, "group.id": group, "session.timeout.ms": 45_000})
    other.subscribe([topic])
    wait_for(lambda: (other.poll(0.2), other.assignment())[1], 60, "the other to be in the group")
    yield other
    other.close()


@pytest.mark.parametrize(("role", "topic"), [("detect", "readings"), ("waveform", "waveforms"), ("archive", "readings")])
def test_a_worker_that_is_not_taken_in_ends_and_says_why(kafka: str, topics: Topics, tmp_path: Path, role: str, topic: str) -> None:
    log = tmp_path / "log"
    with (
        speaking_another_protocol(kafka, f"{topics.prefix}-{role}", f"{topics.prefix}.{topic}"),
        worker(kafka, topics.prefix, log, role) as process,
    ):
        code = process.wait(60)
    assert (code, "event=not_taken_in patience_s=4 error=Attempt to join group failed" in log.read_text()) == (FAILED, True)


def age_s(process: "subprocess.Popen[bytes]") -> float:
    """Seconds since it was started."""
    return time.time() - psutil.Process(process.pid).create_time()


def test_one_that_stands_by_without_a_partition_goes_on_and_takes_over(kafka: str, tmp_path: Path) -> None:
    only, ports = Topics(f"t{uuid.uuid4().hex[:10]}"), (free_port(), free_port())
    kafka_part.make_topics(kafka, only.settings(), 1)
    with (
        worker(kafka, only.prefix, tmp_path / "a", instance="a", port=ports[0]) as a,
        worker(kafka, only.prefix, tmp_path / "b", instance="b", port=ports[1]) as b,
    ):
        of = {ports[0]: a, ports[1]: b}
        wait_for(lambda: age_s(b) > 5 * PATIENCE_S and sum(ask(port).ready for port in ports) == 1, 90, "one to stand by for long")
        working = next(port for port in ports if ask(port).ready)
        standing_by = next(port for port in ports if port != working)
        of[working].kill()
        wait_for(lambda: ask(standing_by).ready, 60, "the other to take over")
        assert of[standing_by].poll() is None
