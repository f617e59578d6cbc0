"""A deteriorating patient is seen: the sepsis story ends in a NEWS2 alert with its evidence, over HTTP and on the live feed."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.e2e.vigils import Running
from tests.waiting import wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def feed(vigil: Running) -> Iterator[ClientConnection]:
    """The live feed of every ward that the doctor sees."""
    with connect(vigil.endpoints["live"], subprotocols=["vigil.v1"], max_size=None) as socket:  # type: ignore[list-item]  # Subprotocol is str
        socket.send(json.dumps({"type": "auth", "token": vigil.token("doctor")}))
        socket.send(json.dumps({"type": "subscribe", "wards": ["north"]}))
        yield socket


def news2_alert(feed: ClientConnection, patient: str, deadline_s: float) -> dict[str, Any] | None:
    """The first NEWS2 alert of that patient that the feed says."""
    until = time.monotonic() + deadline_s
    while (left := until - time.monotonic()) > 0:
        try:
            frame = json.loads(feed.recv(timeout=left))
        except TimeoutError:
            return None
        if frame["type"] == "alert" and frame["alert"]["patient"] == patient and frame["alert"]["rule"] == "news2":
            return dict(frame["alert"])
    return None


def assigned(memory: Path, names: str) -> list[str]:
    """The patients of the simulator's devices of those names; none as long as it has written nothing."""
    known = json.loads(memory.read_text()) if memory.exists() else {}
    return [device["patient"] for name, device in known.items() if name.startswith(names) and device["assigned"]]


@pytest.mark.timeout(300)
def test_sepsis_ends_in_a_news2_alert_on_the_live_feed_and_in_the_list(vigil: Running, feed: ClientConnection) -> None:
    words = ["--patients", "1", "--scenario", "sepsis", "--seed", "4", "--onset", "5", "--speed", "3", "--duration", "120"]
    simulation = vigil.begin("simulate", *words)
    patient = wait_for(lambda: assigned(vigil.folder / "simulator.json", "SIM-4-"), 60)[0]
    live = news2_alert(feed, patient, 200)
    listed = vigil.ask("doctor", "GET", f"/alerts?patient={patient}")["items"]
    simulation.terminate()
    simulation.communicate(timeout=60)
    same = next(alert for alert in listed if live is not None and alert["id"] == live["id"])
    assert (same["class"], same["priority"], same["state"], bool(same["evidence"])) == ("physiological", "high", "active", True)


def test_the_live_feed_shows_patients_that_move(feed: ClientConnection) -> None:
    kinds: set[str] = set()
    wait_for(lambda: kinds.add(json.loads(feed.recv(timeout=60))["type"]) or {"snapshot", "delta"} <= kinds, 60, "a snapshot and a delta")
