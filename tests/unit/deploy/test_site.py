"""The addresses that a Vigil stands on when all of its servers are named."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy.choices import Choices
from deploy.home import Home
from deploy.site import environment, plan

OWN, ADMIN = "mqtt://vigil:s@broker:1884", "mqtt://admin:t@broker:1884"
NAMED = {"VIGIL_MQTT": OWN, "VIGIL_DATABASE": "postgresql://u:p@db/vigil", "VIGIL_KAFKA": "kafka:9092"}


@pytest.mark.parametrize(
    ("more", "admin"), [({}, OWN), ({"VIGIL_MQTT_ADMIN": ""}, OWN), ({"VIGIL_MQTT_ADMIN": ADMIN}, ADMIN)], ids=["none", "empty", "named"]
)
def test_devices_are_managed_by_the_account_for_it_or_by_the_only_one(tmp_path: Path, more: Mapping[str, str], admin: str) -> None:
    site = plan(Home(tmp_path), Choices(tmp_path, {}), {}, NAMED | more, print)
    assert (site.mqtt, site.mqtt_admin, site.mqtt_host, site.mqtt_port, site.jobs) == (OWN, admin, "broker", 1884, [])


def test_a_named_brokers_certificates_are_the_sites_own(tmp_path: Path) -> None:
    told = {"VIGIL_MQTT_CERTIFIED": "broker:8884", "VIGIL_DEVICE_CA": "/etc/vigil/devices"}
    home, choices, ports = Home(tmp_path), Choices(tmp_path, {}), dict.fromkeys(("http", "live", "mllp"), 1)
    home.make()
    said = environment(plan(home, choices, ports, NAMED | told, print), home, choices, ports)
    assert {name: said[name] for name in told} == told
