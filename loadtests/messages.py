"""What the load generators say, as MQTT PUBLISH packets: vitals, live vitals, waveforms, a backlog.

In: an `Order`. Out: packets, made when they are taken. Six vitals a sample; a device's samples lie a millisecond apart in the past, but
for `live` ones, whose time is the moment at which they are taken, and a `backlog`'s.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

BACKLOG_S, BACKLOG_EVERY_S, BATCH = 21_600, 30, 90
"""Six hours, a sample each half minute, so many in a message: eight messages a device."""
CHUNK_SAMPLES = 250


@dataclass(frozen=True, slots=True)
class Order:
    """`messages` of devices `bench-{first}` to `bench-{first + devices - 1}` in turn; numbers from `first_seq`, times up to `start_ms`."""

    devices: int
    messages: int
    start_ms: int
    first_seq: int = 0
    first: int = 0


def field(data: bytes) -> bytes:
    """A string of MQTT."""
    return len(data).to_bytes(2, "big") + data


def packet(head: int, body: bytes) -> bytes:
    """A control packet."""
    length, size = bytearray(), len(body)
    while True:
        length.append(size & 127 | (128 if size > 127 else 0))
        size >>= 7
        if not size:
            return bytes([head]) + bytes(length) + body


def vitals(order: Order) -> Iterator[bytes]:
    """Samples in the past."""
    for i in range(order.messages):
        nth = i // order.devices
        yield _publish(order, i, "vitals", _sample(i, order.first_seq + nth, order.start_ms - order.messages // order.devices + nth))


def live(order: Order) -> Iterator[bytes]:
    """Samples of now."""
    for i in range(order.messages):
        yield _publish(order, i, "vitals", _sample(i, order.first_seq + i // order.devices, time.time_ns() // 1_000_000))


def waveform(order: Order) -> Iterator[bytes]:
    """Seconds of ECG at 250 Hz, the newest over by `start_ms`."""
    shapes = [", ".join(f"{(n * (7 + k)) % 97 / 97 - 0.3:.3f}" for n in range(CHUNK_SAMPLES)) for k in range(8)]
    for i in range(order.messages):
        nth = i // order.devices
        at = order.start_ms - (order.messages // order.devices - nth + 1) * 1_000
        head = f'{{"seq": {order.first_seq + nth}, "observed_at": {at}, "channel": "ecg_ii", "rate_hz": 250, "unit": "mV", "samples": ['
        yield _publish(order, i, "waveform", f"{head}{shapes[i % 8]}]}}")


def backlog(order: Order) -> Iterator[bytes]:
    """Six hours of each device, oldest first, a message of each in turn; `messages` is a multiple of `devices`."""
    for i in range(order.messages):
        first = i // order.devices * BATCH
        at = order.start_ms - BACKLOG_S * 1_000
        samples = (_sample(i + n, order.first_seq + n, at + n * BACKLOG_EVERY_S * 1_000) for n in range(first, first + BATCH))
        yield _publish(order, i, "vitals", f'{{"batch": [{", ".join(samples)}]}}')


KINDS: dict[str, Callable[[Order], Iterator[bytes]]] = {"vitals": vitals, "live": live, "waveform": waveform, "backlog": backlog}


def _sample(i: int, seq: int, at: int) -> str:
    spot = f'"hr": {60 + i % 40}, "spo2": {95 + i % 4}.0, "rr": {12 + i % 8}'
    slow = f'"temp": 36.{i % 10}, "sbp": {110 + i % 20}, "dbp": {70 + i % 9}'
    return f'{{"seq": {seq}, "observed_at": {at}, "vitals": {{{spot}, {slow}}}}}'


def _publish(order: Order, i: int, leaf: str, payload: str) -> bytes:
    topic = f"vigil/v1/bench-{order.first + i % order.devices}/{leaf}".encode()
    return packet(0x32, field(topic) + (i % 65_000 + 1).to_bytes(2, "big") + b"\x00" + payload.encode())
