"""A device that stores and forwards: what it has to say goes out at once, or waits on its own disk until it can.

In: samples. Out: MQTT messages, single or in batches, oldest first; counts in the shared `Account`. Promise: a sample is given to the
broker until the broker has acknowledged it, whatever breaks in between. Nothing is dropped: what the broker denies is counted.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from devices.account import Account
from devices.memory import Known
from devices.mqtt import Door, Ears, Identity, Line
from devices.outbox import Outbox
from vitals.device_config import UNTOLD, heard

BATCH = 100
BATCH_PAUSE_S = 0.2
_TEND_S = 5.0
_WILL = b'{"state":"offline"}'
"""Of its battery it says nothing: it is written now, and said when the device is gone."""


@dataclass(frozen=True, slots=True)
class _Live:
    """A sample on its way; `again`: an intended repeat, which nobody misses."""

    sample: bytes
    again: bool = False


@dataclass(frozen=True, slots=True)
class _Backlog:
    samples: list[bytes]


class Device:
    """One device on one connection. `away` cuts it off and keeps it off; `battery` is what its status says; `config` what it
    was told to do."""

    def __init__(self, where: Door, known: Known, account: Account, outbox: Path) -> None:
        self.known, self._account, self._box = known, account, Outbox(outbox)
        self._where, self._who = where, Identity(known.device, known.password)
        self._line = Line(where, self._who, Ears(self._acked, self._lost, self._told, self._configured))
        self._vitals = self._who.topic("vitals")
        self._sending: _Backlog | None = None
        self._leaving = False
        self.on_refused: Callable[[dict[str, Any]], None] | None = None
        self.away, self.battery, self.config = False, 1.0, UNTOLD

    @property
    def waiting(self) -> int:
        """Samples on its disk, those of a batch under way too."""
        return len(self._box) + (len(self._sending.samples) if self._sending else 0)

    @property
    def unsettled(self) -> int:
        """Samples and messages that the broker has not acknowledged."""
        return self._line.in_flight + len(self._box)

    @property
    def up(self) -> bool:
        """Whether a connection stands."""
        return self._line.up

    @property
    def in_flight(self) -> int:
        """Messages published and not acknowledged."""
        return self._line.in_flight

    def renew(self, where: Door | None = None, password: str | None = None) -> None:
        """Another door (a new certificate), another secret: connects anew with it. What is not acknowledged yet is sent again then."""
        if password is not None:
            self.known.password = password
        self._where, self._who = where or self._where, Identity(self.known.device, self.known.password)
        self._line.renew(self._where, self._who)

    def next_seq(self) -> int:
        """A sample number that this device never used."""
        seq = self.known.next_seq
        self.known.next_seq = seq + 1
        return seq

    def say(self, seq: int, readings: int, sample: bytes, twice: bool = False) -> None:
        """A new sample; `twice` publishes it again, as a device with a nervous radio does."""
        self._account.made(self.known.device, seq, readings)
        if not self._publish(sample, _Live(sample)):
            self._box.put([sample])
        elif twice and self._publish(sample, _Live(sample, again=True)):
            self._account.repeats += 1

    def keep(self, seq: int, readings: int, sample: bytes) -> None:
        """A new sample straight into the outbox: a backlog, sent in batches."""
        self._account.made(self.known.device, seq, readings)
        self._box.put([sample])

    def stream(self, chunk: bytes) -> None:
        """A chunk of a curve: said now, or never; counted either way."""
        said = not self.away and self._line.publish(self._who.topic("waveform"), chunk, None)
        self._account.chunks += said
        self._account.chunks_lost += not said

    def status(self) -> None:
        """The retained status: state, battery, how much is buffered."""
        self._line.publish(self._who.topic("status"), self._state("online"), None, retain=True)

    async def live(self) -> None:
        """Keeps connected, and sends the backlog, paced, until cancelled."""
        while not self._leaving:
            if self.away:
                self._line.drop()
                await asyncio.sleep(0.2)
            elif not self._line.up:
                await asyncio.sleep(self._line.pause_s)
                if await self._line.connect(_WILL):
                    self._account.connects += 1
                    self.status()
            else:
                await self._stay()

    async def leave(self) -> None:
        """Says goodbye with a retained `offline`."""
        self._leaving = True
        await self._line.farewell(self._state("offline"))

    async def _stay(self) -> None:
        for _ in range(round(_TEND_S / BATCH_PAUSE_S)):
            if not self._line.up or self.away or self._leaving:
                return
            if not len(self._box):
                await asyncio.sleep(1.0)
                break
            self._send_backlog()
            await asyncio.sleep(BATCH_PAUSE_S)
        self._line.tend()

    def _send_backlog(self) -> None:
        if self._sending is not None or not len(self._box):
            return
        backlog = _Backlog(self._box.oldest(BATCH))
        self._sending = backlog
        if not self._publish(b'{"batch":[' + b",".join(backlog.samples) + b"]}", backlog):
            self._return(backlog)

    def _publish(self, payload: bytes, tag: Any) -> bool:
        published = not self.away and self._line.publish(self._vitals, payload, tag)
        self._account.messages += published
        return published

    def _state(self, state: str) -> bytes:
        return msgspec.json.encode({"state": state, "battery": round(self.battery, 2), "buffered": self.waiting})

    def _acked(self, tag: Any, ok: bool) -> None:
        if tag is None:
            return
        self._account.acked += ok
        self._account.denied += not ok
        if isinstance(tag, _Backlog):
            self._sending = None
            self._box.done(len(tag.samples))
            if not len(self._box):
                self.status()

    def _lost(self, tags: list[Any]) -> None:
        again = [tag.sample for tag in tags if isinstance(tag, _Live) and not tag.again]
        for tag in tags:
            if isinstance(tag, _Backlog):
                self._return(tag)
        if again:
            self._account.resent += len(again)
            self._box.put(again)

    def _return(self, backlog: _Backlog) -> None:
        self._sending = None
        self._box.back(backlog.samples)

    def _configured(self, message: bytes) -> None:
        self.config = heard(message) or self.config

    def _told(self, notice: dict[str, Any]) -> None:
        self._account.refused[str(notice.get("reason"))] += 1
        if self.on_refused is not None:
            self.on_refused(notice)
