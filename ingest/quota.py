"""What one device may say: messages and bytes a second, with room for a burst; a babbling device waits alone.

In: messages, the time. Out: `Admitted`: those that may go on, those beyond all patience, and which devices begin or end to babble.
Promise: a device within its quota is never delayed by another; its own order is kept; nothing is lost: what is over the quota waits,
unacknowledged, so many messages and bytes a device and so many together at most; what is more is refused (durably, told, counted).
A backlog comes as batches, a few messages an hour's worth, and the burst is made for it. What the broker kept while the gateway or Kafka
was away is no device's fault: while the gateway catches up, only those that babbled before are held back.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.gather import Message
from ingest.route import Kind, route

BUCKETS = 100_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one device: `rate` a second for ever, `burst` at once, of messages and of bytes.

    `waiting`: messages beyond them that may wait, of one device, and `waiting_in_all` of all; `hub`: a hub speaks for many, so many quotas.
    `waiting_bytes`, `waiting_bytes_in_all`: the same in bytes, no site's choice: what waits is in hand, and must never be all that may
    be (`ingest.gateway.IN_HAND_BYTES`), for then nobody would be read.
    """

    rate: float = 100.0
    burst: float = 6_000.0
    byte_rate: float = 1_048_576.0
    byte_burst: float = 33_554_432.0
    waiting: int = 500
    waiting_in_all: int = 2_000
    hub: int = 20
    waiting_bytes: int = 16 * 1024 * 1024
    waiting_bytes_in_all: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Babble:
    """`device` began (`ended` False) or stopped to send more than its quota; `since` in ms is when it began."""

    device: str
    since: int
    ended: bool


@dataclass(slots=True)
class Admitted:
    """`over`: beyond what may wait."""

    messages: list[Message] = field(default_factory=list)
    over: list[Message] = field(default_factory=list)
    babbles: list[Babble] = field(default_factory=list)


@dataclass(slots=True)
class _Bucket:
    messages: float
    bytes: float
    at: int
    times: int = 1
    since: int | None = None
    waiting: deque[Message] = field(default_factory=deque)
    held: int = 0


class Quota:
    """A token bucket for each topic. Not thread-safe; `now` in ms."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buckets: dict[bytes, _Bucket] = {}
        self._babbling: dict[bytes, _Bucket] = {}
        self.waiting = self._held = 0

    def admit(self, messages: Sequence[Message], now: int, catching_up: bool = False) -> Admitted:
        """Those of `messages`, and of what waits, that may go on now. `catching_up`: they may have been kept for hours (`ingest.kept`)."""
        out = Admitted()
        if self._babbling:
            self._release(out, now)
        for topic, (count, size) in () if catching_up else sums(messages).items():
            bucket = self._refilled(topic, now)
            if topic in self._babbling or count > bucket.messages or size > bucket.bytes:
                self._babble(topic, bucket, now, out)
            else:
                bucket.messages -= count
                bucket.bytes -= size
        if not self._babbling:
            out.messages += messages
        else:
            for m in messages:
                self._one(m, out)
        return out

    def _one(self, m: Message, out: Admitted) -> None:
        bucket = self._babbling.get(m.topic)
        if bucket is None or (not bucket.waiting and self._paid(bucket, m)):
            out.messages.append(m)
        elif self._room(bucket, len(m.payload)):
            bucket.waiting.append(m)
            self._holds(bucket, 1, len(m.payload))
        else:
            out.over.append(m)

    def _room(self, bucket: _Bucket, size: int) -> bool:
        """Whether one more message, of `size` bytes, may wait."""
        most = self._limits
        few = len(bucket.waiting) < most.waiting and self.waiting < most.waiting_in_all
        return few and bucket.held + size <= most.waiting_bytes and self._held + size <= most.waiting_bytes_in_all

    def _holds(self, bucket: _Bucket, messages: int, size: int) -> None:
        """So many more wait, of so many bytes; fewer where these are negative."""
        self.waiting += messages
        self._held += size
        bucket.held += size

    def _babble(self, topic: bytes, bucket: _Bucket, now: int, out: Admitted) -> None:
        if topic not in self._babbling:
            self._babbling[topic], bucket.since = bucket, now
            out.babbles.append(Babble(route(topic).name, now, False))

    def _release(self, out: Admitted, now: int) -> None:
        """Lets go what waits, as far as its device's quota goes; a device with half its burst back has stopped."""
        for topic in list(self._babbling):
            bucket = self._refilled(topic, now)
            while bucket.waiting and self._paid(bucket, bucket.waiting[0]):
                out.messages.append(bucket.waiting.popleft())
                self._holds(bucket, -1, -len(out.messages[-1].payload))
            if not bucket.waiting and bucket.messages > self._limits.burst * bucket.times / 2:
                out.babbles.append(Babble(route(topic).name, bucket.since or now, True))
                del self._babbling[topic]

    @staticmethod
    def _paid(bucket: _Bucket, m: Message) -> bool:
        """Whether the message can be afforded; then it is paid for. One larger than any burst goes when the bucket is not empty."""
        if bucket.messages < 1 or bucket.bytes <= 0:
            return False
        bucket.messages -= 1
        bucket.bytes -= len(m.payload)
        return True

    def _refilled(self, topic: bytes, now: int) -> _Bucket:
        limits, bucket = self._limits, self._buckets.get(topic)
        if bucket is None:
            if len(self._buckets) >= BUCKETS:  # a full bucket says nothing; those that babble are kept
                self._buckets = dict(self._babbling)
            times = limits.hub if route(topic).kind is Kind.GATEWAY else 1
            bucket = self._buckets[topic] = _Bucket(limits.burst * times, limits.byte_burst * times, now, times)
            return bucket
        seconds = max(0, now - bucket.at) / 1000 * bucket.times
        bucket.messages = min(limits.burst * bucket.times, bucket.messages + seconds * limits.rate)
        bucket.bytes = min(limits.byte_burst * bucket.times, bucket.bytes + seconds * limits.byte_rate)
        bucket.at = now
        return bucket


def sums(messages: Sequence[Message]) -> dict[bytes, tuple[int, int]]:
    """topic -> (messages, bytes)."""
    counts: dict[bytes, int] = {}
    sizes: dict[bytes, int] = {}
    for m in messages:
        topic = m.topic
        counts[topic] = counts.get(topic, 0) + 1
        sizes[topic] = sizes.get(topic, 0) + len(m.payload)
    return {topic: (n, sizes[topic]) for topic, n in counts.items()}
