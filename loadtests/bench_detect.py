"""Detection through Kafka and Faust: readings a CPU second, beside the rivals that lie beside the checkout.

In: 5,000 patients x 6 vitals, one sample a second, in columnar batches of about 200 and 1,000 readings on four partitions. The worker
is the real one with everything on: deduplication, limits, NEWS2, own baseline, signal, silence, scores told, checkpoints.
Out: readings a CPU second and a second from the first to the last reading folded, start-up apart; peak memory; the cost of each
detector in a process of its own. The rivals (`../shared/peers/run`) do less: no deduplication, durations, hysteresis or silence.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil
from confluent_kafka import Producer

from loadtests.bench import Figure, Parts
from loadtests.detect_ward import records
from loadtests.usage import usage
from vitals.batch import SCHEMA_ID
from vitals.topics import Topics

NAME = "detect"
PATIENTS, STEPS = 5_000, 400
PEERS = Path(__file__).resolve().parents[2] / "shared" / "peers" / "run"
_DEADLINE_S = 300.0


def run(parts: Parts) -> Iterable[Figure]:
    """The worker at two batch sizes, then each rival."""
    for readings_each in (1000, 200):
        yield from _worker(parts, readings_each)
    yield from _rivals(parts)


def _worker(parts: Parts, readings_each: int) -> Iterator[Figure]:
    with parts.fresh_topics() as prefix:
        sent = _send(parts.kafka, Topics(prefix).readings, readings_each)
        port = _free_port()
        environ = os.environ | {"VIGIL_KAFKA": parts.kafka, "VIGIL_TOPIC_PREFIX": prefix, "VIGIL_METRICS_PORT": str(port)}
        process = subprocess.Popen([sys.executable, "-m", "streams.detect_app", "worker"], env=environ)
        try:
            began, first, begun_at = _when(process, port, 1)
            ended, last, ended_at = _when(process, port, sent)
            peak = psutil.Process(process.pid).memory_info().rss / 1_048_576
        finally:
            process.terminate()
            process.wait(30)
    name = f"detect, batches of {readings_each}"
    yield Figure(name, (last - first) / (ended - began), "readings/CPU-s")
    yield Figure(name, (last - first) / (ended_at - begun_at), "readings/s")
    yield Figure(name, ended - began, "CPU s")
    yield Figure(name, peak, "MB")


def _send(bootstrap: str, topic: str, readings_each: int) -> int:
    """Loads the topic; how many readings it holds."""
    producer = Producer(
        {"bootstrap.servers": bootstrap, "linger.ms": 20, "compression.type": "lz4", "queue.buffering.max.kbytes": 200_000, "log_level": 0}
    )
    for partition, value in records(PATIENTS, STEPS, readings_each):
        while True:
            try:
                producer.produce(topic, value, None, partition, headers=[("schema", SCHEMA_ID)])
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    producer.flush(60)
    return int(PATIENTS * STEPS * 6 * 0.997)


def _when(process: "subprocess.Popen[bytes]", port: int, least: int) -> tuple[float, float, float]:
    """CPU s, readings folded and the time once at least `least` were folded."""
    until = time.monotonic() + _DEADLINE_S
    while time.monotonic() < until:
        folded, used = _folded(port), usage(process.pid).cpu_s
        if folded >= least:
            return used, folded, time.monotonic()
        if process.poll() is not None:
            raise RuntimeError(f"the worker ended with {process.returncode}")
        time.sleep(0.3)
    raise RuntimeError(f"the worker folded {_folded(port):,.0f} of {least:,} readings in {_DEADLINE_S:g} s")


def _folded(port: int) -> float:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
            text = answer.read().decode()
    except OSError:
        return 0.0
    return sum(float(line.split()[1]) for line in text.splitlines() if line.startswith("vigil_detect_readings_total"))


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _rivals(parts: Parts) -> Iterator[Figure]:
    """What `peers/run` prints, where it lies beside the checkout."""
    if not PEERS.exists():
        print("detect: no ../shared/peers/run beside the checkout, so no rivals", file=sys.stderr)
        return
    environ = os.environ | {"PEERS_KAFKA": parts.kafka, "PEERS_PYTHON": sys.executable}
    for rival in ("kstreams", "plain_faust"):
        done = subprocess.run([str(PEERS), rival], env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"detect: rival {rival} failed: {done.stderr[-300:]}", file=sys.stderr)
        for line in done.stdout.splitlines():
            name, figure, unit = line.rsplit(" ", 2)
            yield Figure(f"rival {name}", float(figure), unit)
