"""The shapes in which other pagers take a notice over HTTP: PagerDuty Events v2, Opsgenie v2, Alertmanager's webhook (version 4).

In: the address as the person's contact has it, the notice. Out: what is posted. No patient data: only what a notice holds. The key of
the notice is each one's own word for idempotency (`dedup_key`, `alias`, `fingerprint`); under it the incident is answered and closed too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from alerts.notice import Notice, subject


@dataclass(frozen=True, slots=True)
class Request:
    """What is posted. `path` is added to the pager's URL."""

    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    path: str = ""


Shape = Callable[[str, Notice], Request]
SETTLED = frozenset({"acknowledged", "resolved"})
_SEVERITY: Mapping[str, str] = {"high": "critical", "medium": "error", "low": "warning"}
_PRIORITY: Mapping[str, str] = {"high": "P1", "medium": "P3", "low": "P4"}


def pagerduty(address: str, notice: Notice) -> Request:
    """PagerDuty Events API v2, `POST /v2/enqueue`; the address is the routing key."""
    known = {"routing_key": address, "dedup_key": notice.key}
    if notice.kind in SETTLED:
        return Request({**known, "event_action": {"acknowledged": "acknowledge", "resolved": "resolve"}[notice.kind]})
    payload = {
        "summary": subject(notice), "source": f"vigil {notice.ward}", "severity": _SEVERITY[notice.priority],
        "timestamp": _time(notice.sent_at), "component": notice.ward, "custom_details": {"bed": notice.bed},
    }  # fmt: skip
    links = [{"href": notice.link, "text": "Open"}] if notice.link else []
    return Request({**known, "event_action": "trigger", "payload": payload, "links": links})


def opsgenie(address: str, notice: Notice) -> Request:
    """Opsgenie Alert API v2, `POST /v2/alerts`, `.../close` and `.../acknowledge` by alias; the address is the API key."""
    headers = {"authorization": f"GenieKey {address}"}
    if notice.kind in SETTLED:
        verb = {"acknowledged": "acknowledge", "resolved": "close"}[notice.kind]
        return Request({"source": "vigil"}, headers, f"/{notice.key}/{verb}?identifierType=alias")
    body = {
        "message": subject(notice), "alias": notice.key, "priority": _PRIORITY[notice.priority], "source": "vigil",
        "entity": f"{notice.ward} {notice.bed}".strip(), "details": {"link": notice.link}, "tags": [notice.ward, notice.priority],
    }  # fmt: skip
    return Request(body, headers)


def alertmanager(_address: str, notice: Notice) -> Request:
    """Alertmanager's webhook payload, version 4, so that receivers made for it fit; the address is the URL."""
    labels = {"alertname": "VigilAlert", "severity": _SEVERITY[notice.priority], "ward": notice.ward, "bed": notice.bed}
    over = notice.kind == "resolved"
    status, ended = ("resolved", _time(notice.sent_at)) if over else ("firing", "0001-01-01T00:00:00Z")
    annotations = {"summary": subject(notice)}
    alert = {
        "status": status, "labels": labels, "annotations": annotations, "startsAt": _time(notice.sent_at),
        "endsAt": ended, "generatorURL": notice.link, "fingerprint": notice.key.replace("-", "")[:16],
    }  # fmt: skip
    return Request(
        {
            "version": "4", "groupKey": notice.key, "truncatedAlerts": 0, "status": status, "receiver": "vigil", "groupLabels": {},
            "commonLabels": labels, "commonAnnotations": annotations, "externalURL": notice.link, "alerts": [alert],
        }
    )  # fmt: skip


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
