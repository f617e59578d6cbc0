"""A hub that speaks for several devices on `gateways/{id}/vitals`: stores and forwards for all of them, on one connection.

In: samples of its members. Out: MQTT messages, each with what all members said in PAUSE_S; counts in the shared `Account`. Promise: as
`devices.device`: a sample is given to the broker until the broker has acknowledged it; what waits is on disk, oldest first. Members send no
status and no curves and hear no configuration; what of theirs is refused the hub hears, and counts.
"""

import asyncio
from pathlib import Path
from typing import Any

from devices.account import Account
from devices.memory import Known
from devices.mqtt import Door, Ears, Identity, Line
from devices.outbox import Outbox
from vitals.device_config import UNTOLD

BATCH = 200
PAUSE_S = 0.5
_TEND_ROUNDS = 10
_UP = b'{"state":"online"}'
_DOWN = b'{"state":"offline"}'


class Hub:
    """One connection. A line of its outbox is `device sample`."""

    def __init__(self, where: Door, known: Known, account: Account, outbox: Path) -> None:
        self.known, self.account, self._box = known, account, Outbox(outbox)
        self._who = Identity(known.device, known.password)
        self._line = Line(where, self._who, Ears(self._acked, self._lost, self._told))
        self._topic = f"vigil/v1/gateways/{known.device}/vitals"
        self._leaving = False

    @property
    def up(self) -> bool:
        """Whether a connection stands."""
        return self._line.up

    @property
    def waiting(self) -> int:
        """Samples that no message has taken yet."""
        return len(self._box)

    @property
    def unsettled(self) -> int:
        """Samples and messages that the broker has not acknowledged."""
        return self._line.in_flight + len(self._box)

    def take(self, device: str, sample: bytes) -> None:
        """A member's sample."""
        self._box.put([device.encode() + b" " + sample])

    def cut(self) -> None:
        """Cuts the connection without a word; `live` makes another."""
        self._line.drop()

    async def live(self) -> None:
        """Keeps connected, and sends what waits, until cancelled."""
        while not self._leaving:
            if not self._line.up:
                await asyncio.sleep(self._line.pause_s)
                if await self._line.connect(_DOWN):
                    self.account.connects += 1
                    self._line.publish(self._who.topic("status"), _UP, None, retain=True)
            else:
                await self._stay()

    async def leave(self) -> None:
        """Says goodbye with a retained `offline`."""
        self._leaving = True
        await self._line.farewell(_DOWN)

    async def _stay(self) -> None:
        for _ in range(_TEND_ROUNDS):
            if not self._line.up or self._leaving:
                return
            while len(self._box) and self._line.up:
                self._send()
            await asyncio.sleep(PAUSE_S)
        self._line.tend()

    def _send(self) -> None:
        lines = self._box.oldest(BATCH)
        if self._line.publish(self._topic, message(lines), lines):
            self.account.messages += 1
        else:
            self._box.back(lines)

    def _acked(self, lines: list[bytes] | None, ok: bool) -> None:
        if lines is not None:
            self.account.acked += ok
            self.account.denied += not ok
            self._box.done(len(lines))

    def _lost(self, sent: list[list[bytes] | None]) -> None:
        for lines in reversed(sent):
            if lines is not None:
                self.account.resent += len(lines)
                self._box.back(lines)

    def _told(self, notice: dict[str, Any]) -> None:
        self.account.refused[str(notice.get("reason"))] += 1


class Member:
    """A device that speaks through the hub. While it is `away` from it, its samples wait with itself."""

    def __init__(self, hub: Hub, known: Known) -> None:
        self._hub, self.known = hub, known
        self._kept: list[bytes] = []
        self._away, self.battery, self.config = False, 1.0, UNTOLD

    @property
    def away(self) -> bool:
        """Whether it does not reach the hub."""
        return self._away

    @away.setter
    def away(self, cut_off: bool) -> None:
        self._away = cut_off
        self._hand_over()

    @property
    def up(self) -> bool:
        """Whether it reaches the hub, and the hub the broker."""
        return self._hub.up and not self._away

    @property
    def waiting(self) -> int:
        """Samples with itself: what the hub has, the hub counts."""
        return len(self._kept)

    @property
    def unsettled(self) -> int:
        """The same."""
        return len(self._kept)

    def next_seq(self) -> int:
        """A sample number that this device never used."""
        self.known.next_seq += 1
        return self.known.next_seq - 1

    def say(self, seq: int, readings: int, sample: bytes, twice: bool = False) -> None:
        """A new sample, and what waited before it; `twice` says it again."""
        self._hub.account.made(self.known.device, seq, readings)
        self._kept += [sample] * (1 + twice)
        self._hub.account.repeats += twice
        self._hand_over()

    def stream(self, chunk: bytes) -> None:
        """Members send no curves: counted as lost."""
        self._hub.account.chunks_lost += bool(chunk)

    def status(self) -> None:
        """The hub has a status, its members have none."""

    async def live(self) -> None:
        """The hub keeps the connection."""

    async def leave(self) -> None:
        """What still waited goes to the hub, which says goodbye for all."""
        self.away = False

    def _hand_over(self) -> None:
        if not self._away:
            for one in self._kept:
                self._hub.take(self.known.device, one)
            self._kept.clear()


def message(lines: list[bytes]) -> bytes:
    """The hub's message of these lines, a member's samples in their order.

    >>> message([b"a 1", b"b 2", b"a 3"])
    b'{"devices":{"a":[1,3],"b":[2]}}'
    """
    said: dict[bytes, list[bytes]] = {}
    for line in lines:
        device, _, sample = line.partition(b" ")
        said.setdefault(device, []).append(sample)
    return b'{"devices":{' + b",".join(b'"%s":[%s]' % (device, b",".join(samples)) for device, samples in said.items()) + b"}}"
