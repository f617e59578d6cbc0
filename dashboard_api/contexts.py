"""What detection and the live feed must know of a patient, published after each change on the compacted topic `patients`.

In: patients whose row changed. Out: `vitals.context.PatientContext`. Promise: a version that Kafka has not acknowledged is published
again within a minute, and everything at start; a patient's last record is the newest, however many processes publish.
"""

import asyncio
import logging

import msgspec

from dashboard_api.kafka import Kafka
from dashboard_api.metrics import Metrics
from dashboard_api.timescale import Database, Row
from vitals.context import Limit, PatientContext
from vitals.errors import PartAway
from vitals.topics import Topics

EVERY_S = 60.0
_log = logging.getLogger(__name__)

_SELECT = """
SELECT p.id, p.version, p.ward, p.bed, p.age_band, p.spo2_scale, p.pregnant, p.discharged_at IS NULL AS active,
       COALESCE((SELECT jsonb_object_agg(l.vital, jsonb_build_object('low', l.low, 'high', l.high,
                        'expires_at', (extract(epoch FROM l.expires_at) * 1000)::bigint))
                 FROM clinical.limit_override l WHERE l.patient = p.id), '{}') AS limits
FROM clinical.patient p LEFT JOIN access.context_published k ON k.patient = p.id
"""
_MARK = """INSERT INTO access.context_published AS k (patient, version) VALUES (%s, %s)
           ON CONFLICT (patient) DO UPDATE SET version = greatest(k.version, excluded.version)"""
_UNMARK = "DELETE FROM access.context_published WHERE patient = ANY(%s)"


class Contexts:
    """The publisher; `run` is its task."""

    def __init__(self, database: Database, kafka: Kafka, topics: Topics, metrics: Metrics) -> None:
        self._database = database
        self._kafka = kafka
        self._topic = topics.patients
        self._metrics = metrics

    async def run(self) -> None:
        """Everything at start, then whatever is behind, every minute and until cancelled."""
        where, pause = "", 1.0
        while True:
            try:
                await self._publish_where(where, [])
                where, pause = "WHERE k.version IS DISTINCT FROM p.version", EVERY_S
            except PartAway:
                _log.warning("event=contexts_not_published")
                pause = min(pause * 2, EVERY_S)
            await asyncio.sleep(pause)

    async def publish(self, *patients: str) -> None:
        """After a commit: these patients as they now are. With Kafka away it only logs: `run` will do it."""
        try:
            await self._publish_where("WHERE p.id = ANY(%s)", [list(patients)])
        except PartAway:
            self._metrics.published.labels("patients", "later").inc()
            _log.warning("event=context_not_published patients=%d", len(patients))

    async def _publish_where(self, where: str, parameters: list[object]) -> None:
        rows = await self._database.rows(_SELECT + where, parameters)
        for start in range(0, len(rows), 500):
            await self._publish(rows[start : start + 500])

    async def _publish(self, rows: list[Row]) -> None:
        """These, and again what changed meanwhile: another process may have given a newer version before this one's arrived."""
        while rows:
            try:
                await asyncio.gather(*(self._give(context_from(row)) for row in rows))
            except PartAway:  # one may have arrived all the same, after what another process gave meanwhile: given again by `run`
                await self._database.do(_UNMARK, [[row["id"] for row in rows]])
                raise
            given = {row["id"]: row["version"] for row in rows}
            async with self._database.transaction() as transaction:
                await transaction.many(_MARK, list(given.items()))
            now = await self._database.rows(_SELECT + "WHERE p.id = ANY(%s)", [list(given)])
            rows = [row for row in now if row["version"] != given[row["id"]]]

    async def _give(self, context: PatientContext) -> None:
        await self._kafka.give(self._topic, context.patient, msgspec.json.encode(context), "vigil.patient.v1")
        self._metrics.published.labels("patients", "done").inc()


def context_from(row: Row) -> PatientContext:
    """The context that a patient's row describes."""
    return PatientContext(
        patient=row["id"], version=row["version"], ward=row["ward"], bed=row["bed"], age_band=row["age_band"], spo2_scale=row["spo2_scale"],
        pregnant=row["pregnant"], active=row["active"], limits=msgspec.convert(row["limits"], dict[str, Limit]),
    )  # fmt: skip
