"""MLLP: HL7's framing over TCP, and the acknowledgement.

In: bytes of a connection. Out: messages, and ACK^R01 answers. The framing (`Blocks`) and the answers are pure; `serve` is the socket.
Promise: AA only when everything in the message is durable; AE when a part was refused (durably too), with an ERR for each that names the
segment; AR when the message as a whole cannot be processed. When Kafka or the database is away there is no answer but a closed
connection: the sender tries again, which is what MLLP senders do. Source: HL7 2.6 chapter 2; MLLP release 2.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ingest.hl7 import Reject
from vitals.errors import PartAway

START, END = b"\x0b", b"\x1c\x0d"
LONGEST = 1024 * 1024
HEAD = 65_536
IDLE_S = 600.0

Answer = Callable[["bytes | TooLong", str], Awaitable[bytes]]
"""(message, peer) -> the ACK. Raises PartAway when nothing can be promised now."""


@dataclass(frozen=True, slots=True)
class TooLong:
    """A message of more than LONGEST bytes: its first HEAD."""

    head: bytes


class Blocks:
    """A connection's bytes, cut anywhere, to messages. What is between blocks is dropped: senders put line ends there.

    A block that begins anew before it has ended was broken off: what it said was never whole, and would be taken for the next one's.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._head: bytes | None = None

    def feed(self, data: bytes) -> list[bytes | TooLong]:
        """The complete messages; of one that is too long no more is kept than its head."""
        found, rest = list[bytes | TooLong](), self._rest + data
        while (end := rest.find(END)) >= 0:
            block, rest = rest[:end], rest[end + 2 :]
            if self._head is not None:
                found.append(TooLong(self._head))
                self._head = None
            elif START in block:
                message = block.rpartition(START)[2]
                found.append(message if len(message) <= LONGEST else TooLong(message[:HEAD]))
        if self._head is None:
            rest = rest[rest.rfind(START) :] if START in rest else b""
            if len(rest) > LONGEST:
                self._head = rest[1 : HEAD + 1]
        self._rest = rest if self._head is None else rest[-1:]  # it may be half of the end
        return found


@dataclass(frozen=True, slots=True)
class Error:
    """One ERR segment: where (segment^sequence^field), HL7 table 0357's code, what a person reads."""

    location: str
    code: str
    detail: str


def ack(code: str, to: tuple[str, str], control_id: str, version: str, now_text: str, errors: Sequence[Error] = ()) -> bytes:
    """ACK^R01 with MSA-1 `code` (AA, AE, AR), framed. `to`: the sender's MSH-3 and MSH-4; `now_text`: an HL7 time."""
    lines = [
        f"MSH|^~\\&|VIGIL|VIGIL|{to[0]}|{to[1]}|{now_text}||ACK^R01^ACK|{control_id}-ack|P|{version}",
        f"MSA|{code}|{control_id}",
        *(f"ERR||{e.location}|{e.code}|E||||{_escaped(e.detail)}" for e in errors),
    ]
    return START + "\r".join(lines).encode() + b"\r" + END


def rejected(reject: Reject, now_text: str) -> bytes:
    """The AR of a message that cannot be processed."""
    return ack("AR", reject.sender, reject.control_id, reject.version, now_text, [Error(reject.location, reject.code, reject.detail)])


def _escaped(text: str) -> str:
    table = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\r": " ", "\n": " "}
    return "".join(table.get(c, c) for c in text)


async def serve(bind: str, port: int, answer: Answer, admits: Callable[[str], bool], log: Callable[[str], None]) -> asyncio.Server:
    """A server that answers each message in turn, one connection beside another; whom `admits` does not let in is closed unheard."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        blocks, peer = Blocks(), str((writer.get_extra_info("peername") or ["?"])[0])
        if not admits(peer):
            writer.close()
            return
        try:
            while data := await asyncio.wait_for(reader.read(65_536), IDLE_S):
                for message in blocks.feed(data):
                    writer.write(await answer(message, peer))
                    await writer.drain()
        except (TimeoutError, ConnectionError):
            pass
        except (PartAway, ValueError) as error:
            log(f"event=mllp_closed error={str(error)!r}")
        finally:
            writer.close()

    return await asyncio.start_server(talk, bind, port)
