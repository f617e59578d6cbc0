"""The rule set in force, on the topic `rules` (partition 0, key `site`), so that every worker takes it up without a restart.

In: rows of clinical.rule_set. Out: the newest as JSON of `vitals.rules.RuleSet`. Promise: one that Kafka has not acknowledged is
published again within a minute, and the newest at start; the last record is the newest, however many processes publish.
"""

import asyncio
import logging
from datetime import datetime
from typing import Any

import msgspec

from dashboard_api.kafka import Kafka
from dashboard_api.metrics import Metrics
from dashboard_api.timescale import Database, Row
from vitals import rules
from vitals.errors import PartAway
from vitals.topics import Topics

EVERY_S = 60.0
SCOPE = "site"
_log = logging.getLogger(__name__)


class InForce(msgspec.Struct, frozen=True, kw_only=True):
    """A version, who made it and why; the one that ships with Vigil has no author."""

    version: int
    author: str | None
    reason: str
    at: datetime | None
    rules: dict[str, Any]


async def newest(database: Database, at: datetime | None = None) -> InForce:
    """The version in force (at that time)."""
    sql = "SELECT version, author, reason, at, body AS rules FROM clinical.rule_set WHERE %(at)s::timestamptz IS NULL OR at <= %(at)s"
    row = await database.row(sql + " ORDER BY version DESC LIMIT 1", {"at": at})
    if row is not None:
        return InForce(**row)
    shipped = rules.default()
    return InForce(version=shipped.version, author=None, reason="as shipped", at=None, rules=msgspec.to_builtins(shipped))


class RuleSets:
    """The publisher; `run` is its task."""

    def __init__(self, database: Database, kafka: Kafka, topics: Topics, metrics: Metrics) -> None:
        self._database = database
        self._kafka = kafka
        self._topic = topics.rules
        self._metrics = metrics

    async def run(self) -> None:
        """The newest at start, then whenever it is not acknowledged, until cancelled."""
        again, pause = True, 1.0
        while True:
            try:
                await self.publish(again)
                again, pause = False, EVERY_S
            except PartAway:
                _log.warning("event=rules_not_published")
                pause = min(pause * 2, EVERY_S)
            await asyncio.sleep(pause)

    async def publish(self, again: bool = False) -> None:
        """The newest, when there is one that was not (or `again`). Raises PartAway."""
        row = await self._newest()
        if row is None or (row["published_at"] is not None and not again):
            return
        given = None
        while row is not None and row["version"] != given:  # another process may have given a newer one while this was on its way
            given = row["version"]
            try:
                await self._kafka.give(self._topic, SCOPE, msgspec.json.encode(row["body"]), "vigil.rules.v1", partition=0)
            except PartAway:  # it may have arrived all the same, after what another process gave meanwhile: the newest is given again
                await self._database.do("UPDATE clinical.rule_set SET published_at = NULL WHERE published_at IS NOT NULL")
                raise
            await self._database.do("UPDATE clinical.rule_set SET published_at = now() WHERE version = %s", [given])
            self._metrics.published.labels("rules", "done").inc()
            row = await self._newest()

    async def _newest(self) -> Row | None:
        return await self._database.row("SELECT version, body, published_at FROM clinical.rule_set ORDER BY version DESC LIMIT 1")
