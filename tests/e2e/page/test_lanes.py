"""The lanes under a patient's charts: what happened at one time lies under one another, and no words lie over others."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page.beds import Bed
from tests.e2e.page.site import Site, log_in
from tests.e2e.page.visits import shot, violations

pytestmark = pytest.mark.slow

# minutes ago that it began and ended, priority, title: a crowd of short ones, a long one, and some that began just now
CROWD = (
    (55, 5, "medium", "NEWS2 at least 5, for ten minutes"),
    (54, 53, "high", "Oxygen saturation below 88 %"),
    (53, 52, "low", "Heart rate above 110 /min"),
    (52.5, 52, "medium", "Respiration rate above 24 /min"),
    (51, 50, "low", "Temperature above 38.5 °C"),
    (50, 49, "high", "Systolic pressure below 90 mmHg"),
    (48, 30, "low", "Battery of the device below 10 %"),
    (3, None, "high", "Oxygen saturation below 85 %"),
    (2, None, "medium", "Heart rate above 130 /min"),
    (1, None, "low", "Probe is off"),
)
BOXES = """() => [...document.querySelectorAll('[data-lane="Alerts"] .stretch')].map(bar => [bar, bar.querySelector("i")].map(e => {
  const b = e?.getBoundingClientRect(); return b ? [b.left, b.top, b.right, b.bottom] : null; }))"""
Box = list[float]


def past_alerts(site: Site, bed: Bed) -> None:
    """As alerts would have written them."""
    now = datetime.now(UTC)
    for began, ended, priority, title in CROWD:
        name, since = str(uuid.uuid4()), now - timedelta(minutes=began)
        until = None if ended is None else int((now - timedelta(minutes=ended)).timestamp() * 1000)
        state = "active" if ended is None else "closed"
        body = {
            "id": name, "version": 1, "patient": bed.patient, "ward": bed.ward, "class": "physiological", "priority": priority,
            "state": state, "rule": "limits", "rule_version": 1, "title": title, "subject": name,
            "started_at": int(since.timestamp() * 1000), "ended_at": until, "retrospective": False, "evidence": {}, "delays": {},
        }  # fmt: skip
        sql = """INSERT INTO alerting.alert (id, version, patient, ward, class, priority, state, rule, started_at, raised_at, partition,
                 body, memory) VALUES (%s, 1, %s, %s, 'physiological', %s, %s, 'limits', %s, %s, 0, %s, '{}')"""
        site.do(sql, name, bed.patient, bed.ward, priority, state, since, since, json.dumps(body))


def over(a: Box, b: Box) -> bool:
    """Whether two boxes (left, top, right, bottom) share more than a pixel."""
    return min(a[2], b[2]) - max(a[0], b[0]) > 1 and min(a[3], b[3]) - max(a[1], b[1]) > 1


def covered(boxes: list[tuple[Box, Box | None]]) -> list[Any]:
    """Words that lie over another stretch or its words."""
    others = [(i, box) for i, pair in enumerate(boxes) for box in pair if box]
    return [(words, box) for i, (_, words) in enumerate(boxes) for j, box in others if words and i != j and over(words, box)]


@pytest.mark.parametrize(("width", "height", "least"), [(1366, 850, 8), (390, 844, 6)], ids=["desk", "phone"])
def test_no_words_lie_over_others(site: Site, bed: Bed, page: Page, width: int, height: int, least: int) -> None:
    past_alerts(site, bed)
    bed.says(72)
    page.set_viewport_size({"width": width, "height": height})
    log_in(page, site, bed.user)
    page.goto(f"{site.address}/patients/{bed.patient}")
    bars = page.locator('[data-lane="Alerts"] .stretch')
    expect(bars).to_have_count(len(CROWD), timeout=30_000)
    bars.first.scroll_into_view_if_needed()
    shot(page, f"lanes-{width}")
    boxes = page.evaluate(BOXES)
    sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    named = sum(words is not None for _, words in boxes)
    assert (covered(boxes), named >= least, sideways, violations(page)) == ([], True, 0, []), named
