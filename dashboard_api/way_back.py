"""Whether what was refused can be put back on its way, and how it looks then. Pure.

In: a row of `telemetry.refusal`, with `size` (the bytes of its payload). Out: why it is stuck here, None when it is not; the message to say
again at its door. Promise: what is said again lands once: a sample by its number, at MLLP and FHIR by one that is made of the content.
"""

import re
from collections.abc import Callable

import msgspec

from dashboard_api.timescale import Row

KEPT_BYTES = 512 * 1024
"""The most that the doors keep of one message (`ingest.gather`); of a longer one the detail says so."""
DOORS = ("mqtt", "mllp", "fhir")
_HUBS = ["vigil", "v1", "gateways"]
_CUT = re.compile(r" \(the first \d+ of \d+ bytes are kept\)\Z")
_STUCK: tuple[tuple[Callable[[Row], bool], str], ...] = (
    (lambda r: r["state"] == "discarded", "it was discarded"),
    (lambda r: r["door"] not in DOORS, "it came from Vigil itself, and no door takes it"),
    (lambda r: r["size"] >= KEPT_BYTES and _CUT.search(r["detail"]) is not None, "it was too long to be kept whole"),
    (
        lambda r: r["vital"] is not None,
        "one value of a sample was refused and would be again; what else was in the sample is stored under its number, which lands once",
    ),
    (lambda r: r["reason"] == "duplicate", "a sample with this number is stored already"),
)
"""The first that holds says why."""


def stuck(row: Row) -> str | None:
    """Why it cannot go back; None when it can."""
    return next((why for holds, why in _STUCK if holds(row)), None)


def as_it_came(row: Row) -> bytes:
    """The message to say again. Of a hub's message a refusal keeps one device's samples, or one of them: the hub's form goes round."""
    payload, device = bytes(row["payload"]), row["device"]
    parts = row["source"].split("/")
    if parts[:3] != _HUBS or len(parts) < 4 or device is None or device == parts[3][:64]:  # a refusal's device is cut there
        return payload
    samples = payload if payload.startswith(b"[") else b"[%s]" % payload
    return msgspec.json.encode({"devices": {device: msgspec.Raw(samples)}})
