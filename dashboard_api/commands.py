"""What a person wants done to an alert: an event on the `commands` topic, and the wait for what came of it.

In: a `vitals.alert.Command`. Out: accepted, refused with the reason, or None when nothing was heard within PATIENCE_S. The answer is a
row of alerting.command; NOTIFY vigil_command says that one is there.
"""

import asyncio
import contextlib
import logging
from dataclasses import dataclass

import msgspec

from dashboard_api.kafka import Kafka
from dashboard_api.timescale import Database
from vitals.alert import Command
from vitals.errors import PartAway
from vitals.topics import Topics

PATIENCE_S = 5.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What alerts made of a command."""

    accepted: bool
    reason: str


class Commands:
    """One listener for all that wait; `run` is its task."""

    def __init__(self, database: Database, kafka: Kafka, topics: Topics) -> None:
        self._database = database
        self._kafka = kafka
        self._topics = topics
        self._waiting: dict[str, asyncio.Event] = {}

    async def run(self) -> None:
        """Wakes whoever waits, until cancelled; on a lost connection it begins again."""
        while True:
            try:
                async for command in self._database.notifications("vigil_command"):
                    self._wake(command)
            except PartAway:
                _log.warning("event=command_listener_lost")
            await asyncio.sleep(1.0)

    async def give(self, command: Command) -> Answer | None:
        """Gives the command and waits for its answer. A command given before is not given again. Raises PartAway."""
        known = await self._answer(command.id)
        if known is not None:
            return known
        heard = self._waiting.setdefault(command.id, asyncio.Event())
        try:
            await self._kafka.give(self._topics.commands, command.patient, msgspec.json.encode(command), "vigil.command.v1")
            return await self._wait(command.id, heard)
        finally:
            self._waiting.pop(command.id, None)

    async def _wait(self, command: str, heard: asyncio.Event) -> Answer | None:
        until = asyncio.get_running_loop().time() + PATIENCE_S
        while (left := until - asyncio.get_running_loop().time()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(heard.wait(), min(left, 1.0))
            answer = await self._answer(command)
            if answer is not None:
                return answer
            heard.clear()
        return None

    async def _answer(self, command: str) -> Answer | None:
        row = await self._database.row("SELECT accepted, reason FROM alerting.command WHERE id = %s", [command])
        return Answer(row["accepted"], row["reason"]) if row else None

    def _wake(self, command: str) -> None:
        heard = self._waiting.get(command)
        if heard is not None:
            heard.set()
