"""MQTT topics: what a message is about, by where it was published.

In: a topic's bytes. Out: (kind, the device's or gateway's id). Anything else has no route and is refused as malformed.
"""

from enum import Enum
from functools import lru_cache
from typing import NamedTuple

ROOT = "vigil/v1"


class Kind(Enum):
    """What a topic carries; the value is its last part."""

    VITALS = "vitals"
    GATEWAY = "gateway"
    WAVEFORM = "waveform"
    STATUS = "status"
    NONE = ""


class Route(NamedTuple):
    """`name`: the device, or the gateway that speaks for others."""

    kind: Kind
    name: str


_LAST = {k.value: k for k in (Kind.VITALS, Kind.WAVEFORM, Kind.STATUS)}


@lru_cache(maxsize=65_536)
def route(topic: bytes) -> Route:
    """Where a message belongs. A gateway's id may not be a device's part of another topic: `gateways` is no device's name."""
    parts = topic.decode(errors="replace").split("/")
    if parts[:2] != ["vigil", "v1"]:
        return Route(Kind.NONE, "")
    if len(parts) == 5 and parts[2] == "gateways" and parts[4] == "vitals":
        return Route(Kind.GATEWAY, parts[3])
    if len(parts) == 4 and parts[2] != "gateways" and parts[3] in _LAST:
        return Route(_LAST[parts[3]], parts[2])
    return Route(Kind.NONE, "")


def vitals_topic(device: str) -> bytes:
    """Where a device publishes its samples."""
    return f"{ROOT}/{device}/vitals".encode()


def refused_topic(device: str) -> str:
    """Where a device hears what of it was refused."""
    return f"{ROOT}/{device}/refused"
