"""The words and the evidence of what courses show, and what they add to the findings of others.

In: a patient's row, a channel, how far it went. Out: a title and plain JSON. Nothing is decided here: what is shown beside a limit (the
trend, the usual, a change point, whether the other source agrees) raises nothing and silences nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from streams.detect import course, habit
from streams.detect.agreement import HR, PULSE
from streams.detect.channels import COMBINATION, RULES, VITAL_OF, Kind, W
from streams.detect.combined import combined
from streams.detect.memory import Memory
from streams.detect.shift import shift
from streams.detect.trend import crossing, line
from vitals.combination import used
from vitals.registry import BY_NAME, VITALS, V

Said = tuple[dict[str, Any], str]
Teller = Callable[[Memory, int, int, "Reach"], Said]


class Reach(Protocol):
    """How far it went."""

    @property
    def worst(self) -> float: ...
    @property
    def side(self) -> int: ...
    @property
    def level(self) -> int: ...


def said(memory: Memory, row: int, channel: int, r: Reach) -> Said:
    """Evidence and title of a course's channel."""
    return _SAID[RULES[channel]](memory, row, channel, r)


def support(memory: Memory, row: int, vital: int) -> dict[str, Any]:
    """What its course says of a vital, for the evidence of its other findings; nothing where nothing is known."""
    return _reckoned(memory, row, vital) | (_shown(memory, row, vital) if vital < W else {})


def _shown(memory: Memory, row: int, vital: int) -> dict[str, Any]:
    one = np.array([row])
    minutes = course.last(memory, one)[:, vital].astype(np.float64)
    found = _trend(memory, row, vital, minutes) | _usual(memory, row, vital) | _shift(memory, vital, minutes)
    return found | _other(memory, row, vital)


def not_believed(memory: Memory, row: int, vital: int) -> dict[str, Any]:
    """The value that a poor signal gave instead of a finding of the body, and the finding that it would have been."""
    x = float(memory.courses.refused[row * W + vital]) if vital < W else np.nan
    if np.isnan(x):
        return {}
    low, high, v = float(memory.settings.low1[row * V + vital]), float(memory.settings.high1[row * V + vital]), VITALS[vital]
    would_be = f"{v.display} below {low:g} {v.printed}" if x < low else f"{v.display} above {high:g} {v.printed}" if x > high else None
    return {"not_believed": round(x, 2)} | ({"would_be": would_be} if would_be else {})


def _value(memory: Memory, row: int, vital: int) -> float | None:
    x = float(memory.cells.value[row * V + vital])
    return None if np.isnan(x) else x


def _stuck(memory: Memory, row: int, channel: int, _: Reach) -> Said:
    i = int(VITAL_OF[channel])
    since, at = int(memory.courses.same_since[row * W + i]), int(memory.cells.at[row * V + i])
    shown = {"value": _value(memory, row, i), "same_for_s": max(0, at - since) / 1000, "unit": VITALS[i].unit}
    return shown, f"{VITALS[i].display} does not change: the sensor may hang"


def _pace(memory: Memory, row: int, channel: int, r: Reach) -> Said:
    i = int(VITAL_OF[channel])
    v, rule = VITALS[i], memory.rules.pace
    shown = {"per_min": round(r.worst, 2), "value": _value(memory, row, i), "unit": v.unit, "over_s": rule.over_s if rule else None}
    return shown, f"{v.display} {'rising' if r.side > 0 else 'falling'} fast: {abs(r.worst):.1f} {v.printed} a minute"


def _crosses(memory: Memory, row: int, channel: int, r: Reach) -> Said:
    i = int(VITAL_OF[channel])
    rule = memory.rules.trend
    minutes = abs((rule.horizon_min if rule else 0) / r.worst)
    second = rule is not None and rule.step.get(VITALS[i].name) == 2
    s, cell = memory.settings, row * V + i
    low, high = (s.low2, s.high2) if second else (s.low1, s.high1)
    limit = float((high if r.side > 0 else low)[cell])
    shown = {"in_min": round(minutes, 1), "limit": limit, "value": _value(memory, row, i), "unit": VITALS[i].unit}
    return shown | support(
        memory, row, i
    ), f"{VITALS[i].display} will be {'above' if r.side > 0 else 'below'} {limit:g} in {minutes:.0f} min"


def _departed(words: str) -> Teller:
    def told(memory: Memory, row: int, channel: int, r: Reach) -> Said:
        i = int(VITAL_OF[channel])
        shown = {"deviations": round(r.worst, 2), "value": _value(memory, row, i), "unit": VITALS[i].unit}
        return shown | support(memory, row, i), f"{VITALS[i].display} {words}, {'upwards' if r.side > 0 else 'downwards'}"

    return told


def _combination(memory: Memory, row: int, channel: int, r: Reach) -> Said:
    names = list(memory.rules.combinations)
    place = channel - COMBINATION
    if place >= len(names):  # the rules that it came from are gone
        return {"worst": r.worst}, "A combination that is no longer a rule"
    rule = memory.rules.combinations[names[place]]
    limit = ((rule.high if r.side > 0 else rule.low) or (r.worst, r.worst))[r.level - 1]
    inputs = {name: _value(memory, row, BY_NAME[name].index) for name in used(rule.of)}
    shown = {"worst": round(r.worst, 3), "limit": limit, "inputs": inputs, "source": rule.source}
    return shown, f"{rule.title} {'above' if r.side > 0 else 'below'} {limit:g}"


def _apart(memory: Memory, row: int, _: int, r: Reach) -> Said:
    shown = {"hr": _value(memory, row, HR), "pulse": _value(memory, row, PULSE), "ratio": round(r.worst, 2)}
    return shown, "Heart rate and pulse disagree"


_SAID: Mapping[Kind, Teller] = {
    "stuck": _stuck,
    "pace": _pace,
    "trend": _crosses,
    "drift": _departed("drifts from this patient's usual"),
    "shift": _departed("has changed level"),
    "habit": _departed("unlike this patient's usual at this time of day"),
    "combination": _combination,
    "agreement": _apart,
}


def _trend(memory: Memory, row: int, vital: int, minutes: Any) -> dict[str, Any]:
    rule = memory.rules.trend
    found = line(minutes)
    if rule is None or not np.isfinite(found.slope[0]):
        return {}
    crosses = float(crossing(memory, np.array([row]), vital, minutes, rule)[0])
    near = {"limit_in_min": round(abs(crosses), 1)} if abs(crosses) <= rule.horizon_min else {}
    return {"trend": {"per_hour": round(60 * float(found.slope[0]), 2), "agree": round(float(found.agree[0]), 2)} | near}


def _usual(memory: Memory, row: int, vital: int) -> dict[str, Any]:
    rule = memory.rules.habit
    if rule is None:
        return {}
    t = memory.rows.at[[row]]
    middle, sd = (x[0, vital] for x in habit.usual(memory, np.array([row]), t, rule))
    if not np.isfinite(middle) or not np.isfinite(sd):
        return {}
    by = "night" if habit.night(t, rule)[0] else "day"
    c, cell = memory.courses, row * W + vital
    drifted = {"drift": round(float(c.up[cell] if c.up[cell] >= c.down[cell] else -c.down[cell]), 2)} if memory.rules.drift else {}
    return {"usual": {"median": round(float(middle), 2), "deviation": round(float(sd), 2), "by": by} | drifted}


def _shift(memory: Memory, vital: int, minutes: Any) -> dict[str, Any]:
    rule = memory.rules.shift
    least = float(memory.layout.least_sd[vital])
    if rule is None or not np.isfinite(least):
        return {}
    found = shift(minutes, rule.chance, np.array([least]))
    if abs(float(found.z[0])) < rule.least:
        return {}
    return {"shift": {"ago_min": int(found.ago_min[0]), "from": round(float(found.before[0]), 2), "to": round(float(found.after[0]), 2)}}


def _reckoned(memory: Memory, row: int, vital: int) -> dict[str, Any]:
    """The combinations that this vital is in."""
    rules = {n: r for n, r in memory.rules.combinations.items() if VITALS[vital].name in used(r.of)}
    found = {n: float(combined(memory, np.array([row]), memory.rows.at[[row]], rule)[0]) for n, rule in rules.items()}
    known = {n: round(x, 3) for n, x in found.items() if np.isfinite(x)}
    return {"combinations": known} if known else {}


def _other(memory: Memory, row: int, vital: int) -> dict[str, Any]:
    """Whether the other source of a rate agrees, where a minute of both is known."""
    rule = memory.rules.agreement
    if rule is None or vital not in (HR, PULSE):
        return {}
    other = PULSE if vital == HR else HR
    seen = memory.cells.at[row * V + other]
    value = _value(memory, row, other)
    mine = _value(memory, row, vital)
    if value is None or mine is None or memory.rows.at[row] - seen > course.MINUTE_MS:
        return {}
    apart = abs(mine - value) > max(rule.apart, rule.share * max(mine, value))
    return {"other": {"vital": VITALS[other].name, "value": value, "agrees": not apart}}
