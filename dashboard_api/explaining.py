"""Why it did, why it didn't: what the limits say of the readings that were known at a moment. Pure.

In: a rule set, the patient's group and own limits, the newest readings. Out: for each vital whether it was within its limits, and if
not for how long, beside how long is waited. The timers of detection run on every reading; these here are the same sums over the last
hour.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from vitals.context import Limit
from vitals.rules import RuleSet

Known = tuple[datetime, float]


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """`low`, `high`: the first step. `beyond_s`: for how long it had been beyond; `waits_s`: how long is waited before it is an alert."""

    vital: str
    value: float
    observed_at: datetime
    low: float | None
    high: float | None
    own_limit: bool
    within: bool
    beyond_s: float
    waits_s: float
    says: str


def bounds(rules: RuleSet, vital: str, groups: Iterable[str], own: Limit | None) -> tuple[float | None, float | None]:
    """First step of a patient: the site's, its groups' in order, its own."""
    rule = rules.limits[vital]
    low, high = (rule.low[0] if rule.low else None), (rule.high[0] if rule.high else None)
    for group in groups:
        given = rules.groups.get(group, {}).get(vital)  # type: ignore[call-overload]  # any text: an unknown group has no bounds
        low = given.low[0] if given and given.low else low
        high = given.high[0] if given and given.high else high
    if own is not None:
        low, high = (own.low if own.low is not None else low), (own.high if own.high is not None else high)
    return low, high


def conditions(rules: RuleSet, groups: Sequence[str], own: Mapping[str, Limit], known: Mapping[str, Sequence[Known]]) -> list[Condition]:
    """One for each vital that has limits and readings; readings newest first."""
    return [_condition(rules, groups, own.get(v), v, readings) for v, readings in known.items() if readings and v in rules.limits]


def _condition(rules: RuleSet, groups: Sequence[str], own: Limit | None, vital: str, readings: Sequence[Known]) -> Condition:
    low, high = bounds(rules, vital, groups, own)
    at, value = readings[0]
    since = at
    for observed, each in readings:
        if _within(each, low, high):
            break
        since = observed
    within, waits = _within(value, low, high), rules.limits[vital].wait_s[0]
    beyond = 0.0 if within else (at - since).total_seconds()
    says = "within limits" if within else f"beyond its limit for {beyond:.0f} s; an alert after {waits:.0f} s"
    return Condition(
        vital=vital, value=value, observed_at=at, low=low, high=high, own_limit=own is not None, within=within, beyond_s=beyond,
        waits_s=waits,
        says=says,
    )  # fmt: skip


def _within(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def alert_at(bodies: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """An alert after these events, in order of version: what was known of it then."""
    known: dict[str, Any] = {}
    for body in bodies:
        known |= body.get("set", {}).get("alert", {})
    return known


def verdict(alerts: Sequence[Mapping[str, Any]], found: Sequence[Condition], paged: int) -> str:
    """One sentence."""
    if paged:
        return f"{paged} page(s) had gone out."
    if alerts:
        return "There was an alert, and nobody was paged: " + "; ".join(f"{a['title']}: {a['state']}{_because(a)}" for a in alerts) + "."
    if not found:
        return "No alert: no reading that has limits was known of the hour before."
    beyond = [c for c in found if not c.within]
    if beyond:
        return "No alert: " + "; ".join(f"{c.vital} {c.says}" for c in beyond) + "."
    return "No alert: every vital that was known was within its limits."


def _because(alert: Mapping[str, Any]) -> str:
    return f" ({alert['reason']})" if alert.get("reason") else ""
