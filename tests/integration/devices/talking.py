"""A device's life on a real broker: it connects, says its samples at its cadence, waits until all are acknowledged, and goes."""

import asyncio
from collections.abc import Callable

from devices.device import Device
from devices.simulator.sample import encoded
from tests.waiting import until

LIFE_S = 120.0


async def talks(device: Device, samples: int, every_s: float, meanwhile: Callable[[int], None]) -> None:
    """`meanwhile` is told the number of each sample just before the device says it."""
    living = asyncio.create_task(device.live())
    async with asyncio.timeout(LIFE_S):
        await until(lambda: device.up, LIFE_S, "the connection")
        for seq in range(samples):
            meanwhile(seq)
            device.say(seq, 1, encoded(seq, 1_700_000_000_000, {"hr": 70}))
            await asyncio.sleep(every_s)  # the device's cadence
        await until(lambda: device.up and not device.unsettled, LIFE_S, "every acknowledgement")
        await device.leave()
    living.cancel()
