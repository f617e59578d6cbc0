"""A device whose clock is slow: its values are shown as live, with a note, and the ward is told why."""

import json
import time
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.e2e.vigils import Running
from tests.waiting import wait_for

pytestmark = pytest.mark.slow
SLOW_BED = "10"
"""The bed of the simulator's `clock_skew` story."""


def bed(vigil: Running) -> dict[str, Any]:
    """The bed as a screen that opens now gets it."""
    with connect(vigil.endpoints["live"], subprotocols=["vigil.v1"], max_size=None) as socket:  # type: ignore[list-item]  # Subprotocol is str
        socket.send(json.dumps({"type": "auth", "token": vigil.token("doctor")}))
        socket.send(json.dumps({"type": "subscribe", "wards": ["north"]}))
        until = time.monotonic() + 10
        while time.monotonic() < until:
            frame = json.loads(socket.recv(timeout=10))
            if frame["type"] == "snapshot":
                return next((dict(p) for p in frame["patients"] if p.get("bed") == SLOW_BED), {})
    return {}


@pytest.mark.timeout(300)
def test_a_slow_clocks_values_are_live_with_a_note_and_the_ward_is_told(vigil: Running) -> None:
    shown = wait_for(
        lambda: (seen := bed(vigil)).get("vitals", {}).get("hr", {}).get("clock_ms") and seen, 200, "the slow clock to be corrected"
    )
    told = [a for a in vigil.ask("doctor", "GET", f"/alerts?patient={shown['id']}")["items"] if a["rule"] == "device.clock"]
    vital = shown["vitals"]["hr"]
    assert (vital["state"], round(vital["clock_ms"], -4), [a["class"] for a in told]) == ("live", 100_000, ["technical"])
