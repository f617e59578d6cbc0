"""ACM out over a real Kafka to a real MLLP receiver that is away at first."""

import os
import signal
import subprocess
import sys
import threading

import msgspec
import pytest
from confluent_kafka import Producer

from alerts.findings import raised
from deploy.parts.running import free_port
from tests.integration.alerts.alarm_manager import Manager
from tests.integration.alerts.stage import ROOT
from tests.unit.alerts.stories import T0, finding
from tests.waiting import wait_for
from vitals.alert import Alert
from vitals.topics import Topics


@pytest.fixture
def port() -> int:
    return free_port()


def alerts() -> list[Alert]:
    """An alert's life: raised, delivered (no change), acknowledged, closed."""
    first = msgspec.structs.replace(raised(finding(), T0, 0, "").alert, version=1)
    states = ("active", "active", "acknowledged", "closed")
    return [msgspec.structs.replace(first, version=n + 1, state=state) for n, state in enumerate(states)]


def test_each_change_of_state_is_said_once_in_order_though_the_receiver_was_away(kafka: str, topics: Topics, port: int) -> None:
    producer = Producer({"bootstrap.servers": kafka})
    for alert in alerts():
        producer.produce(topics.alerts, msgspec.json.encode(alert), b"p1", 1)
    assert producer.flush(10) == 0
    environ = os.environ | {"VIGIL_KAFKA": kafka, "VIGIL_TOPIC_PREFIX": topics.prefix, "VIGIL_ACM": f"127.0.0.1:{port}"}
    process = subprocess.Popen([sys.executable, "-m", "alerts.acm_main"], cwd=ROOT, env=environ)
    manager = Manager(port)
    threading.Thread(target=manager.serve_forever, daemon=True).start()
    wait_for(lambda: len(manager.got) == 3, 90)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    manager.shutdown()
    manager.server_close()
    phases = [next(line for line in text.split("\r") if "68481" in line).split("|")[5] for text in manager.got]
    assert phases == ["start", "update", "end"]
