"""The broker's control topic: device accounts are made and unmade here; and what is said to devices, or again for them, goes in here.

In: commands of `dynsec`. Out: the broker's answers. Promise: `do` returns when the broker has done all of them, or raises PartAway, which
says whether the broker is silent or refuses; commands of callers at the same time travel in one message. One connection (paho-mqtt,
MQTT 5), which reconnects by itself.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from dashboard_api import dynsec
from vitals.errors import PartAway
from vitals.settings import Broker

_PATIENCE_S = 5.0
_SILENT = "the broker does not answer"
_NOT_LET_IN = "the broker does not let the account in that VIGIL_MQTT_ADMIN (or VIGIL_MQTT) names"
_NO_CONTROL = f"the broker refuses {dynsec.CONTROL} to the account that VIGIL_MQTT_ADMIN (or VIGIL_MQTT) names: devices cannot be managed"
_MOST_IN_A_MESSAGE = 200
_NOBODY = 0x10
"""A PUBACK's "no matching subscribers": success by name, but the message is gone."""
_log = logging.getLogger(__name__)
_Answer = asyncio.Future[dynsec.Command]


class DeviceAccounts:
    """The connection of the managing account."""

    def __init__(self, broker: Broker, ca_file: str | None = None) -> None:
        self._broker = broker
        self._client = paho.Client(CallbackAPIVersion.VERSION2, f"vigil-api-{uuid.uuid4().hex[:8]}", protocol=MQTTProtocolVersion.MQTTv5)
        self._client.username_pw_set(broker.username, broker.password)
        self._client.reconnect_delay_set(1, 15)
        if broker.tls:
            self._client.tls_set(ca_file)
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._heard
        self._client.on_publish = self._published
        self._loop: asyncio.AbstractEventLoop | None = None
        self._up = asyncio.Event()
        self._why = _SILENT
        self._answers: dict[str, _Answer] = {}
        self._acks: dict[int, tuple[asyncio.Future[None], bool]] = {}
        self._outbox: list[dynsec.Command] = []

    @property
    def connected(self) -> bool:
        """Whether the control topic can be used now."""
        return self._up.is_set()

    async def start(self) -> None:
        """Connects in the background, again and again."""
        self._loop = asyncio.get_running_loop()
        self._client.connect_async(self._broker.host, self._broker.port, keepalive=15)
        self._client.loop_start()

    async def stop(self) -> None:
        """Says goodbye."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def do(self, commands: list[dynsec.Command]) -> list[dynsec.Command]:
        """The broker's answer to each command, in order. Raises PartAway when it does not answer all in time."""
        loop = asyncio.get_running_loop()
        tags = [uuid.uuid4().hex for _ in commands]
        answers: list[_Answer] = [loop.create_future() for _ in commands]
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._up.wait()
                self._answers.update(zip(tags, answers, strict=True))
                if not self._outbox:
                    loop.call_later(0.005, self._flush)
                self._outbox += [command | {"correlationData": tag} for command, tag in zip(commands, tags, strict=True)]
                return [await answer for answer in answers]
        except TimeoutError as error:
            raise PartAway(self._why) from error
        finally:
            for tag in tags:
                self._answers.pop(tag, None)

    async def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """One message, QoS 1, acknowledged, and given to somebody or `retain`ed (an empty one takes away what was). Raises PartAway."""
        for answer in await self.do(dynsec.publish_right()):
            if (why := dynsec.refused(answer)) is not None:
                raise PartAway(f"the broker: {why}")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._up.wait()
                sent = self._client.publish(topic, payload, qos=1, retain=retain)
                self._acks[sent.mid] = done, retain
                if sent.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                    raise PartAway("the broker does not take the message")
                await done
        except TimeoutError as error:
            raise PartAway(self._why) from error

    def _flush(self) -> None:
        while self._outbox:
            batch, self._outbox = self._outbox[:_MOST_IN_A_MESSAGE], self._outbox[_MOST_IN_A_MESSAGE:]
            self._client.publish(dynsec.CONTROL, msgspec.json.encode({"commands": batch}), qos=1)

    def _soon(self, call: Callable[..., None], *arguments: object) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)

    def _connected(self, client: paho.Client, _: object, __: object, reason: ReasonCode, ___: Properties | None) -> None:
        if reason.is_failure:
            self._why = _NOT_LET_IN
            _log.error("event=broker_refused reason=%s %s", reason, self._why)
            return
        client.subscribe(dynsec.RESPONSE, qos=1)

    def _subscribed(self, _: paho.Client, __: object, ___: int, reasons: list[ReasonCode], ____: Properties | None) -> None:
        if any(reason.is_failure for reason in reasons):
            self._why = _NO_CONTROL
            _log.error("event=control_topic_refused %s", self._why)
            return
        self._why = _SILENT
        self._soon(self._up.set)

    def _disconnected(self, *_: object) -> None:
        self._soon(self._up.clear)

    def _heard(self, _: paho.Client, __: object, message: paho.MQTTMessage) -> None:
        try:
            responses = msgspec.json.decode(message.payload, type=dict[str, list[dynsec.Command]]).get("responses", [])
        except msgspec.DecodeError:
            _log.warning("event=control_answer_unreadable")
            return
        self._soon(self._settle, responses)

    def _settle(self, responses: list[dynsec.Command]) -> None:
        for response in responses:
            answer = self._answers.get(str(response.get("correlationData")))
            if answer is not None and not answer.done():
                answer.set_result(response)

    def _published(self, _: paho.Client, __: object, mid: int, reason: ReasonCode, ___: Properties) -> None:
        self._soon(self._acknowledge, mid, reason.is_failure, reason.value == _NOBODY)

    def _acknowledge(self, mid: int, failed: bool, nobody: bool) -> None:
        done, retained = self._acks.pop(mid, (None, False))
        if done is None or done.done():
            return
        if failed:
            done.set_exception(PartAway("the broker does not take the message"))
        elif nobody and not retained:
            done.set_exception(PartAway("no gateway is there to take it"))
        else:
            done.set_result(None)
