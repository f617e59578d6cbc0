"""A load of MQTT 5 publishes at QoS 1 from one connection, built beforehand, so that the generator costs little.

In: `python -m loadtests.mqtt MQTT_URL DEVICES MESSAGES RATE [FIRST_SEQ] [--kind KIND] [--first N] [--ca FILE]`, rate 0 = as fast as
acknowledged. Out: messages of `loadtests.messages` from `bench-N` on. Promise: ends when the broker has acknowledged all.
"""

import argparse
import socket
import ssl
import time
from collections.abc import Iterable
from itertools import islice

from loadtests.messages import KINDS, Order, field, packet
from vitals.settings import Broker, broker

WINDOW = 500
CHUNK = 50


def connected(to: Broker, client_id: str, ca_file: str | None = None) -> socket.socket:
    """A connection that the broker has accepted; over TLS where the address says so."""
    link = socket.create_connection((to.host, to.port), timeout=30)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if to.tls:
        link = ssl.create_default_context(cafile=ca_file).wrap_socket(link, server_hostname=to.host)
    login = field(client_id.encode()) + field(to.username.encode()) + field(to.password.encode())
    link.sendall(packet(0x10, field(b"MQTT") + b"\x05\xc2\x00\x3c\x00" + login))
    if link.recv(256)[0] != 0x20:
        raise ConnectionError("the broker did not accept the load generator")
    return link


def publish(link: socket.socket, packets: Iterable[bytes], total: int, rate: float, at_once: int = CHUNK) -> None:
    """Sends all, at most WINDOW unacknowledged; `rate` a second, 0 = no limit; each is taken from `packets` when its time has come."""
    sent = acknowledged = 0
    rest, coming = b"", iter(packets)
    began = time.monotonic()
    while acknowledged < total:
        while sent < total and sent - acknowledged < WINDOW:
            if rate and sent / rate > time.monotonic() - began:
                break
            some = list(islice(coming, min(at_once, total - sent)))
            link.sendall(b"".join(some))
            sent += len(some)
        link.settimeout(0.005 if sent < total and sent - acknowledged < WINDOW else 60)
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
    parser = argparse.ArgumentParser(prog="python -m loadtests.mqtt")
    parser.add_argument("url", type=broker)
    parser.add_argument("devices", type=int)
    parser.add_argument("messages", type=int)
    parser.add_argument("rate", type=float)
    parser.add_argument("first_seq", type=int, nargs="?", default=0)
    parser.add_argument("--kind", choices=tuple(KINDS), default="vitals")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--ca", default=None)
    options = parser.parse_args()
    order = Order(options.devices, options.messages, time.time_ns() // 1_000_000, options.first_seq, options.first)
    now = options.kind == "live"
    packets: Iterable[bytes] = KINDS[options.kind](order) if now else list(KINDS[options.kind](order))
    link = connected(options.url, f"bench-load-{time.monotonic_ns()}", options.ca)
    publish(link, packets, options.messages, options.rate, 1 if now else CHUNK)


if __name__ == "__main__":
    main()
