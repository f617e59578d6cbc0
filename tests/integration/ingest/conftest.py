"""A gateway on the real parts, and devices."""

import uuid
from collections.abc import Callable, Iterator

import pytest

from deploy.parts.mosquitto import Broker
from tests.accounts import forget_statuses
from tests.integration.ingest.gateways import Device, Gateway, enrol
from vitals.topics import Topics


@pytest.fixture
def gateway(kafka: str, mosquitto: Broker, database: str, topics: Topics) -> Iterator[Gateway]:
    """A gateway, not started yet, on a broker that retains nothing of other tests' devices."""
    forget_statuses(mosquitto)
    environ = {
        "VIGIL_KAFKA": kafka,
        "VIGIL_DATABASE": database,
        "VIGIL_MQTT": mosquitto.url("gateway"),
        "VIGIL_TOPIC_PREFIX": topics.prefix,
    }
    one = Gateway(environ, mosquitto)
    yield one
    one.close()


@pytest.fixture
def device(mosquitto: Broker, database: str, device_account: Callable[[str], str]) -> Iterator[Device]:
    """A device that is enrolled, with its account, on a patient."""
    name = f"dev-{uuid.uuid4().hex[:12]}"
    enrol(database, name)
    one = Device(mosquitto, name, device_account(name))
    yield one
    one.close()
