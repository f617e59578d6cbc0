"""MQTT 5 frames out of a stream of bytes: PUBLISH packets as messages, all other packets as the bytes they were.

In: bytes as the socket gives them, cut anywhere. Out: messages in order, and the other packets' bytes for the MQTT client library.
No socket here (OASIS MQTT 5.0, sections 2.1, 3.3). Promise: what was cut waits for the rest; a frame that is no MQTT raises
ConnectionError, for then nothing after it can be read. Dropped: a PUBLISH's properties (Vigil's devices send none that it reads).
Assumed: nothing comes at QoS 2, for the subscriptions ask for QoS 1.
"""

from ingest.gather import Message

_PUBLISH, _DUP, _QOS, _RETAIN = 0x30, 0x08, 0x06, 0x01
_LONGEST = 4
"""Bytes that a variable byte integer may take."""


class Frames:
    """One connection's stream. `epoch` goes above the packet id in each message's `mid`, so that no connection acknowledges another's."""

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch << 16
        self._rest = b""

    def feed(self, data: bytes, received_at: int, messages: list[Message]) -> bytes:
        """Appends the complete PUBLISH packets to `messages`; returns all other complete packets."""
        buffer = self._rest + data if self._rest else data
        others: list[bytes] = []
        position, size, epoch = 0, len(buffer), self._epoch
        while size - position >= 2:
            head, length, start = buffer[position], buffer[position + 1], position + 2
            if length > 127:
                length, start = _varint(buffer, position + 1)
            if length < 0 or start + length > size:
                break
            end = start + length
            if head & 0xF0 == _PUBLISH and head & _QOS < 4:
                try:
                    topic_end = start + 2 + (buffer[start] << 8 | buffer[start + 1])
                    at = topic_end + 2 if head & _QOS else topic_end
                    properties = buffer[at]
                    at += 1
                    if properties > 127:
                        properties, at = _varint(buffer, at - 1)
                    mid = epoch | buffer[topic_end] << 8 | buffer[topic_end + 1] if head & _QOS else 0
                except IndexError:
                    at, properties = end, 1
                if at + properties > end:
                    raise ConnectionError("a PUBLISH packet is shorter than its parts")
                topic, payload = buffer[start + 2 : topic_end], buffer[at + properties : end]
                messages.append(Message(topic, payload, received_at, mid, head & _DUP > 0, head & _RETAIN > 0))
            else:
                others.append(buffer[position:end])
            position = end
        self._rest = buffer[position:]
        return b"".join(others)


def _varint(buffer: bytes, position: int) -> tuple[int, int]:
    """(value, place after it); -1 when it is cut. Raises ConnectionError when it is longer than the protocol allows."""
    value = 0
    for i in range(_LONGEST):
        if position + i >= len(buffer):
            return -1, position
        value |= (buffer[position + i] & 127) << 7 * i
        if buffer[position + i] < 128:
            return value, position + i + 1
    raise ConnectionError("a length of more than four bytes")


def acknowledgements(mids: list[int]) -> bytes:
    """PUBACK packets, reason 0 (success); a `mid` of 0 was QoS 0 and gets none."""
    return b"".join([b"\x40\x02" + (mid & 0xFFFF).to_bytes(2, "big") for mid in mids if mid])
