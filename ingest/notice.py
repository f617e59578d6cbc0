"""What a device hears of a refusal: the notice, and on whose topic.

In: a refusal of what came over MQTT. Out: topic and JSON. Promise: it is told to whoever said what was refused, and to nobody else: a hub
hears on its own topic what it said for others (those have no connection to hear it on), with `device` for whom. And a few at a time: to
tell one takes as long as to take several messages in, and a device that babbles is refused by the thousand.
"""

from collections import deque
from collections.abc import Callable, Iterable

import msgspec

from ingest.gather import Refused
from ingest.route import refused_topic, route

_LONGEST = 64
"""Of a name; no device that is let in has a longer one."""
AT_ONCE = 20
"""Some 2 ms."""
MOST = 20_000
"""That wait to be told: some 10 MB."""


class Notices:
    """Those that are still to be told, oldest first. `dropped`: how many could not be, since last looked at."""

    def __init__(self, tell: Callable[[str, bytes], bool]) -> None:
        self._tell, self._waiting = tell, deque[tuple[str, bytes]]()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, refusals: Iterable[Refused]) -> None:
        """What was refused, and is durable; beyond `MOST` it is dropped."""
        for refused in refusals:
            said = notice(refused) if len(self._waiting) < MOST else None
            if said is None:
                self.dropped += 1
            else:
                self._waiting.append(said)

    def some(self, most: int = AT_ONCE) -> None:
        """Tells the next ones."""
        for _ in range(min(most, len(self._waiting))):
            self.dropped += not self._tell(*self._waiting.popleft())


def notice(refused: Refused) -> tuple[str, bytes] | None:
    """(topic, payload); None where the message came on no device's topic."""
    refusal = refused.refusal
    speaker = route(refusal.source.encode()).name[:_LONGEST]
    said = {"seq": refusal.seq, "reason": refusal.reason, "detail": refusal.detail}
    device = refused.member or refusal.device
    if device is not None and device != speaker:
        said["device"] = device
    return (refused_topic(speaker), msgspec.json.encode(said)) if speaker else None
