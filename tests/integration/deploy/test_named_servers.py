"""`./vigil up` on servers that the environment names, on an address that `--bind` names: it starts none of its own."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from tests import parts
from tests.integration.deploy.test_launcher import FREE_PORTS, left, status, vigil
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

BIND = "127.0.0.2"


@dataclass(frozen=True, slots=True)
class Named:
    """A Vigil on named servers: its folder, what it was told, and what it says of itself."""

    home: Path
    told: dict[str, str]
    said: dict[str, Any]


@pytest.fixture(scope="module")
def named(kafka: str, module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Named]:
    """Kafka and database of the session; a broker of its own, where nobody else listens for what devices say."""
    with parts.mosquitto_server(tmp_path_factory.mktemp("mosquitto"), {}) as broker:
        told = {
            "VIGIL_KAFKA": kafka, "VIGIL_DATABASE": module_database, "VIGIL_TOPIC_PREFIX": "named", "VIGIL_MQTT": broker.url("gateway"),
            "VIGIL_MQTT_ADMIN": broker.url("admin"),
        }  # fmt: skip
        home = tmp_path_factory.mktemp("named")
        done = vigil(home, "up", "--patients", "1", "--bind", BIND, *FREE_PORTS, "--detach", more=told)
        assert done.returncode == 0, done.stdout + done.stderr
        yield Named(home, told, json.loads((home / "endpoints.json").read_text()))
        assert vigil(home, "down").returncode == 0
        wait_for(lambda: not left(home), 30, "no process left")


def test_no_server_is_started_of_those_that_are_named(named: Named) -> None:
    assert {"kafka", "postgres", "mosquitto"} & {row["name"] for row in status(named.home)["processes"]} == set()


def test_the_named_ones_are_used_and_said(named: Named) -> None:
    assert (named.said["kafka"], named.said["database"]) == (named.told["VIGIL_KAFKA"], named.told["VIGIL_DATABASE"])


def test_a_simulated_patient_is_stored_through_them(named: Named) -> None:
    with psycopg.connect(named.told["VIGIL_DATABASE"], autocommit=True) as connection:
        stored = "SELECT count(*) FROM telemetry.reading"
        assert wait_for(lambda: (connection.execute(stored).fetchone() or (0,))[0], 60, "stored readings") > 0


def test_all_listens_where_bind_says(named: Named) -> None:
    answer = httpx.get(f"{named.said['http']}/readyz", timeout=10)
    assert (answer.status_code, httpx.URL(named.said["http"]).host, named.said["mllp"]["host"]) == (200, BIND, BIND)


def test_nothing_listens_elsewhere_but_on_this_machine(named: Named) -> None:
    pids = [row["pid"] for row in status(named.home)["processes"]]
    listening = {c.laddr.ip for pid in pids for c in psutil.Process(pid).net_connections("inet") if c.status == psutil.CONN_LISTEN}
    assert listening == {BIND, "127.0.0.1"}
