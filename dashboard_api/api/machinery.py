"""What watches the machinery (Alertmanager) and speaks to those on call through Vigil's own alerts."""

import asyncio

import msgspec

from dashboard_api.alertmanager import AlertmanagerPayload, findings
from dashboard_api.api.scores import milliseconds
from dashboard_api.route import Call, Reply


class Taken(msgspec.Struct, frozen=True):
    """How many alerts were taken, and how many Alertmanager says it left out."""

    taken: int
    truncated: int


async def take(call: Call) -> Reply:
    """200 once Kafka has them all; 503 when it does not answer: Alertmanager tries again."""
    payload: AlertmanagerPayload = call.body
    wards = {row["id"] for row in await call.site.database.rows("SELECT id FROM clinical.ward")}
    found = list(findings(payload, wards, milliseconds(call.now)))
    topic = call.site.topics.findings
    await asyncio.gather(*(call.site.kafka.give(topic, f.patient, msgspec.json.encode(f), "vigil.finding.v1") for f in found))
    return Reply(Taken(len(found), payload.truncated), detail={"taken": len(found), "truncated": payload.truncated})
