"""A dashboard without a screen: subscribes to wards on the live feed and measures how old each reading is when it arrives.

In: the feed's address and a token. Out: latencies, device to WebSocket, in ms: the moment of arrival less the sample's `observed_at`. Only
right where device and dashboard have the same clock, as in a load test on one machine.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol


class _Reading(msgspec.Struct):
    observed_at: str = ""


class _Patient(msgspec.Struct):
    vitals: dict[str, _Reading] = {}


class _Frame(msgspec.Struct):
    type: str
    patients: list[_Patient] = []


_frame = msgspec.json.Decoder(_Frame)


def hello(token: str, wards: Sequence[str]) -> tuple[bytes, bytes]:
    """The first two messages of a dashboard."""
    return msgspec.json.encode({"type": "auth", "token": token}), msgspec.json.encode({"type": "subscribe", "wards": wards})


def ages(data: str | bytes, now_s: float, watched: str = "hr") -> list[float]:
    """Ages in ms of the watched vital of every patient in a delta; nothing for other frames."""
    frame = _frame.decode(data)
    if frame.type != "delta":
        return []
    seen = (patient.vitals.get(watched) for patient in frame.patients)
    return [(now_s - datetime.fromisoformat(r.observed_at).timestamp()) * 1000 for r in seen if r is not None and r.observed_at]


class Dashboard(threading.Thread):
    """One connection in a thread of its own; `heard` gets each delta's ages."""

    def __init__(self, url: str, token: str, wards: Sequence[str], heard: Callable[[list[float]], Any]) -> None:
        super().__init__(daemon=True)
        self._url, self._hello, self._heard = url, hello(token, wards), heard
        self._ended = threading.Event()

    def run(self) -> None:
        """Until `end`, or until the feed closes."""
        with connect(self._url, subprotocols=[Subprotocol("vigil.v1")], max_size=None, compression=None) as socket:
            for message in self._hello:
                socket.send(message.decode())
            while not self._ended.is_set():
                try:
                    data = socket.recv(timeout=1.0)
                except TimeoutError:
                    continue
                except ConnectionClosed:
                    return
                self._heard(ages(data, time.time()))

    def end(self) -> None:
        """Closes it within a second."""
        self._ended.set()
