"""Who speaks through a sender (an interface engine, a hub, a monitor): whether others than one device do. Pure, no clock.

Through MLLP's one connection one message goes at a time: to keep a device waiting keeps everybody waiting who speaks behind it.
In: sender, whose messages came by it, the time. Promise: two devices of a sender are remembered, however many speak.
"""

from collections.abc import Iterable

SHARED_S = 3_600.0
"""Spot-check monitors say something every few minutes: what one of them says next is not to stand behind a device that babbles."""


class Senders:
    """By a sender's address. Not thread-safe; `steady` in seconds that never go back."""

    def __init__(self) -> None:
        self._last: dict[str, dict[bytes, float]] = {}

    def heard(self, sender: str, topics: Iterable[bytes], steady: float) -> None:
        """These speak through it."""
        last = self._last.setdefault(sender, {})
        for topic in topics:
            last.pop(topic, None)
            last[topic] = steady
        while len(last) > 2:
            del last[next(iter(last))]

    def shared(self, sender: str, topic: bytes, steady: float) -> bool:
        """Whether another one spoke through it lately."""
        return any(other != topic and steady - at < SHARED_S for other, at in self._last.get(sender, {}).items())
