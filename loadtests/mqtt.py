"""A load of MQTT 5 publishes at QoS 1 from one connection, built beforehand, so that the generator costs little.

In: `python -m loadtests.mqtt MQTT_URL DEVICES MESSAGES RATE [FIRST_SEQ]`, rate 0 = as fast as acknowledged. Out: samples of six vitals from
`bench-0` ... on `vigil/v1/bench-N/vitals`, each with its own seq. Promise: ends when the broker has acknowledged all.
"""

import socket
import sys
import time
from collections.abc import Iterator

from vitals.settings import Broker, broker

WINDOW = 500
CHUNK = 50


def _field(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def _packet(head: int, body: bytes) -> bytes:
    length, size = bytearray(), len(body)
    while True:
        length.append(size & 127 | (128 if size > 127 else 0))
        size >>= 7
        if not size:
            return bytes([head]) + bytes(length) + body


def connected(to: Broker, client_id: str) -> socket.socket:
    """A connection that the broker has accepted."""
    link = socket.create_connection((to.host, to.port), timeout=30)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    login = _field(client_id.encode()) + _field(to.username.encode()) + _field(to.password.encode())
    link.sendall(_packet(0x10, _field(b"MQTT") + b"\x05\xc2\x00\x3c\x00" + login))
    if link.recv(256)[0] != 0x20:
        raise ConnectionError("the broker did not accept the load generator")
    return link


def samples(devices: int, messages: int, start_ms: int, first_seq: int = 0) -> Iterator[bytes]:
    """PUBLISH packets; a device's samples are a millisecond apart, so that any number of them lies in the past."""
    for i in range(messages):
        device, nth = i % devices, i // devices
        seq, stamp = first_seq + nth, start_ms - messages // devices + nth
        spot = f'"hr": {60 + i % 40}, "spo2": {95 + i % 4}.0, "rr": {12 + i % 8}'
        vitals = f'{spot}, "temp": 36.{i % 10}, "sbp": {110 + i % 20}, "dbp": {70 + i % 9}'
        payload = f'{{"seq": {seq}, "observed_at": {stamp}, "vitals": {{{vitals}}}}}'.encode()
        topic = f"vigil/v1/bench-{device}/vitals".encode()
        yield _packet(0x32, _field(topic) + (i % 65_000 + 1).to_bytes(2, "big") + b"\x00" + payload)


def publish(link: socket.socket, packets: list[bytes], rate: float) -> None:
    """Sends all, at most WINDOW unacknowledged; `rate` a second, 0 = no limit."""
    sent = acknowledged = 0
    rest = b""
    began = time.monotonic()
    while acknowledged < len(packets):
        while sent < len(packets) and sent - acknowledged < WINDOW:
            if rate and sent / rate > time.monotonic() - began:
                break
            link.sendall(b"".join(packets[sent : sent + CHUNK]))
            sent += len(packets[sent : sent + CHUNK])
        link.settimeout(0.005 if sent < len(packets) and sent - acknowledged < WINDOW else 60)
        try:
            data = rest + link.recv(65_536)
        except TimeoutError:
            continue
        taken = _acknowledged(data)
        acknowledged += taken[0]
        rest = data[taken[1] :]


def _acknowledged(data: bytes) -> tuple[int, int]:
    """(PUBACKs in data, bytes of whole packets)."""
    count = at = 0
    while at + 2 <= len(data) and at + 2 + data[at + 1] <= len(data):
        count += data[at] == 0x40
        at += 2 + data[at + 1]
    return count, at


def main() -> None:
    """The command line of the module docstring."""
    url, devices, messages, rate = sys.argv[1:5]
    first_seq = int(sys.argv[5]) if len(sys.argv) > 5 else 0
    packets = list(samples(int(devices), int(messages), time.time_ns() // 1_000_000, first_seq))
    publish(connected(broker(url), f"bench-load-{time.monotonic_ns()}"), packets, float(rate))


if __name__ == "__main__":
    main()
