"""A load of HL7 ORU^R01 messages over MLLP: so many connections, each of which waits for its ACK before it says more.

In: `python -m loadtests.mllp HOST PORT CONNECTIONS MESSAGES`. Out: messages of six OBX each, of the devices `bench-N`, each of a moment of
its own. Promise: ends when all have been answered AA; any other answer raises.
"""

import asyncio
import sys
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


def main() -> None:
    """The command line of the module docstring."""
    host, port, connections, messages = sys.argv[1:5]
    asyncio.run(_all(host, int(port), int(connections), int(messages)))


if __name__ == "__main__":
    main()
