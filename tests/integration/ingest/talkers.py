"""Devices that speak at a steady rate over the real broker, keep what is not acknowledged, and note what is.

One thread with an event loop for all, on the devices' own connection (`devices.mqtt.Line`).
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from devices.mqtt import Door, Ears, Identity, Line, backoff

EVERY_S = 0.02
AT_ONCE = 20
_GONE = b'{"state":"offline"}'


class Talkers:
    """`names`: device -> secret; each says a sample every EVERY_S. `acknowledged`: (device, seq) that the broker has taken over."""

    def __init__(self, where: Door, names: dict[str, str]) -> None:
        self._where, self._names = where, names
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()), daemon=True)
        self.acknowledged: set[tuple[str, int]] = set()
        self.said = 0
        self.open: set[tuple[str, int]] = set()

    def start(self) -> None:
        """They begin."""
        self._thread.start()

    def hush(self) -> None:
        """They say nothing new, and go when all is acknowledged."""
        self._stop.set()

    def join(self, deadline_s: float) -> None:
        """Waits until they have gone."""
        self._thread.join(deadline_s)
        assert not self._thread.is_alive(), f"{len(self.open)} samples were never acknowledged"

    async def _all(self) -> None:
        await asyncio.gather(*(self._talk(name, secret) for name, secret in self._names.items()))

    async def _talk(self, name: str, secret: str) -> None:
        waiting: deque[int] = deque()
        line = Line(self._where, Identity(name, secret), Ears(self._acked, lambda tags: waiting.extend(t[1] for t in tags), lambda _: None))
        seq, due, attempt = 0, time.monotonic(), 0
        while not self._stop.is_set() or waiting or line.in_flight:
            if not line.up:
                attempt = 0 if await line.connect(_GONE) else attempt + 1
                if attempt:
                    await asyncio.sleep(min(backoff(attempt), 1.0))  # a device pauses before it tries again
            while not self._stop.is_set() and time.monotonic() >= due:
                waiting.append(seq)
                self.open.add((name, seq))
                seq, due, self.said = seq + 1, due + EVERY_S, self.said + 1
            for _ in range(min(AT_ONCE, len(waiting))):
                if not line.publish(f"vigil/v1/{name}/vitals", _sample(waiting[0]), (name, waiting[0])):
                    break
                waiting.popleft()
            await asyncio.sleep(EVERY_S / 2)  # its cadence
        line.close()

    def _acked(self, tag: tuple[str, int], ok: bool) -> None:
        assert ok, f"the broker refused {tag}"
        self.acknowledged.add(tag)
        self.open.discard(tag)


def _sample(seq: int) -> bytes:
    return b'{"seq":%d,"observed_at":%d,"vitals":{"hr":72}}' % (seq, time.time_ns() // 1_000_000)


@contextmanager
def talking(where: Door, names: dict[str, str]) -> Iterator[Talkers]:
    """They have begun; at the end they have gone, whatever happened."""
    talkers = Talkers(where, names)
    talkers.start()
    try:
        yield talkers
    finally:
        talkers.hush()
