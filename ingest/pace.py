"""What one device may say at a door whose sender waits for the answer (MLLP, FHIR): as much as over MQTT (`ingest.quota.Limits`).

In: messages and the time. Out: which devices are over their quota and how long they would have to wait, and which begin or end to babble.
Promise: a device within its quota is never among them; nothing is refused and nothing is kept here. A debt is never more than LONGEST_S
beyond the burst: a device that babbled is heard at its rate again at once.
A device's debt is the time by which what it said is paid off at its rate (the generic cell rate algorithm, ITU-T I.371).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.gather import Message
from ingest.quota import BUCKETS, Babble, Limits, sums
from ingest.route import route

LONGEST_S = 10.0
"""Senders give up after some thirty seconds, and send again."""


@dataclass(slots=True)
class _Debts:
    """Of messages, or of bytes. `burst_s`: how long the burst takes at the rate; `until`: topic -> when all is paid off, steady seconds."""

    rate: float
    burst_s: float
    until: dict[bytes, float] = field(default_factory=dict)

    def wait(self, topic: bytes, n: float, steady: float) -> float:
        """Seconds until n more are within the burst; of who owes nothing anything is, for else what is larger could never be said."""
        owed = self.until.get(topic, steady) - steady
        return min(LONGEST_S, max(0.0, owed + n / self.rate - self.burst_s)) if owed > 0 else 0.0

    def charge(self, topic: bytes, n: float, steady: float) -> None:
        """n more were said."""
        self.until[topic] = min(max(self.until.get(topic, steady), steady) + n / self.rate, steady + self.burst_s + LONGEST_S)

    def calm(self, topic: bytes, steady: float) -> bool:
        """Whether half the burst is there again."""
        return self.until.get(topic, steady) - steady < self.burst_s / 2

    def paid(self, steady: float) -> list[bytes]:
        """Who owes nothing."""
        return [topic for topic, until in self.until.items() if until <= steady]


class Pace:
    """Not thread-safe; `steady` in seconds that never go back, `now` in ms: what a condition's begin is told by."""

    def __init__(self, limits: Limits) -> None:
        self._messages = _Debts(limits.rate, limits.burst / limits.rate)
        self._bytes = _Debts(limits.byte_rate, limits.byte_burst / limits.byte_rate)
        self._babbling: dict[bytes, int] = {}
        self._begun: list[Babble] = []

    def __len__(self) -> int:
        """Of how many devices something is remembered."""
        return len(self._messages.until)

    def over(self, messages: Sequence[Message], steady: float, now: int) -> dict[bytes, float]:
        """Topic of each device that says too much with these -> seconds until it would not, LONGEST_S at most; they are not charged."""
        found = dict[bytes, float]()
        for topic, (count, size) in sums(messages).items():
            wait = max(self._messages.wait(topic, count, steady), self._bytes.wait(topic, size, steady))
            if wait > 0:
                found[topic] = wait
        for topic in found.keys() - self._babbling.keys():
            self._babbling[topic] = now
            self._begun.append(Babble(route(topic).name, now, False))
        return found

    def charge(self, messages: Sequence[Message], steady: float) -> None:
        """These were said."""
        for topic, (count, size) in sums(messages).items():
            self._messages.charge(topic, count, steady)
            self._bytes.charge(topic, size, steady)
        for debts in (self._messages, self._bytes):
            if len(debts.until) > BUCKETS:  # who owes nothing says nothing
                for topic in debts.paid(steady):
                    del debts.until[topic]

    def babbles(self, steady: float) -> list[Babble]:
        """Who began and who stopped since the last look: one with half its burst back has stopped."""
        found, self._begun = self._begun, []
        for topic, since in list(self._babbling.items()):
            if self._messages.calm(topic, steady) and self._bytes.calm(topic, steady):
                found.append(Babble(route(topic).name, since, True))
                del self._babbling[topic]
        return found
