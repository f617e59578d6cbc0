"""Alertmanager's webhook on the running API: into the findings' topic, and the alert that comes of it seen by those who may."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
from confluent_kafka import Consumer, KafkaError, TopicPartition

from tests.integration.dashboard_api_http.site import Site
from vitals.finding import SITE, Finding

As = Callable[[str], httpx.Client]


def payload(fingerprint: str, status: str = "firing") -> dict[str, Any]:
    alert = {"status": status, "labels": {"alertname": "KafkaAway"}, "startsAt": "2026-01-02T03:04:05.6Z", "fingerprint": fingerprint}
    return {"version": "4", "alerts": [alert]}


def told(site: Site, fingerprint: str) -> list[Finding]:
    """The findings of that fingerprint on the topic."""
    consumer = Consumer({"bootstrap.servers": site.kafka, "group.id": uuid.uuid4().hex, "enable.partition.eof": True})
    consumer.assign([TopicPartition(site.topics.findings, p, 0) for p in range(4)])
    found, ended = list[Finding](), 0
    while ended < 4:
        message = consumer.poll(60)
        if message.error() is not None:
            assert message.error().code() == KafkaError._PARTITION_EOF
            ended += 1
        elif (finding := msgspec.json.decode(message.value(), type=Finding)).subject == fingerprint:
            found.append(finding)
    consumer.close()
    return found


def test_what_it_says_is_in_kafka_when_it_is_answered(site: Site, as_: As) -> None:
    mark = uuid.uuid4().hex[:16]
    answers = [as_("integration").post("/api/v1/alertmanager", json=payload(mark, status)) for status in ("firing", "resolved")]
    said = sorted((finding.phase, finding.patient) for finding in told(site, mark))
    assert ([a.status_code for a in answers], answers[0].json(), said) == (
        [200, 200], {"taken": 1, "truncated": 0}, [("end", SITE), ("start", SITE)],
    )  # fmt: skip


def test_another_version_is_refused(as_: As) -> None:
    assert as_("integration").post("/api/v1/alertmanager", json={"version": "3", "alerts": []}).status_code == 422


def test_the_sites_alert_is_seen_by_who_is_on_every_ward_and_by_its_own(site: Site, as_: As) -> None:
    alerts = {site.alert(SITE, ward): ward for ward in ("", "north", "south")}
    seen = {role: {alerts[a] for a in alerts if as_(role).get(f"/api/v1/alerts/{a}").status_code == 200} for role in ("doctor", "nurse")}
    assert seen == {"doctor": {"", "north", "south"}, "nurse": {"north"}}
