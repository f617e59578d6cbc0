"""A device's MQTT 5 connection inside an asyncio event loop: hundreds to thousands of them in one process, without threads.

In: the broker's address, who the device is, payloads to publish with QoS 1, each with a tag of the caller's. Out: every tag comes
back exactly once, through `acked` (the broker's PUBACK with its reason code) or through `lost` (the connection broke first, or nobody was
there to take it: publish it again, the sample's number makes a repeat harmless); notices on the device's refused topic through `told`,
what it is told to do through `configured`.
"""

import asyncio
import contextlib
import random
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from devices.endpoints import MqttDoor

KEEPALIVE_S = 30
SESSION_S = 3600
IN_FLIGHT = 200
_CONNACK_S = 15.0
_NOBODY = 0x10
"""A PUBACK's "no matching subscribers": the broker took the message and gave it to no one (a broker that lost its store, say)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A device's own id and secret: all that it knows. One that has a certificate needs no secret."""

    device: str
    password: str

    def topic(self, last: str) -> str:
        """`last`: vitals, status, refused, config, waveform."""
        return f"vigil/v1/{self.device}/{last}"


def _unheeded(_: bytes) -> None:
    """A device that does as it likes."""


@dataclass(frozen=True, slots=True)
class Ears:
    """What is called back: `acked(tag, ok)`, `lost(tags)` in the order of publishing, `told(reason)` of a refusal notice,
    `configured(message)` of what the device is told to do."""

    acked: Callable[[Any, bool], None]
    lost: Callable[[list[Any]], None]
    told: Callable[[dict[str, Any]], None]
    configured: Callable[[bytes], None] = _unheeded


@dataclass(frozen=True, slots=True)
class Door:
    """Where to connect; `tls` None for the plain listener."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


def door(where: MqttDoor, tls: bool = False) -> Door:
    """The plain listener, or the TLS one where asked for or where there is no other."""
    if where.port is not None and not tls:
        return Door(where.host, where.port)
    if where.tls_port is None:
        raise SystemExit("endpoints.json names no MQTT port that can be used")
    return Door(where.host, where.tls_port, ssl.create_default_context(cafile=where.ca_file))


def certified_door(where: MqttDoor, certificate: Path, key: Path) -> Door:
    """The listener for devices with certificates; both files in PEM."""
    if where.mtls_port is None:
        raise SystemExit("endpoints.json names no MQTT port for devices with certificates")
    context = ssl.create_default_context(cafile=where.ca_file)
    context.load_cert_chain(certificate, key)
    return Door(where.host, where.mtls_port, context)


def backoff(attempt: int) -> float:
    """Seconds to wait before the next attempt: exponential from 0.2 to 10 s, with full jitter above half."""
    return min(10.0, 0.2 * 2.0 ** min(attempt, 8)) * random.uniform(0.5, 1.0)


class Line:
    """One connection after another of the same device; `up` says whether one stands now."""

    def __init__(self, where: Door, who: Identity, ears: Ears) -> None:
        self._where, self._who, self._ears = where, who, ears
        self._client: paho.Client | None = None
        self._connack: asyncio.Future[bool] | None = None
        self._tags: dict[int, Any] = {}
        self._attempts = 0
        self.up = False

    @property
    def in_flight(self) -> int:
        """Messages published and not acknowledged yet."""
        return len(self._tags)

    @property
    def pause_s(self) -> float:
        """How long to wait before the next attempt: longer from one to the next until the broker has taken something.

        That it lets the device in says little: a broker that is full does so too, and then takes nothing.
        """
        return backoff(self._attempts - 1) if self._attempts else 0.0

    async def connect(self, will: bytes) -> bool:
        """One attempt; True when the broker let the device in. `will`: what the broker says on its status topic if it vanishes."""
        loop = asyncio.get_running_loop()
        self._attempts += 1
        self._client, self._connack = self._made(will), loop.create_future()
        try:
            await asyncio.to_thread(self._client.connect, self._where.host, self._where.port, KEEPALIVE_S, **_clean())
        except (OSError, ValueError):
            return False
        if self._fd() < 0:  # the broker went while it was greeted: paho says so by having no socket
            return False
        self._client.on_disconnect = lambda *_: self._down()
        self._client.on_socket_close = self._on_socket_close
        loop.add_reader(self._fd(), self._readable)
        self._flush()
        with contextlib.suppress(TimeoutError):
            self.up = await asyncio.wait_for(self._connack, _CONNACK_S)
        if not self.up:
            self.drop()
        return self.up

    def renew(self, where: Door, who: Identity) -> None:
        """Another door or secret from the next connection on. The one that stands is closed: what was in flight comes back as lost."""
        self._where, self._who = where, who
        self.close()

    def publish(self, topic: str, payload: bytes, tag: Any, retain: bool = False) -> bool:
        """False when no connection stands: nothing was published and the tag stays the caller's."""
        if not self.up or self._client is None:
            return False
        info = self._client.publish(topic, payload, 1, retain)
        if info.rc not in (paho.MQTT_ERR_SUCCESS, paho.MQTT_ERR_QUEUE_SIZE) and not self.up:
            return False
        self._tags[info.mid] = tag
        self._flush()
        return True

    def tend(self) -> None:
        """Keeps the connection alive; call it every few seconds."""
        if self._client is not None and self.up:
            self._client.loop_misc()
            self._flush()

    def drop(self) -> None:
        """Cuts the connection without a word, as a radio gap does; the broker sends the will."""
        if self._client is not None and (sock := self._client.socket()) is not None:
            with contextlib.suppress(OSError):
                _raw(sock).shutdown(socket.SHUT_RDWR)
            self._readable()

    def close(self) -> None:
        """Says goodbye; the will is not sent."""
        if self._client is not None:
            self._client.disconnect()
            self._flush()
            self._down()

    async def farewell(self, status: bytes) -> None:
        """Says the last status, retained, and closes: when the broker has acknowledged everything, or after a second."""
        if self.publish(self._who.topic("status"), status, None, retain=True):
            for _ in range(20):
                if not self._tags:
                    break
                await asyncio.sleep(0.05)
        self.close()

    def _made(self, will: bytes) -> paho.Client:
        """A client that tells nothing of its end yet: it connects in a thread, and what ends there is no business of the loop's."""
        client = paho.Client(CallbackAPIVersion.VERSION2, self._who.device, protocol=paho.MQTTv5)
        client.username_pw_set(self._who.device, self._who.password)
        client.max_inflight_messages_set(IN_FLIGHT)
        client.will_set(self._who.topic("status"), will, 1, retain=True)
        if self._where.tls is not None:
            client.tls_set_context(self._where.tls)
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def _fd(self) -> int:
        sock = self._client.socket() if self._client is not None else None
        return _raw(sock).fileno() if sock is not None else -1

    def _readable(self) -> None:
        client = self._client
        if client is None:
            return
        client.loop_read()
        while (sock := client.socket()) is not None and getattr(_raw(sock), "pending", int)():
            client.loop_read()
        self._flush()

    def _flush(self) -> None:
        client = self._client
        if client is None or client.socket() is None:
            return
        if client.want_write():
            client.loop_write()
        if client.want_write() and self._fd() >= 0:
            asyncio.get_running_loop().add_writer(self._fd(), self._writable)

    def _writable(self) -> None:
        if self._fd() >= 0:
            asyncio.get_running_loop().remove_writer(self._fd())
        self._flush()

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not reason.is_failure:
            client.subscribe([(self._who.topic("refused"), 1), (self._who.topic("config"), 1)])
        if self._connack is not None and not self._connack.done():
            self._connack.set_result(not reason.is_failure)

    def _on_publish(self, _client: paho.Client, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        if mid not in self._tags:
            return
        tag = self._tags.pop(mid)
        if reason.value == _NOBODY:
            self._ears.lost([tag])
        else:
            if tag is not None:
                self._attempts = 0
            self._ears.acked(tag, not reason.is_failure)

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        if message.topic == self._who.topic("config"):
            self._ears.configured(bytes(message.payload))
            return
        with contextlib.suppress(msgspec.DecodeError):
            self._ears.told(msgspec.json.decode(message.payload, type=dict[str, Any]))

    def _on_socket_close(self, _client: paho.Client, _data: Any, sock: Any) -> None:
        loop = asyncio.get_running_loop()
        if (fd := _raw(sock).fileno()) >= 0:
            loop.remove_reader(fd)
            loop.remove_writer(fd)

    def _down(self) -> None:
        self.up = False
        if self._connack is not None and not self._connack.done():
            self._connack.set_result(False)
        if self._tags:
            tags, self._tags = list(self._tags.values()), {}
            self._ears.lost(tags)


def _raw(sock: Any) -> socket.socket:
    return sock  # type: ignore[no-any-return]  # paho's SocketLike is a socket or an SSLSocket here: no WebSocket transport is used


def _clean() -> dict[str, Any]:
    """The session is kept for an hour, so that a refusal is heard after a break too."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves this constructor untyped
    properties.SessionExpiryInterval = SESSION_S
    return {"clean_start": False, "properties": properties}
