"""The broker: a session that outlives the connection, a shared subscription, PUBACK by hand.

In: PUBLISH packets. Out: messages; PUBACKs when told; refusals to devices. Promise: nothing is acknowledged that `acknowledge` was not
called for, and never on another connection than the one it came on; at most RECEIVE_MAXIMUM messages are unacknowledged, for the broker
then waits. Reconnects by itself with a growing, jittered pause; what was not acknowledged comes again. Dropped: a refusal's notice to a
device while the broker is away or NOTICES wait already (counted by the caller; the refusal itself is durable in Kafka).

paho keeps the session (connecting, subscribing, keep-alive, TLS); PUBLISH packets are split off below it and PUBACKs written past it
(docs/adr/040-mqtt-tap.md says why).
"""

import random
import select
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from socket import SO_RCVBUF, SOL_SOCKET
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.frames import Frames, acknowledgements
from ingest.gather import Message
from ingest.kept import Kept
from vitals.settings import Broker

RECEIVE_MAXIMUM = 32_768
"""Half a minute at 1,000 messages a second: what is on its way to the gateway survives the broker (docs/adr/041)."""
SESSION_S = 30 * 86_400
KEEPALIVE_S = 30
NOTICES = 5_000
CHUNK = 256 * 1024
ROOM = 4 * 1024 * 1024
"""Bytes that the system keeps for a gateway that does not read just now: what is there survives the broker, what the broker could not write
does not. The system takes what it allows (`net.core.rmem_max`)."""
PAUSE_S, LONGEST_PAUSE_S = 0.1, 10.0
SUBSCRIPTIONS = ("$share/vigil/vigil/v1/+/vitals", "$share/vigil/vigil/v1/gateways/+/vitals", "$share/vigil/vigil/v1/+/waveform")
STATUS = "vigil/v1/+/status"
"""Not shared: the broker gives retained messages only to subscriptions of one's own. Each gateway writes each link; the last one counts."""
TAKING = "vigil/taking"
"""Said every second in which messages were taken, or none waited: while nobody says it, the broker takes no more than it can keep
(deploy/parts/mosquitto_watch.c)."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """`now`: ms since 1970 UTC; `steady`: seconds that never go back."""

    now: Callable[[], int]
    steady: Callable[[], float]


class Tap:
    """The socket that paho sees (its `SocketLike`): reads ahead in large pieces, keeps PUBLISH packets for itself, writes whole packets."""

    def __init__(self, socket: Any, epoch: int, clock: Callable[[], int]) -> None:
        self._socket, self._frames, self._clock = socket, Frames(epoch), clock
        self._others = b""
        self._unsent = b""
        self.messages: list[Message] = []

    def recv(self, size: int) -> bytes:
        """Bytes of packets that are not PUBLISH. Raises BlockingIOError when there are none now; b"" when the broker has gone."""
        if not self._others:
            data = self._socket.recv(CHUNK)
            if not data:
                return b""
            self._others = self._frames.feed(data, self._clock(), self.messages)
            if not self._others:
                raise BlockingIOError
        taken, self._others = self._others[:size], self._others[size:]
        return taken

    def send(self, data: bytes | bytearray) -> int:
        """Takes all of it, so that packets never mix; what the socket does not take now waits for `flush`."""
        self._unsent += bytes(data)
        self.flush()
        return len(data)

    def flush(self) -> None:
        """Sends what the socket takes."""
        while self._unsent:
            try:
                sent = self._socket.send(self._unsent)
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return
            except OSError:  # the reading side meets the same and tells paho
                self._unsent = b""
                return
            self._unsent = self._unsent[sent:]

    @property
    def wants_write(self) -> bool:
        """Whether bytes wait for the socket."""
        return bool(self._unsent)

    def pending(self) -> int:
        """Bytes that select() cannot see: read ahead, or TLS's own."""
        return len(self._others) + (self._socket.pending() if hasattr(self._socket, "pending") else 0)

    def close(self) -> None:
        """Closes the socket; messages that came stay readable."""
        self._socket.close()

    def fileno(self) -> int:
        """The socket's number, for select()."""
        return int(self._socket.fileno())

    def setblocking(self, flag: bool) -> None:
        """As the socket's."""
        self._socket.setblocking(flag)


class _Session(paho.Client):
    """paho with a Tap around each socket it makes."""

    tapped: Callable[[Any], Tap]

    def _create_socket(self) -> Any:
        return self.tapped(super()._create_socket())


class Mqtt:
    """The gateway's side of the broker. `ca_file`: whom to trust over TLS (None: the system's list); `log`: one line an event.

    `leaving`: takes what its session holds and subscribes to nothing. `kept`: whether what comes may be what the broker kept.
    """

    def __init__(
        self, broker: Broker, client_id: str, ca_file: str | None, clocks: Clocks, log: Callable[[str], None], leaving: bool = False
    ) -> None:
        self._leaving = leaving
        self._broker, self._clock, self._steady, self._log = broker, clocks.now, clocks.steady, log
        self._tap: Tap | None = None
        self._epoch = self._unacknowledged = self._came = 0
        self.kept = Kept()
        self._next_try, self._pause, self._misc_at = 0.0, PAUSE_S, 0.0
        self.ready = self._moved = False
        self._client = self._made(client_id, ca_file)

    def turn(self, timeout: float, reading: bool = True) -> list[Message]:
        """Waits up to `timeout` seconds for the broker; the messages that came. `reading` False: leaves them in the network."""
        socket = self._client.socket()
        if socket is None:
            self._connect_when_due(timeout)
        else:
            self._exchange(timeout, reading)
        if self._tap is None or not self._tap.messages:
            self._came = 0
            return []
        messages, self._tap.messages = self._tap.messages, []
        self._came = len(messages)
        self._unacknowledged += sum([m.mid > 0 for m in messages])
        return messages

    def acknowledge(self, mids: list[int]) -> None:
        """PUBACK of these messages, but for those that came on an earlier connection: the broker sends them again."""
        if self._tap is not None and self._client.socket() is not None:
            current = [mid for mid in mids if mid >> 16 == self._epoch]
            if current:
                self._tap.send(acknowledgements(current))
                self._unacknowledged -= len(current)
                self._moved = True

    def tell(self, topic: str, payload: bytes) -> bool:
        """Publishes at QoS 1; False when it could not be taken."""
        return self.ready and self._client.publish(topic, payload, qos=1).rc == paho.MQTT_ERR_SUCCESS

    def close(self, for_good: bool) -> None:
        """Goes; the session stays with the broker, unless it is `for_good`: then what it holds is lost."""
        last = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]  # paho's properties are untyped
        if for_good:
            last.SessionExpiryInterval = 0
        self._client.disconnect(properties=last)
        self.ready = False

    def _exchange(self, timeout: float, reading: bool) -> None:
        tap = self._tap
        if tap is None:
            return
        try:
            readable, _, _ = select.select(
                [tap] if reading else [], [tap] if tap.wants_write else [], [], 0 if reading and tap.pending() else timeout
            )
        except (ValueError, OSError):
            readable = [tap]
        behind = not reading or not self.ready or self._unacknowledged >= RECEIVE_MAXIMUM // 2
        self.kept.looked(self._steady(), behind, timeout > 0 and not readable and not tap.pending(), self._came)
        if readable or (reading and tap.pending()):
            self._client.loop_read()
        if self._client.want_write():
            self._client.loop_write()
        tap.flush()
        if reading and self._steady() - self._misc_at > 1:
            self._misc_at = self._steady()
            self._client.loop_misc()
            if self.ready and (self._moved or not self._unacknowledged):
                self._client.publish(TAKING, qos=0)
            self._moved = False

    def _connect_when_due(self, timeout: float) -> None:
        wait = self._next_try - self._steady()
        if wait > 0:
            select.select([], [], [], min(wait, timeout))
            return
        self._next_try = self._steady() + self._pause * random.uniform(0.5, 1.5)
        self._pause = min(self._pause * 2, LONGEST_PAUSE_S)
        connect = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's properties are untyped
        connect.ReceiveMaximum = RECEIVE_MAXIMUM
        connect.SessionExpiryInterval = SESSION_S
        try:
            self._client.connect(self._broker.host, self._broker.port, KEEPALIVE_S, clean_start=False, properties=connect)
        except OSError as error:
            self._log(f"event=mqtt_away error={type(error).__name__}")

    def _made(self, client_id: str, ca_file: str | None) -> _Session:
        client = _Session(CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv5, manual_ack=True, reconnect_on_failure=False)
        client.tapped = self._tapped
        client.username_pw_set(self._broker.username, self._broker.password)
        client.max_queued_messages_set(NOTICES)
        if self._broker.tls:
            client.tls_set(ca_certs=ca_file, tls_version=ssl.PROTOCOL_TLS_CLIENT)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_unsubscribe = self._on_unsubscribe
        client.on_disconnect = self._on_disconnect
        return client

    def _tapped(self, socket: Any) -> Tap:
        socket.setsockopt(SOL_SOCKET, SO_RCVBUF, ROOM)
        self._epoch, self._unacknowledged = self._epoch + 1, 0
        self._tap = Tap(socket, self._epoch, self._clock)
        return self._tap

    def _on_connect(self, client: paho.Client, _userdata: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._log(f"event=mqtt_refused reason={str(reason).replace(' ', '_')}")
            return
        topics = [*SUBSCRIPTIONS, STATUS]
        if self._leaving:
            client.unsubscribe(topics)
        else:
            client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in topics])
        self._log(f"event=mqtt_connected session={'kept' if flags.session_present else 'new'}")

    def _on_unsubscribe(self, *_: Any) -> None:
        self.ready = True

    def _on_subscribe(self, _client: Any, _userdata: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        failed = sorted({str(r).replace(" ", "_") for r in reasons if r.is_failure})
        if failed:
            self._log(f"event=mqtt_subscription_refused reason={','.join(failed)}")
            return
        self.ready, self._pause = True, PAUSE_S

    def _on_disconnect(self, _client: Any, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if self.ready:
            self._log(f"event=mqtt_lost reason={str(reason).replace(' ', '_')}")
        self.ready = False
