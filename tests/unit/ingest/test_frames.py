"""MQTT frames, cut anywhere, come out whole; what is no MQTT is an error of the connection."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.frames import Frames, acknowledgements
from ingest.gather import Message


def packet(head: int, body: bytes) -> bytes:
    length, size = bytearray(), len(body)
    while True:
        length.append(size & 127 | (128 if size > 127 else 0))
        size >>= 7
        if not size:
            return bytes([head]) + bytes(length) + body


def publish(topic: bytes, payload: bytes, mid: int, properties: bytes = b"", dup: bool = False) -> bytes:
    head = packet(0, properties)[1:]
    return packet(0x3A if dup else 0x32, len(topic).to_bytes(2, "big") + topic + mid.to_bytes(2, "big") + head + payload)


PACKETS = st.lists(
    st.tuples(st.binary(max_size=20), st.binary(max_size=300), st.integers(1, 65_535), st.binary(max_size=200), st.booleans()), max_size=6
)


@settings(max_examples=150, deadline=None)
@given(PACKETS, st.lists(st.integers(1, 60), min_size=1, max_size=20))
def test_a_stream_cut_anywhere_gives_the_same_messages_in_order(
    packets: list[tuple[bytes, bytes, int, bytes, bool]], cuts: list[int]
) -> None:
    ping = b"\xd0\x00"
    stream = b"".join(publish(*p) + ping for p in packets)
    frames, messages, others, at = Frames(3), list[Message](), b"", 0
    while at < len(stream):
        step = cuts[at % len(cuts)]
        others += frames.feed(stream[at : at + step], 7, messages)
        at += step
    expected = [Message(topic, payload, 7, 3 << 16 | mid, dup) for topic, payload, mid, _, dup in packets]
    assert (messages, others) == (expected, ping * len(packets))


def test_a_message_of_quality_of_service_zero_has_no_packet_id() -> None:
    messages: list[Message] = []
    Frames(1).feed(packet(0x30, b"\x00\x01t\x00hello"), 7, messages)
    assert messages == [Message(b"t", b"hello", 7)]


def test_a_retained_message_says_that_it_is_one() -> None:
    messages: list[Message] = []
    Frames(1).feed(packet(0x31, b"\x00\x01t\x00kept") + packet(0x30, b"\x00\x01t\x00new"), 7, messages)
    assert [(m.payload, m.retained) for m in messages] == [(b"kept", True), (b"new", False)]


@pytest.mark.parametrize(
    "stream", [b"\x32\xff\xff\xff\xff\xff", packet(0x32, b"\x00\xff"), packet(0x32, b"\x00\x01t\x00\x01\x7f"), packet(0x32, b"")]
)
def test_what_is_no_mqtt_ends_the_connection(stream: bytes) -> None:
    with pytest.raises(ConnectionError):
        Frames(1).feed(stream, 7, [])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_messages_or_an_error_of_the_connection(stream: bytes) -> None:
    try:
        Frames(1).feed(stream, 7, [])
    except ConnectionError:
        return


def test_acknowledgements_are_pubacks_without_the_epoch() -> None:
    assert acknowledgements([5 << 16 | 0x1234, 0, 5 << 16 | 1]) == b"\x40\x02\x12\x34\x40\x02\x00\x01"
