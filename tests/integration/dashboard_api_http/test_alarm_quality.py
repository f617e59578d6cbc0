"""Was it useful? Asked with what is done about an alert, and told by rule, worst first; delays by stage; the canary's not among them."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx

from tests.integration.dashboard_api_http.site import Site
from tests.integration.dashboard_api_http.test_alerts import Desk, acted, desk
from vitals.canary import WARD

As = Callable[[str], httpx.Client]
__all__ = ["desk"]


def quality(as_: As) -> dict[str, Any]:
    return dict(as_("oncall").get("/api/v1/rules/quality").raise_for_status().json())


def resolved(site: Site, as_: As, rule: str, useful: bool) -> int:
    """An alert of that rule that a nurse resolves and judges; the status."""
    alert = site.alert(site.patient()["id"], rule=rule)
    return acted(as_("nurse"), alert, action="resolve", outcome="treated", useful=useful).status_code


def test_what_people_found_useful_is_the_rules_precision_worst_first(site: Site, as_: As, desk: Desk) -> None:
    good, bad = f"good-{uuid.uuid4().hex[:6]}", f"bad-{uuid.uuid4().hex[:6]}"
    statuses = [resolved(site, as_, good, True), resolved(site, as_, bad, False)]
    told = [(r["rule"], r["precision"], r["judged"], r["rehearse"]) for r in quality(as_)["rules"] if r["rule"] in (good, bad)]
    assert (statuses, told) == ([200, 200], [(bad, 0.0, 1, "/api/v1/rehearsals"), (good, 1.0, 1, "/api/v1/rehearsals")])


def test_a_judgement_of_what_was_refused_does_not_count(site: Site, as_: As, desk: Desk) -> None:
    alert = site.alert(site.patient()["id"])
    as_("nurse").post(f"/api/v1/alerts/{alert}/actions", json={"action": "unshelve", "useful": True})
    assert site.sql("SELECT count(*) FROM alerting.feedback WHERE alert = %s", alert) == [(0,)]


def test_delays_are_told_by_stage(site: Site, as_: As) -> None:
    started = 1_800_000_000_000
    delays = {"sensor": started, "received": started + 40, "detected": started + 55, "raised": started + 60}
    site.alert(site.patient()["id"], priority="low", delays=delays)
    told = {d["stage"]: d["p50_ms"] for d in quality(as_)["delays"] if d["priority"] == "low"}
    assert told == {"received": 40, "detected": 15, "raised": 5}


def test_the_canary_is_in_no_figure(site: Site, as_: As) -> None:
    site.alert("nobody", WARD, rule="canarys")
    assert "canarys" not in [rule["rule"] for rule in quality(as_)["rules"]]
