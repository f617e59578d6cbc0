"""Alertmanager's webhook payload (version 4) as findings about the site itself: what watches the machinery speaks to those on call. Pure.

In: the payload, the wards that there are, the time. Out: one finding for each of its alerts: `start` while it fires, `end` when it is
resolved. Promise: the same firing is the same finding however often it is said (fingerprint and start), so that repeats and several
Alertmanagers make one alert; one that fires again while it is open joins it. A start that cannot be (year 1, tomorrow) is taken as now.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from vitals.finding import SITE, Finding, Priority, finding_id

RULE = "alertmanager"
_PRIORITY: Mapping[str, Priority] = {
    **dict.fromkeys(("critical", "page", "emergency", "high", "error"), "high"), **dict.fromkeys(("info", "none", "low", "notice"), "low"),
}  # fmt: skip
_LONGEST = 300

Texts = Annotated[dict[str, str], Meta(max_length=100)]


class AlertmanagerAlert(msgspec.Struct, frozen=True, rename={"starts_at": "startsAt", "ends_at": "endsAt"}):
    """One alert of the payload."""

    status: Literal["firing", "resolved"]
    labels: Texts
    starts_at: Annotated[datetime, Meta(tz=True)]
    fingerprint: Annotated[str, Meta(min_length=1, max_length=64)]
    annotations: Texts = {}
    ends_at: Annotated[datetime, Meta(tz=True)] | None = None


class AlertmanagerPayload(msgspec.Struct, frozen=True, rename={"truncated": "truncatedAlerts"}):
    """What Alertmanager posts. `truncated`: alerts that it left out (its `max_alerts`)."""

    version: Literal["4"]
    alerts: Annotated[list[AlertmanagerAlert], Meta(max_length=1000)]
    truncated: int = 0


def findings(payload: AlertmanagerPayload, wards: Collection[str], now: int) -> Iterable[Finding]:
    """`now` ms. A label `ward` that names a ward puts the alert there; else it is nobody's ward in particular ("")."""
    return (_finding(alert, wards, now) for alert in payload.alerts)


def _finding(alert: AlertmanagerAlert, wards: Collection[str], now: int) -> Finding:
    start = _moment(alert.starts_at, now)
    over = alert.status == "resolved"
    end = max(start, _moment(alert.ends_at, now)) if over else None
    ward = alert.labels.get("ward", "")
    return Finding(
        id=finding_id(SITE, RULE, alert.fingerprint, start), phase="end" if over else "start", patient=SITE,
        ward=ward if ward in wards else "", rule=RULE, rule_version=1, alert_class="technical", priority=priority(alert.labels),
        title=_title(alert), started_at=start, at=start if end is None else end, received_at=now, detected_at=now,
        subject=alert.fingerprint, ended_at=end, evidence=_evidence(alert),
    )  # fmt: skip


def priority(labels: Mapping[str, str]) -> Priority:
    """By the label `severity`; medium where it says nothing known."""
    return _PRIORITY.get(labels.get("severity", "").lower(), "medium")


def _title(alert: AlertmanagerAlert) -> str:
    return (alert.annotations.get("summary") or alert.labels.get("alertname") or "Alertmanager")[:_LONGEST]


def _evidence(alert: AlertmanagerAlert) -> dict[str, Any]:
    kept = {"labels": alert.labels, "annotations": alert.annotations}
    return {name: {key[:_LONGEST]: text[:_LONGEST] for key, text in texts.items()} for name, texts in kept.items()}


def _moment(at: datetime | None, now: int) -> int:
    """ms; `now` for a time that is absent, before 1970 or ahead."""
    said = now if at is None else round(at.timestamp() * 1000)
    return said if 0 < said <= now else now
