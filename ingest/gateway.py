"""The gateway's course: messages in, flushes out, acknowledgements back, no server in sight.

In: messages of the door, Kafka's "durable", newer directories. Out: flushes (`Flush`), the packet ids to acknowledge, what to tell devices.
Promise: a message is acknowledged when all that became of it is durable, in the order of the flushes, and once. What the
directory cannot decide waits for a newer one, HELD at most; what is more is decided by the directory that there is (`overdue` counts it)
and its refusal can be taken back in the review. What is live goes before a backlog, of which each flush takes a little. Memory is
bounded: `full` says that no more may be read.
"""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from ingest.conditions import Babbling, Clocks
from ingest.directory import Directory
from ingest.gather import Message, Refused, refusal
from ingest.quota import Limits, Quota
from ingest.route import Kind, route
from ingest.seen import Seen
from ingest.skew import WHENEVER, Skew
from ingest.translate import Translated, translate
from ingest.wire import Fault
from vitals.refusal import Reason, Refusal

FLUSH_MS = 50
FLUSH_MESSAGES = 1_000
HELD, HELD_BYTES = 2_048, 16 * 1024 * 1024
IN_HAND_BYTES = 128 * 1024 * 1024
LARGE_BYTES, LARGE_HUB_BYTES = 1_024, 32_768
"""A batch larger than the first, a hub's message larger than the second, is a backlog: history, which waits for what is live."""
BACKLOG_BYTES = 128 * 1024
"""So much of a backlog goes with each flush: some 1,300 samples, 20 ms."""


_OVER = Fault(Reason.TOO_LARGE, "far more than the device's quota; the device is slowed down")


@dataclass(frozen=True, slots=True)
class Flush:
    """What must be durable before `mids` may be acknowledged and `refusals` told. `bytes_in`: of the messages in it."""

    found: Translated
    mids: list[int]
    bytes_in: int

    @property
    def refusals(self) -> list[Refusal]:
        """What the devices will hear."""
        return [r.refusal for r in self.found.refused]


@dataclass(slots=True)
class _Held:
    """Messages that wait for a newer directory; `parts`: how many remainders each packet id has waiting."""

    messages: list[Message] = field(default_factory=list)
    parts: Counter[int] = field(default_factory=Counter)


class Gateway:
    """Not thread-safe; moments are ms since 1970 UTC and come from the messages and the caller. `name`: as at the broker."""

    def __init__(self, limits: Limits | None = None, name: str = "") -> None:
        self.quota = Quota(limits or Limits())
        self._flushed_at = 0
        self._pending: list[Message] = []
        self._backlog: deque[Message] = deque()
        self._held = _Held()
        self._held_by: Directory | None = None
        self._bytes = 0
        self.seen, self.skew, self._clocks, self._babbling = Seen(), Skew(), Clocks(), Babbling(name)
        self.overdue = self.unexpected = 0

    @property
    def full(self) -> bool:
        """Whether what is in hand is all that memory may hold."""
        return self._bytes > IN_HAND_BYTES

    @property
    def waiting(self) -> int:
        """Messages that a newer directory must decide."""
        return len(self._held.messages)

    @property
    def pending(self) -> int:
        """Messages that no flush has taken yet."""
        return len(self._pending) + len(self._backlog)

    @property
    def live(self) -> int:
        """Those of them that are live."""
        return len(self._pending)

    @property
    def backlog(self) -> int:
        """Those of them that are history."""
        return len(self._backlog)

    @property
    def empty(self) -> bool:
        """Whether nothing that came waits any more: for a flush, for a newer directory, for its device's quota."""
        return not (self.pending or self.waiting or self.quota.waiting)

    def oldest(self) -> int | None:
        """When the oldest live message in hand came, if any waits."""
        firsts = [m[0].received_at for m in (self._pending, self._held.messages) if m]
        return min(firsts) if firsts else None

    def receive(self, messages: Sequence[Message]) -> None:
        """Takes messages in hand."""
        for m in messages:
            if len(m.payload) > LARGE_BYTES and _history(m):
                self._backlog.append(m)
            else:
                self._pending.append(m)
        self._bytes += sum([len(m.payload) for m in messages])

    def due(self, now: int, directory: Directory) -> bool:
        """Whether a flush is to be made: by size, by age, or because a newer directory may decide what waits."""
        if self._held.messages and directory is not self._held_by:
            return True
        if self.quota.waiting and _aged(self._flushed_at, now):
            return True
        if self._backlog:
            return True
        return bool(self._pending) and (len(self._pending) >= FLUSH_MESSAGES or _aged(self._pending[0].received_at, now))

    def flush(self, directory: Directory, now: int, catching_up: bool = False) -> Flush:
        """Translates what is in hand and within its device's quota. What waited is given first, once the directory is a newer one.

        `catching_up`: what is in hand may have been kept for hours by the broker.
        """
        came = self._pending + self._some_backlog()
        admitted = self.quota.admit(came, now, catching_up)
        self._pending, self._flushed_at = [], now
        released: list[Message] = []
        if directory is not self._held_by:
            released, self._held.messages = self._held.messages, []
        self._held_by = directory
        final = len(self._held.messages) >= HELD or sum([len(m.payload) for m in self._held.messages]) >= HELD_BYTES
        self.overdue += len(admitted.messages) if final else 0
        everything = released + admitted.messages if released else admitted.messages
        found = self._translated(everything, directory, final)
        found.refused += [Refused(i, refusal(m, _OVER, m.payload, route(m.topic).name)) for i, m in enumerate(admitted.over)]
        self.skew.said([replace(link, at=WHENEVER) for link in found.said] if catching_up else found.said)
        found.clocks = self.skew.fold(directory, found.live, now)
        found.findings += self._clocks.told(directory, now)
        found.findings += self._babbling.told(admitted.babbles, directory, now, came)
        mids = self._settled(everything, released, found) + [m.mid for m in admitted.over]
        return Flush(found, mids, sum([len(m.payload) for m in admitted.messages]) + sum([len(m.payload) for m in admitted.over]))

    def _some_backlog(self) -> list[Message]:
        """The oldest of it."""
        some, size = list[Message](), 0
        while self._backlog and size < BACKLOG_BYTES:
            some.append(self._backlog.popleft())
            size += len(some[-1].payload)
        return some

    def _translated(self, messages: list[Message], directory: Directory, final: bool) -> Translated:
        """The one guard here: a defect of ours costs the message that brings it out, which is kept and counted, not the gateway."""
        self.seen.begin()
        try:
            return translate(messages, directory, self.seen, final)
        except Exception as error:  # noqa: BLE001 - whatever it is, it would come again with the same message after a restart
            self.seen.undo()
            self.unexpected += 1
            if len(messages) == 1:
                fault = Fault(Reason.MALFORMED, f"could not be processed: {type(error).__name__}")
                return Translated(refused=[Refused(0, refusal(messages[0], fault, messages[0].payload, None))])
        whole = Translated()
        for half, offset in ((messages[: len(messages) // 2], 0), (messages[len(messages) // 2 :], len(messages) // 2)):
            whole.add(self._translated(half, directory, final), offset)
        return whole

    def settled(self, flush: Flush) -> None:
        """The flush is durable: its bytes are no longer in hand."""
        self._bytes -= flush.bytes_in

    def _settled(self, everything: list[Message], released: list[Message], found: Translated) -> list[int]:
        """The packet ids of which nothing waits any more."""
        if not found.undecided and not released:
            return [m.mid for m in everything]
        for m in released:
            self._held.parts[m.mid] -= 1
        for u in found.undecided:
            self._held.parts[u.remainder.mid] += 1
            self._held.messages.append(u.remainder)
        mids = [m.mid for m in everything if self._held.parts[m.mid] <= 0]
        self._held.parts = +self._held.parts
        return list(dict.fromkeys(mids))


def _aged(since: int, now: int) -> bool:
    """Whether a flush's time is over; also where the clock was set back, for nobody knows how long it has been."""
    return not 0 <= now - since < FLUSH_MS


def _history(m: Message) -> bool:
    """Whether a large message is a backlog."""
    kind = route(m.topic).kind
    return b'"batch"' in m.payload[:16] if kind is Kind.VITALS else kind is Kind.GATEWAY and len(m.payload) > LARGE_HUB_BYTES
