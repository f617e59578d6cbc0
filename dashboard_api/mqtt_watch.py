"""The broker's log on its own topic, into the audit.

In: `$SYS/broker/log/+` at QoS 2, on a session that outlives a restart of this process (the broker keeps a line for 20 s; an older one is in
its log file only). Out: entries of `broker_watch`. Promise: an entry that is read is written, or counted as `broker_audit_late` when the
audit cannot take it yet. One connection (paho-mqtt, MQTT 5), which reconnects by itself; the managing account, which may hear the log.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from dashboard_api.audit_log import AuditLog
from dashboard_api.broker_watch import Watch
from dashboard_api.metrics import Metrics
from vitals.errors import PartAway
from vitals.settings import Broker

TOPICS = "$SYS/broker/log/+"
SESSION_S = 60
MOST_WAITING = 10_000
_LOOK_S = 1.0
_log = logging.getLogger(__name__)


class BrokerWatch:
    """`name`: the session's, the same after a restart. `run` is its task."""

    def __init__(self, broker: Broker, name: str, audit: AuditLog, metrics: Metrics, clock: Callable[[], datetime]) -> None:
        self._broker, self._audit, self._metrics, self._clock = broker, audit, metrics, clock
        self._client = paho.Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.username_pw_set(broker.username, broker.password)
        self._client.reconnect_delay_set(1, 15)
        self._client.on_connect = self._connected
        self._client.on_message = self._heard
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lines: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)
        self._watch = Watch()

    def start(self, ca_file: str | None) -> None:
        """Connects in the background, again and again."""
        self._loop = asyncio.get_running_loop()
        if self._broker.tls:
            self._client.tls_set(ca_file)
        lasting = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves this constructor untyped
        lasting.SessionExpiryInterval = SESSION_S
        self._client.connect_async(self._broker.host, self._broker.port, keepalive=15, clean_start=False, properties=lasting)
        self._client.loop_start()

    async def stop(self) -> None:
        """Goes; the session stays for a minute."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def run(self) -> None:
        """Writes what comes until cancelled."""
        while True:
            line = ""
            with contextlib.suppress(TimeoutError):
                line = await asyncio.wait_for(self._lines.get(), _LOOK_S)
            now = self._clock()
            for entry in [*self._watch.read(line, now), *self._watch.due(now)]:
                try:
                    await self._audit.write(entry)
                except PartAway:
                    self._metrics.denied.labels("broker_audit_late").inc()

    def _connected(self, client: paho.Client, _: object, __: object, reason: ReasonCode, ___: Properties | None) -> None:
        if reason.is_failure:
            _log.error("event=broker_watch_refused reason=%s", reason)
            return
        client.subscribe(TOPICS, qos=2)

    def _heard(self, _: paho.Client, __: object, message: paho.MQTTMessage) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._take, message.payload.decode(errors="replace"))

    def _take(self, line: str) -> None:
        try:
            self._lines.put_nowait(line)
        except asyncio.QueueFull:
            self._metrics.denied.labels("broker_line_dropped").inc()
