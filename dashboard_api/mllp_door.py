"""The ingest's HL7 door, by MLLP like any sender: what was refused there goes back there.

In: an ORU message without its frame. Out: MSA's code and the texts of the answer's ERRs. Promise: the door being away, or closing the
connection without an answer (it can promise nothing now), is PartAway.
"""

import asyncio

from vitals.errors import PartAway

_TIMEOUT_S = 20.0
_LONGEST_ANSWER = 1024 * 1024  # an ERR for each part that is refused
_START, _END = b"\x0b", b"\x1c\x0d"
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared with, not bound to


class MllpDoor:
    """A connection a message. Port None: there is no door, and `post` says so."""

    def __init__(self, bind: str, port: int | None) -> None:
        self._host, self._port = _ANY.get(bind, bind), port

    async def post(self, message: bytes) -> tuple[str, str]:
        """(AA, AE or AR; why it is not AA). Raises PartAway."""
        if self._port is None:
            raise PartAway("the HL7 door is not running")
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                return said(await self._asked(message, self._port))
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise PartAway("the HL7 door does not answer") from error

    async def _asked(self, message: bytes, port: int) -> bytes:
        reader, writer = await asyncio.open_connection(self._host, port, limit=_LONGEST_ANSWER)
        try:
            writer.write(_START + message + _END)
            await writer.drain()
            return await reader.readuntil(_END)
        finally:
            writer.close()


def said(answer: bytes) -> tuple[str, str]:
    """MSA-1, and ERR-8 of each ERR.

    >>> said(b"\\x0bMSH|^~\\\\&|V\\rMSA|AE|7\\rERR||OBX^1^5|207|E||||bad_time: before 2000\\r\\x1c\\r")
    ('AE', 'bad_time: before 2000')
    """
    segments = [line.split("|") for line in answer.lstrip(_START).decode(errors="replace").split("\r")]
    code = next((s[1] for s in segments if s[0] == "MSA" and len(s) > 1), "")
    return code, "; ".join(s[8] for s in segments if s[0] == "ERR" and len(s) > 8)
