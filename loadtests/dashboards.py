"""Many dashboards on one live feed, as a process of its own: `python -m loadtests.dashboards ADDRESS TOKEN WARDS COUNT SECONDS STALLED`.

In: the feed's address, a token, ward names joined by commas. Out: one line of JSON: messages heard, and the percentiles of the age
of a value when it arrives (ms, of the deltas of every tenth dashboard, from the moment that its sample was handed to Kafka).
`STALLED` further readers subscribe to every ward and then never read.
"""

import asyncio
import contextlib
import json
import sys
import time
from datetime import datetime

import numpy as np
from websockets.asyncio.client import connect

MEASURED = 10


def ages(message: str, now: float) -> list[float]:
    """Milliseconds since each value of a delta was observed."""
    if not message.startswith('{"type":"delta"'):
        return []
    told = (v for p in json.loads(message)["patients"] for v in p.get("vitals", {}).values() if v["state"] == "live")
    return [(now - datetime.fromisoformat(v["observed_at"]).timestamp()) * 1000 for v in told]


async def dashboard(address: str, token: str, ward: str, seconds: float, measured: list[float] | None) -> int:
    """One dashboard on one ward; returns how many messages it heard. What came in the first second is not measured."""
    heard, begun = 0, time.monotonic()
    async with connect(address, subprotocols=["vigil.v1"], compression=None, max_size=None) as socket:  # type: ignore[list-item]  # a plain name
        await socket.send(json.dumps({"type": "auth", "token": token}))
        await socket.send(json.dumps({"type": "subscribe", "wards": [ward]}))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for message in socket:
                    heard += 1
                    if measured is not None and time.monotonic() > begun + 1:
                        measured.extend(ages(str(message), time.time()))
    return heard


async def stalled(address: str, token: str, wards: list[str], seconds: float) -> None:
    """Subscribes and reads nothing more; whether it is cut is the feed's business."""
    socket = await connect(address, subprotocols=["vigil.v1"], compression=None, max_size=None, max_queue=1)  # type: ignore[list-item]  # a plain name
    await socket.send(json.dumps({"type": "auth", "token": token}))
    await socket.send(json.dumps({"type": "subscribe", "wards": wards}))
    await asyncio.sleep(seconds)
    socket.transport.abort()


async def run(address: str, token: str, wards: list[str], count: int, seconds: float, stalls: int) -> dict[str, float]:
    """All of them at once, joining over two seconds."""
    measured: list[float] = []
    tasks = [asyncio.create_task(stalled(address, token, wards, seconds)) for _ in range(stalls)]
    readers = []
    for i in range(count):
        kept = measured if i % MEASURED == 0 else None
        readers.append(asyncio.create_task(dashboard(address, token, wards[i % len(wards)], seconds, kept)))
        await asyncio.sleep(2 / count)
    heard = sum(await asyncio.gather(*readers))
    await asyncio.gather(*tasks)
    p50, p99 = np.percentile(measured, [50, 99]) if measured else (-1.0, -1.0)
    return {"messages": float(heard), "values": float(len(measured)), "p50": float(p50), "p99": float(p99)}


if __name__ == "__main__":
    address, token, wards, count, seconds, stalls = sys.argv[1:7]
    print(json.dumps(asyncio.run(run(address, token, wards.split(","), int(count), float(seconds), int(stalls)))))
