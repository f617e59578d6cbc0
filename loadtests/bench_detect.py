"""Detection through Kafka and Faust: readings a CPU second, beside the rivals that lie beside the checkout.

In: 5,000 patients x 6 vitals, one sample a second, in columnar batches of about 200 and 1,000 readings on four partitions. The worker
is the real one with everything on: deduplication, limits, NEWS2, own baseline, signal, silence, scores told, checkpoints.
Out: readings a CPU second and a second from the first to the last reading folded, start-up apart; peak memory; of the excursions that
an offline pass in plain Python (`plain_limits`) finds in the same readings, how many the worker told under that load; the cost of each
rule, a patient's bytes and the speed with ever more patients (`detect_parts`). The rivals (`../shared/peers/run`) do less: no
deduplication, durations, hysteresis or silence; PEERS_N of them is theirs (messages).
"""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import psutil
from confluent_kafka import Producer

from loadtests import doors
from loadtests.bench import Figure, Parts
from loadtests.detect_parts import costs, wards
from loadtests.detect_truth import Excursion, Truth, offline
from loadtests.detect_ward import records
from loadtests.kafka import values_of
from loadtests.usage import usage
from vitals.batch import SCHEMA_ID
from vitals.finding import Finding
from vitals.topics import Topics

NAME = "detect"
PATIENTS, STEPS = 5_000, 400
PEERS = Path(__file__).resolve().parents[2] / "shared" / "peers" / "run"
_DEADLINE_S = 300.0


def run(parts: Parts) -> Iterable[Figure]:
    """The worker at two batch sizes, its parts alone, then each rival."""
    truth = offline(PATIENTS, STEPS)
    for readings_each in (1000, 200):
        yield from _worker(parts, readings_each, truth)
    yield from costs()
    yield from wards()
    yield from _rivals(parts)


def _worker(parts: Parts, readings_each: int, truth: Truth) -> Iterator[Figure]:
    with parts.fresh_topics() as prefix:
        _send(parts.kafka, Topics(prefix).readings, readings_each)
        port = doors.free_port()
        environ = os.environ | {"VIGIL_KAFKA": parts.kafka, "VIGIL_TOPIC_PREFIX": prefix, "VIGIL_METRICS_PORT": str(port)}
        process = subprocess.Popen([sys.executable, "-m", "streams.detect_app", "worker"], env=environ)
        try:
            began, first, begun_at = _when(process, port, 1)
            ended, last, ended_at = _when(process, port, truth.readings)
            again = _counted(port, "vigil_detect_judged_total")
            peak = psutil.Process(process.pid).memory_info().rss / 1_048_576
        finally:
            process.terminate()
            process.wait(30)
        told = _told(parts.kafka, Topics(prefix).findings)
    name = f"detect, batches of {readings_each}"
    yield Figure(name, (last - first) / (ended - began), "readings/CPU-s")
    yield Figure(name, (last - first) / (ended_at - begun_at), "readings/s")
    yield Figure(name, ended - began, "CPU s")
    yield Figure(name, peak, "MB")
    yield Figure(f"{name}, judged again", again, "patients")
    yield Figure(f"{name}, excursions found", len(truth.over & told), f"of {len(truth.over)}")
    yield Figure(f"{name}, excursions told that are none", len(told - truth.over - truth.open), "excursions")


def _told(bootstrap: str, topic: str) -> set[Excursion]:
    """The starts of the limits' findings."""
    found = (msgspec.json.decode(value, type=Finding) for value in values_of(bootstrap, topic))
    return {(f.patient, f.subject, f.started_at) for f in found if f.rule == "limits" and f.phase == "start"}


def _send(bootstrap: str, topic: str, readings_each: int) -> None:
    """Loads the topic, in order as the gateway does: a batch that is sent again goes behind no other."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": 20,
            "compression.type": "lz4",
            "enable.idempotence": True,
            "queue.buffering.max.kbytes": 200_000,
            "log_level": 0,
        }
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
    return _counted(port, "vigil_detect_readings_total")


def _counted(port: int, metric: str) -> float:
    """The sum of a counter over its labels."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
            text = answer.read().decode()
    except OSError:
        return 0.0
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(metric))


def _rivals(parts: Parts) -> Iterator[Figure]:
    """What `peers/run` prints, where it lies beside the checkout."""
    if not PEERS.exists():
        yield Figure("rivals: no ../shared/peers/run beside the checkout", 0, "rivals")
        return
    environ = os.environ | {"PEERS_KAFKA": parts.kafka, "PEERS_PYTHON": sys.executable}
    for rival, needs in (("kstreams", ("mvn", "java")), ("plain_faust", ())):
        missing = [tool for tool in needs if shutil.which(tool) is None]
        if missing:
            yield Figure(f"rival {rival}: no {' and no '.join(missing)} on this machine", 0, "rivals")
            continue
        done = subprocess.run([str(PEERS), rival], env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"detect: rival {rival} failed: {done.stderr[-300:]}", file=sys.stderr)
        for line in (said for said in done.stdout.splitlines() if not said.startswith("generated")):
            name, figure, unit = line.rsplit(" ", 2)
            yield Figure(f"rival {name}", float(figure), unit)
