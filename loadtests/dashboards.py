"""Many dashboards on one live feed, as a process of its own: `python -m loadtests.dashboards ADDRESS TOKEN WARDS COUNT SECONDS STALLED`.

In: the feed's address, a token, ward names joined by commas. Out: one line of JSON: messages heard, the percentiles of the age of a
value when it arrives (ms, of the deltas of every tenth dashboard, from the moment that its sample was handed to Kafka), and how late this
process's own loop was (`lag_p99`, ms: what of the age is the measuring). The other nine tenths take their frames off the network and only
count them, so that the measuring does not starve what is measured. `STALLED` further readers subscribe to every ward and never read.
"""

import asyncio
import base64
import contextlib
import json
import os
import sys
import time
from datetime import datetime
from urllib.parse import urlsplit

import numpy as np
from websockets.asyncio.client import connect
from websockets.frames import Frame, Opcode

MEASURED = 10
LAG_EVERY_S = 0.01


def ages(message: str, now: float) -> list[float]:
    """Milliseconds since each value of a delta was observed."""
    if not message.startswith('{"type":"delta"'):
        return []
    told = (v for p in json.loads(message)["patients"] for v in p.get("vitals", {}).values() if v["state"] == "live")
    return [(now - datetime.fromisoformat(v["observed_at"]).timestamp()) * 1000 for v in told]


async def dashboard(address: str, token: str, ward: str, seconds: float, measured: list[float]) -> int:
    """One dashboard on one ward; returns how many messages it heard. What came in the first second is not measured."""
    heard, begun = 0, time.monotonic()
    async with connect(address, subprotocols=["vigil.v1"], compression=None, max_size=None) as socket:  # type: ignore[list-item]  # a plain name
        await socket.send(json.dumps({"type": "auth", "token": token}))
        await socket.send(json.dumps({"type": "subscribe", "wards": [ward]}))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for message in socket:
                    heard += 1
                    if time.monotonic() > begun + 1:
                        measured.extend(ages(str(message), time.time()))
    return heard


class Counting(asyncio.Protocol):
    """A dashboard that takes every frame and looks at its length only."""

    def __init__(self, host: str, messages: list[str]) -> None:
        self.heard = 0
        self._host, self._messages = host, messages
        self._rest, self._left = b"", 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the upgrade."""
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET /live HTTP/1.1", f"Host: {self._host}", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
        self._write("\r\n".join([*lines, f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Protocol: vigil.v1", "", ""]).encode())

    def data_received(self, data: bytes) -> None:
        """The answer's head, then frames."""
        if self._messages:
            self._rest += data
            head, end, data = self._rest.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.splitlines()[0]:
                raise ConnectionRefusedError(head.decode(errors="replace"))
            self._write(b"".join(Frame(Opcode.TEXT, text.encode()).serialize(mask=True) for text in self._messages))
            self._messages, self._rest = [], b""
        self._count(self._rest + data)

    def _count(self, data: bytes) -> None:
        """Passes over whole frames; `_rest` keeps a header that is not whole yet, `_left` what is still to come of a frame."""
        at = min(self._left, len(data))
        self._left -= at
        while self._left == 0 and len(data) - at >= 2:
            short = data[at + 1] & 127
            wide = {126: 2, 127: 8}.get(short, 0)
            if len(data) - at < 2 + wide:
                break
            size = 2 + wide + (int.from_bytes(data[at + 2 : at + 2 + wide]) if wide else short)
            self.heard += 1
            step = min(size, len(data) - at)
            at, self._left = at + step, size - step
        self._rest = data[at:] if self._left == 0 else b""

    def _write(self, data: bytes) -> None:
        self._transport.write(data)  # type: ignore[attr-defined]  # a TCP transport

    def close(self) -> None:
        """Ends it."""
        self._transport.close()


async def counted(address: str, token: str, ward: str, seconds: float) -> int:
    """One dashboard that only counts; how many messages it heard."""
    url = urlsplit(address)
    said = [json.dumps({"type": "auth", "token": token}), json.dumps({"type": "subscribe", "wards": [ward]})]
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(lambda: Counting(url.netloc, said), url.hostname or "", url.port or 80)
    await asyncio.sleep(seconds)
    protocol.close()
    return protocol.heard


async def lagging(seconds: float) -> list[float]:
    """How late this loop wakes, ms, again and again."""
    late, until = [], time.monotonic() + seconds
    while (began := time.monotonic()) < until:
        await asyncio.sleep(LAG_EVERY_S)
        late.append((time.monotonic() - began - LAG_EVERY_S) * 1000)
    return late


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
        ward = wards[i // MEASURED % len(wards)]
        way = dashboard(address, token, ward, seconds, measured) if i % MEASURED == 0 else counted(address, token, ward, seconds)
        readers.append(asyncio.create_task(way))
        await asyncio.sleep(2 / count)
    late = await lagging(seconds - 3)
    heard = sum(await asyncio.gather(*readers))
    await asyncio.gather(*tasks)
    p50, p99 = np.percentile(measured, [50, 99]) if measured else (-1.0, -1.0)
    lag = float(np.percentile(late, 99))
    return {"messages": float(heard), "values": float(len(measured)), "p50": float(p50), "p99": float(p99), "lag_p99": lag}


if __name__ == "__main__":
    address, token, wards, count, seconds, stalls = sys.argv[1:7]
    print(json.dumps(asyncio.run(run(address, token, wards.split(","), int(count), float(seconds), int(stalls)))))
