"""What a device hears of a refusal: the notice, and on whose topic.

In: a refusal of what came over MQTT. Out: topic and JSON. Promise: it is told to whoever said what was refused, and to nobody else: a hub
hears on its own topic what it said for others (those have no connection to hear it on), with `device` for whom.
"""

import msgspec

from ingest.gather import Refused
from ingest.route import refused_topic, route

_LONGEST = 64
"""Of a name; no device that is let in has a longer one."""


def notice(refused: Refused) -> tuple[str, bytes] | None:
    """(topic, payload); None where the message came on no device's topic."""
    refusal = refused.refusal
    speaker = route(refusal.source.encode()).name[:_LONGEST]
    said = {"seq": refusal.seq, "reason": refusal.reason, "detail": refusal.detail}
    device = refused.member or refusal.device
    if device is not None and device != speaker:
        said["device"] = device
    return (refused_topic(speaker), msgspec.json.encode(said)) if speaker else None
