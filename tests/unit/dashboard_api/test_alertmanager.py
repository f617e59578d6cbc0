"""Alertmanager's payload becomes findings about the site, and those one alert a fingerprint that ends when it is resolved."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard_api.alertmanager import AlertmanagerPayload, findings
from tests.unit.alerts.stories import T0, desk, only
from vitals.finding import SITE, Finding

NOW = T0 + 60_000
FIRED = "2027-01-15T08:00:00Z"  # T0


def payload(status: str = "firing", fingerprint: str = "c0ffee", start: str = FIRED, **labels: str) -> AlertmanagerPayload:
    """One alert, as Alertmanager's documentation has it."""
    alert = {
        "status": status, "labels": {"alertname": "DiskFull", "severity": "critical", **labels}, "annotations": {"summary": "It is full"},
        "startsAt": start, "endsAt": "2027-01-15T08:00:30Z" if status == "resolved" else "0001-01-01T00:00:00Z", "fingerprint": fingerprint,
        "generatorURL": "http://prometheus/graph",
    }  # fmt: skip
    body = {"version": "4", "groupKey": "{}", "truncatedAlerts": 0, "status": status, "receiver": "vigil", "alerts": [alert]}
    return msgspec.convert(body, AlertmanagerPayload)


def found(*said: AlertmanagerPayload, now: int = NOW) -> list[Finding]:
    """All findings of these, of a site with the ward north."""
    return [finding for one in said for finding in findings(one, {"north"}, now)]


def test_a_firing_alert_is_a_technical_finding_about_the_site() -> None:
    (one,) = found(payload())
    assert (one.patient, one.alert_class, one.priority, one.phase, one.title, one.started_at) == (
        SITE, "technical", "high", "start", "It is full", T0,
    )  # fmt: skip


@pytest.mark.parametrize(("severity", "priority"), [("page", "high"), ("WARNING", "medium"), ("info", "low"), ("odd", "medium")])
def test_the_severity_is_the_priority(severity: str, priority: str) -> None:
    assert found(payload(severity=severity))[0].priority == priority


@pytest.mark.parametrize(("ward", "there"), [("north", "north"), ("nowhere", ""), ("", "")])
def test_only_a_ward_that_there_is_counts(ward: str, there: str) -> None:
    assert found(payload(ward=ward))[0].ward == there


def test_said_again_and_by_a_second_alertmanager_it_is_one_alert_and_one_page() -> None:
    at = desk(*found(payload(), payload(), payload()), now=NOW)
    assert (len(at.cases), len(at.pages), only(at).alert.version) == (1, 1, 1)


def test_fired_anew_while_it_is_open_it_joins() -> None:
    at = desk(*found(payload(), payload(start="2027-01-15T08:00:45Z")), now=NOW)
    assert (len(at.cases), len(at.pages)) == (1, 1)


def test_resolved_ends_it() -> None:
    assert only(desk(*found(payload(), payload("resolved")), now=NOW)).alert.state == "closed"


def test_two_fingerprints_are_two_alerts() -> None:
    assert len(desk(*found(payload(), payload(fingerprint="beef")), now=NOW).cases) == 2


def test_a_start_that_cannot_be_is_now() -> None:
    starts = [found(payload(start=start))[0].started_at for start in ("0001-01-01T00:00:00Z", "2100-01-01T00:00:00Z")]
    assert starts == [NOW, NOW]


@given(st.dictionaries(st.text(), st.text(), max_size=5), st.text(min_size=1, max_size=64), st.datetimes(timezones=st.just(None)))
def test_whatever_it_says_is_a_finding_that_can_be_stored(labels: dict[str, Any], fingerprint: str, start: Any) -> None:
    alert = {"status": "firing", "labels": labels, "startsAt": start.isoformat() + "Z", "fingerprint": fingerprint}
    (one,) = found(msgspec.convert({"version": "4", "alerts": [alert]}, AlertmanagerPayload))
    assert 0 < one.started_at <= one.at <= NOW
