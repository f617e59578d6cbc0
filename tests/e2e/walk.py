"""What the walk through the contract stands on: a ward of its own on the running Vigil, a patient, devices, who is logged in."""

import json
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from websockets.sync.client import connect

from tests.e2e.doors import Bench, speaking
from tests.e2e.vigils import Running

ILL = {"hr": 139, "spo2": 86, "rr": 29, "sbp": 86, "dbp": 50, "temp": 39.3, "acvpu": "A", "on_oxygen": True}
WELL = {
    "hr": 72,
    "spo2": 97.0,
    "temp": {"value": 98.4, "unit": "[degF]"},
    "sbp": 118,
    "dbp": 76,
    "rr": 16,
    "acvpu": "A",
    "on_oxygen": False,
}


def at(seconds: float = 0.0) -> str:
    """A moment `seconds` from now, RFC 3339."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def sample(seq: int, observed_at: str, **vitals: Any) -> bytes:
    """A device's sample."""
    return json.dumps({"seq": seq, "observed_at": observed_at, "vitals": vitals, "quality": {"spo2": 0.9}}).encode()


@dataclass(slots=True)
class Walk:
    """`bench`: the device on `patient`; `stray`: a device on nobody; `hub`: the device that the hospital's HL7 speaks of."""

    vigil: Running
    ward: str
    patient: str
    stranger: str
    bench: Bench
    stray: Bench
    hub: str
    secret: dict[str, Any]
    clients: dict[str, httpx.Client] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    def ask(self, role: str, method: str, path: str, **more: Any) -> httpx.Response:
        """One request under `/api/v1`, or at the root where the path begins with `//`; role "": without a token."""
        if role not in self.clients:
            headers = {"Authorization": f"Bearer {self.vigil.token(role)}"} if role else {}
            self.clients[role] = httpx.Client(base_url=self.vigil.endpoints["http"], headers=headers, timeout=30)
        filled = path.format(**self.words)
        return self.clients[role].request(method, filled[1:] if filled.startswith("//") else f"/api/v1{filled}", **more)

    def hl7(self, *rows: str, kind: str = "ORU^R01^ORU_R01") -> str:
        """MSA of the answer to one message over MLLP."""
        moment = datetime.now(UTC).strftime("%Y%m%d%H%M%S+0000")
        head = f"MSH|^~\\&|X^{self.hub}^EUI-64|N|||{moment}||{kind}|{uuid.uuid4().hex[:8]}|P|2.6"
        door = self.vigil.endpoints["mllp"]
        with socket.create_connection((door["host"], door["port"]), 60) as link:
            link.sendall(b"\x0b" + "\r".join([head, f"OBR|1|||x|||{moment}", *rows]).encode() + b"\r\x1c\r")
            answer = b""
            while not answer.endswith(b"\x1c\r") and (more := link.recv(4096)):
                answer += more
        return answer.decode().split("\rMSA|")[1][:2]


@contextmanager
def walking(vigil: Running) -> Iterator[Walk]:
    """The stage, made through the API as an administrator makes it; its devices leave at the end."""
    mark = uuid.uuid4().hex[:8]
    ward = f"walk-{mark}"

    def admin(path: str, **body: Any) -> dict[str, Any]:
        return dict(vigil.ask("admin", "POST", path, body))

    def person(number: int) -> str:
        who = {"mrn": f"W{number}-{mark}", "name": "Ada Lovelace", "birth_date": "1950-12-10", "sex": "female", "ward": ward}
        return str(admin("/patients", **who)["id"])

    admin("/wards", id=ward, name="Walk")
    patient, stranger = person(1), person(2)
    devices = [admin("/devices", kind="monitor", ward=ward) for _ in range(3)]
    for device in (devices[0], devices[2]):
        admin(f"/devices/{device['id']}/assignments", patient_id=patient, **{"from": "1960-02-03T00:00:00Z"})
    with ExitStack() as stack:
        bench, stray = (stack.enter_context(speaking(vigil, device, patient)) for device in devices[:2])
        walk = Walk(vigil, ward, patient, stranger, bench, stray, devices[2]["id"], devices[0])
        walk.words = {"ward": ward, "patient": patient, "stranger": stranger, "device": bench.device, "mrn": f"W1-{mark}"}
        yield walk
        for client in walk.clients.values():
            client.close()


def frames_of_an_illness(walk: Walk, enough: Callable[[list[dict[str, Any]]], bool], deadline_s: float = 180.0) -> list[dict[str, Any]]:
    """What the live feed of the ward says while the patient, ill for two minutes already, is reported second by second."""
    seq, heard = 10_000, list[dict[str, Any]]()
    until = time.monotonic() + deadline_s
    with connect(walk.vigil.endpoints["live"], subprotocols=["vigil.v1"], max_size=None) as feed:  # type: ignore[list-item]  # Subprotocol is str
        feed.send(json.dumps({"type": "auth", "token": walk.vigil.token("doctor")}))
        feed.send(json.dumps({"type": "subscribe", "wards": [walk.ward]}))
        heard.append(json.loads(feed.recv(timeout=60)))
        backlog = [json.loads(sample(seq + n, at(n - 120), **ILL)) for n in range(120)]
        walk.bench.say(json.dumps({"batch": backlog}).encode())
        while not enough(heard) and time.monotonic() < until:
            seq += 1
            walk.bench.say(sample(seq + 119, at(), **ILL))
            heard += _within(feed, 1.0)
    return heard


def _within(feed: Any, seconds: float) -> list[dict[str, Any]]:
    until, heard = time.monotonic() + seconds, list[dict[str, Any]]()
    while (left := until - time.monotonic()) > 0:
        try:
            heard.append(json.loads(feed.recv(timeout=left)))
        except TimeoutError:
            break
    return heard


def points(walk: Walk, vital: str) -> list[Any]:
    """The raw points of a vital of the last hours."""
    asked = {"vital": vital, "from": at(-8 * 3600), "to": at(60), "resolution": "raw"}
    series = walk.ask("doctor", "GET", "/patients/{patient}/vitals", params=asked).json().get("series", [])
    return [point for one in series for point in one["points"]]


def valued(walk: Walk, vital: str) -> list[float]:
    """Their values."""
    return [point["value"] if isinstance(point, dict) else point[1] for point in points(walk, vital)]
