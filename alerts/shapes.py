"""The shapes in which other pagers take a notice over HTTP: PagerDuty Events v2, Opsgenie v2, Alertmanager's webhook (version 4).

In: the address as the person's contact has it, the notice. Out: headers and body. No patient data: only what a notice holds. The key of
the notice is each one's own word for idempotency (`dedup_key`, `alias`, `fingerprint`).
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from alerts.notice import Notice, subject

Shape = Callable[[str, Notice], tuple[dict[str, str], dict[str, Any]]]
_SEVERITY: Mapping[str, str] = {"high": "critical", "medium": "error", "low": "warning"}
_PRIORITY: Mapping[str, str] = {"high": "P1", "medium": "P3", "low": "P4"}


def pagerduty(address: str, notice: Notice) -> tuple[dict[str, str], dict[str, Any]]:
    """PagerDuty Events API v2, `POST /v2/enqueue`; the address is the routing key."""
    payload = {
        "summary": subject(notice), "source": f"vigil {notice.ward}", "severity": _SEVERITY[notice.priority],
        "timestamp": _time(notice.sent_at), "component": notice.ward, "custom_details": {"bed": notice.bed},
    }  # fmt: skip
    links = [{"href": notice.link, "text": "Open"}] if notice.link else []
    return {}, {"routing_key": address, "event_action": "trigger", "dedup_key": notice.key, "payload": payload, "links": links}


def opsgenie(address: str, notice: Notice) -> tuple[dict[str, str], dict[str, Any]]:
    """Opsgenie Alert API v2, `POST /v2/alerts`; the address is the API key."""
    body = {
        "message": subject(notice), "alias": notice.key, "priority": _PRIORITY[notice.priority], "source": "vigil",
        "entity": f"{notice.ward} {notice.bed}".strip(), "details": {"link": notice.link}, "tags": [notice.ward, notice.priority],
    }  # fmt: skip
    return {"authorization": f"GenieKey {address}"}, body


def alertmanager(_address: str, notice: Notice) -> tuple[dict[str, str], dict[str, Any]]:
    """Alertmanager's webhook payload, version 4, so that receivers made for it fit; the address is the URL."""
    labels = {"alertname": "VigilAlert", "severity": _SEVERITY[notice.priority], "ward": notice.ward, "bed": notice.bed}
    annotations = {"summary": subject(notice)}
    alert = {
        "status": "firing", "labels": labels, "annotations": annotations, "startsAt": _time(notice.sent_at),
        "endsAt": "0001-01-01T00:00:00Z", "generatorURL": notice.link, "fingerprint": notice.key.replace("-", "")[:16],
    }  # fmt: skip
    return {}, {
        "version": "4", "groupKey": notice.key, "truncatedAlerts": 0, "status": "firing", "receiver": "vigil", "groupLabels": {},
        "commonLabels": labels, "commonAnnotations": annotations, "externalURL": notice.link, "alerts": [alert],
    }  # fmt: skip


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
