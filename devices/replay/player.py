"""Plays entries through their devices: MQTT QoS 1, in the order of their times, no faster than they are acknowledged.

In: entries in time order with their devices. Out: messages. Promise: it ends when every message is acknowledged; what
the devices of one patient say arrives in the order of its times: one speaks when the other's words are acknowledged; nothing is said before
its time has come by the `clock`, however fast it is played (a recording begun slowly keeps its first times).
"""

import asyncio
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from devices.device import Device
from devices.replay.recording import Entry
from devices.simulator.sample import encoded

WINDOW = 50
"""Messages of one device on their way at most."""
_PROGRESS_S = 2.0
Clock = Callable[[], int] | None


async def play(entries: Sequence[Entry], devices: Mapping[tuple[str, str], Device], speed: float | None, clock: Clock) -> None:
    """`speed` None: as fast as acknowledgements come. clock: now, ms; None: times are said as they were recorded, also those to come."""
    lives = [asyncio.create_task(device.live()) for device in devices.values()]
    try:
        await _say(entries, devices, speed, clock)
        while any(device.unsettled for device in devices.values()):
            await asyncio.sleep(0.05)
        await asyncio.gather(*(device.leave() for device in devices.values()))
    finally:
        for life in lives:
            life.cancel()
            with suppress(asyncio.CancelledError):
                await life


async def _say(entries: Sequence[Entry], devices: Mapping[tuple[str, str], Device], speed: float | None, clock: Clock) -> None:
    began, told = time.monotonic(), time.monotonic()
    last: dict[str, Device] = {}
    for i, entry in enumerate(entries):
        if speed is not None:
            await asyncio.sleep(max(0.0, (entry.at_ms - entries[0].at_ms) / 1000 / speed - (time.monotonic() - began)))
        device = devices[entry.stay, entry.part]
        at_ms = entry.at_ms + device.known.shift_ms
        if clock is not None:
            await _wait((at_ms - clock()) / 1000)
        before = last.get(entry.stay, device)
        while not device.up or device.in_flight >= WINDOW or (before is not device and before.in_flight):
            await asyncio.sleep(0.001)
        last[entry.stay] = device
        device.say(entry.seq, len(entry.vitals), encoded(entry.seq, at_ms, entry.vitals))
        if i % 20 == 0:
            await asyncio.sleep(0)
        if time.monotonic() - told > _PROGRESS_S:
            told = time.monotonic()
            sys.stderr.write(f"  {i + 1:,} of {len(entries):,} samples\n")


async def _wait(ahead_s: float) -> None:
    if ahead_s > 0:
        if ahead_s > _PROGRESS_S:
            sys.stderr.write(f"  what is left lies ahead of the clock: said as it happens, the next in {ahead_s:,.0f} s\n")
        await asyncio.sleep(ahead_s)
