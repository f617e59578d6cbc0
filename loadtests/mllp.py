"""A load of HL7 ORU^R01 messages over MLLP: so many connections, each of which waits for its ACK before it says more.

In: `python -m loadtests.mllp HOST PORT CONNECTIONS MESSAGES`. Out: messages of six OBX each, of the devices `bench-N`, each of a moment of
its own. Promise: ends when all have been answered AA; any other answer raises.
Or `HOST PORT engine SECONDS RATE`: one connection, as an interface engine has it, through which OTHERS devices speak once a second and one
more, which may babble, RATE times a second. Out: a line of JSON, ms: how long after it was due each of the others was answered; and how
many of the one's messages were answered AA.
"""

import asyncio
import heapq
import json
import sys
import time
from datetime import UTC, datetime, timedelta

ROWS = (
    ("8867-4^HR^LN", "/min", 72), ("59408-5^SpO2^LN", "%", 97), ("9279-1^RR^LN", "/min", 15),
    ("8310-5^Temp^LN", "Cel", 36.8), ("8480-6^Sys^LN", "mm[Hg]", 118), ("8462-4^Dia^LN", "mm[Hg]", 76),
)  # fmt: skip


def message(device: int, nth: int, now: datetime) -> bytes:
    """One message, framed."""
    at = (now - timedelta(seconds=nth + 1)).strftime("%Y%m%d%H%M%S+0000")
    rows = [f"OBX|{i}|NM|{code}||{value}|{unit}|||||F|||{at}" for i, (code, unit, value) in enumerate(ROWS, 1)]
    head = [f"MSH|^~\\&|bench-{device}|icu|VIGIL|VIGIL|{at}||ORU^R01^ORU_R01|{nth}|P|2.6", f"OBR|1|||x|||{at}"]
    return b"\x0b" + "\r".join([*head, *rows]).encode() + b"\r\x1c\r"


OTHERS = 20


async def spoken(host: str, port: int, device: int, messages: int, now: datetime) -> None:
    """One connection's words."""
    reader, writer = await asyncio.open_connection(host, port)
    for nth in range(messages):
        writer.write(message(device, nth, now))
        answer = await reader.readuntil(b"\x1c\r")
        if b"MSA|AA|" not in answer:
            raise ConnectionError(f"answered {answer!r}")
    writer.close()


async def _all(host: str, port: int, connections: int, messages: int) -> None:
    now = datetime.now(UTC)
    await asyncio.gather(*(spoken(host, port, n, messages // connections, now) for n in range(connections)))


def _due(seconds: int, rate: int) -> list[tuple[float, int, int]]:
    """(s, device, nth) of all that is to be said, in order: device 0 is the one."""
    one = [(n / rate, 0, n) for n in range(seconds * rate)] if rate else []
    others = [[(n + k / OTHERS, k, n) for n in range(seconds)] for k in range(1, OTHERS + 1)]
    return list(heapq.merge(one, *others))


async def engine(host: str, port: int, seconds: int, rate: int) -> tuple[list[float], int]:
    """What one connection's others waited, ms, and how many of the one's were taken."""
    reader, writer = await asyncio.open_connection(host, port)
    began, now, waited, taken = time.monotonic(), datetime.now(UTC), list[float](), 0
    for at, device, nth in _due(seconds, rate):
        await asyncio.sleep(max(0.0, began + at - time.monotonic()))
        writer.write(message(device, nth, now))
        answer = await reader.readuntil(b"\x1c\r")
        if device:
            waited.append((time.monotonic() - began - at) * 1_000)
        else:
            taken += b"MSA|AA|" in answer
    writer.close()
    return waited, taken


def main() -> None:
    """The command line of the module docstring."""
    host, port, connections, *words = sys.argv[1:]
    if connections == "engine":
        waited, taken = asyncio.run(engine(host, int(port), int(words[0]), int(words[1])))
        sys.stdout.write(json.dumps({"waited": waited, "taken": taken}) + "\n")
    else:
        asyncio.run(_all(host, int(port), int(connections), int(words[0])))


if __name__ == "__main__":
    main()
