"""A device whose clock is slow: its values are shown as live, with a note, and the ward is told why."""

import json
import time
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.e2e.vigils import Running
from tests.waiting import wait_for

pytestmark = pytest.mark.slow
SLOW = "SIM-1-00010-"
"""How the memory of up's own simulator names the device of its `clock_skew` story; other simulations have a bed 10 on that ward too."""


def slow_one(vigil: Running) -> str:
    """The patient whose device has a slow clock."""
    known = json.loads((vigil.folder / "simulator" / "simulator.json").read_text())
    return next(str(device["patient"]) for name, device in known.items() if name.startswith(SLOW))


def shown_of(vigil: Running, patient: str) -> dict[str, Any]:
    """The patient as a screen that opens now gets them."""
    with connect(vigil.endpoints["live"], subprotocols=["vigil.v1"], max_size=None) as socket:  # type: ignore[list-item]  # Subprotocol is str
        socket.send(json.dumps({"type": "auth", "token": vigil.token("doctor")}))
        socket.send(json.dumps({"type": "subscribe", "wards": ["north"]}))
        until = time.monotonic() + 30
        while time.monotonic() < until:
            frame = json.loads(socket.recv(timeout=30))
            if frame["type"] == "snapshot":
                return next((dict(p) for p in frame["patients"] if p["id"] == patient), {})
    return {}


@pytest.mark.timeout(300)
def test_a_slow_clocks_values_are_live_with_a_note_and_the_ward_is_told(vigil: Running) -> None:
    patient = slow_one(vigil)

    def corrected() -> dict[str, Any]:
        vital: dict[str, Any] = shown_of(vigil, patient).get("vitals", {}).get("hr", {})
        return vital if vital.get("clock_ms") and vital["state"] == "live" else {}

    def told() -> list[str]:
        return [a["class"] for a in vigil.ask("doctor", "GET", f"/alerts?patient={patient}")["items"] if a["rule"] == "device.clock"]

    clock_ms = wait_for(corrected, 200, "the slow clock's values, corrected and live")["clock_ms"]
    assert (round(clock_ms, -4), wait_for(told, 30, "the alert")) == (100_000, ["technical"])
