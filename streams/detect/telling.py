"""The words and the evidence of a finding: what a person needs to see why.

In: the cell of a timer and how it stands. Out: a Finding, its evidence plain JSON. Nothing is decided here.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from streams.detect import charted, early_warning, reasons
from streams.detect.channels import CHANNELS, RULES, STUCK, TECHNICAL, alert_class
from streams.detect.memory import Backlog, Memory, whose
from streams.detect.rules import NEVER_MS
from streams.detect.timers import Timers
from vitals.finding import Finding, Phase, finding_id
from vitals.registry import VITALS, V

_LINES = {"sbp": "Blood pressure", "spo2": "Pulse oximeter"}
"""A signal's condition is the line's, not the vital's."""

_SIDELESS = TECHNICAL | {"news2-single"}
"""One parameter at 3 may be either, and what is about the measuring is neither."""
MOVING = 1.25
"""A signal's value where it is poor with other sensors at once; 1 = poor by itself, 2 = no value."""
Moment = tuple[Phase, int, int]
"""Phase, observed ms of the reading that led to it, when that came in."""


def tell(memory: Memory, cell: int, c: Timers, k: int, moment: Moment, now_ms: int) -> Finding:
    """The record of a change of the condition of `cell`, as it stands in row k of `c`."""
    row, channel = divmod(cell, CHANNELS)
    phase, at, received_at = moment
    patient, level = whose(memory.patients[row]), max(1, int(c.fired[k]))
    since, worst = int(c.since[k]), float(c.worst[k])
    evidence, title = _evidence(memory, row, channel, Reach(worst, level, 1 if c.side[k] > 0 else -1, at))
    return Finding(
        id=finding_id(named(memory, row, channel), RULES[channel], memory.layout.subject[channel], since),
        phase=phase,
        patient=patient,
        ward=memory.ward(patient),
        rule=RULES[channel],
        rule_version=memory.rules.version,
        alert_class=alert_class(channel),
        priority=memory.layout.priority[channel][level - 1],
        title=title,
        started_at=since,
        at=at,
        received_at=received_at,
        detected_at=now_ms,
        subject=memory.layout.subject[channel],
        ended_at=int(c.returned[k]) or at if phase == "end" else None,
        evidence=evidence,
    )


def named(memory: Memory, row: int, channel: int) -> str:
    """Whose the condition is: a patient's, one device's, or, of limits in a joint memory, that of several devices together."""
    name = memory.patients[row]
    return f"{name}\0" if memory.first and channel < V else name


def tell_summary(memory: Memory, cell: int, b: Backlog, now_ms: int) -> Finding:
    """One retrospective finding: it began and was over before it could be known."""
    row, channel = divmod(cell, CHANNELS)
    patient = whose(memory.patients[row])
    high = b.worst > 0 if RULES[channel] != "limits" else b.worst > memory.settings.high1[row * V + channel % V]
    evidence, title = _evidence(memory, row, channel, Reach(b.worst, b.level, 1 if high else -1, b.ended_at))
    return Finding(
        id=finding_id(named(memory, row, channel), RULES[channel], memory.layout.subject[channel], b.started_at),
        phase="start",
        patient=patient,
        ward=memory.ward(patient),
        rule=RULES[channel],
        rule_version=memory.rules.version,
        alert_class=alert_class(channel),
        priority=memory.layout.priority[channel][b.level - 1],
        title=f"{title}, missed while offline",
        started_at=b.started_at,
        at=b.ended_at,
        received_at=int(memory.rows.received_at[row]),
        detected_at=now_ms,
        subject=memory.layout.subject[channel],
        ended_at=b.ended_at,
        retrospective=True,
        evidence=({"worst": b.worst} | _side(channel, 1) if RULES[channel].startswith("news2") else evidence) | {"times": b.times},
    )


@dataclass(frozen=True, slots=True)
class Reach:
    """How far it went: the worst value, the step, the side, the time of the reading."""

    worst: float
    level: int
    side: Literal[-1, 1]
    at: int


def _evidence(memory: Memory, row: int, channel: int, r: Reach) -> tuple[dict[str, Any], str]:
    """Plain JSON and a title."""
    shown, title = _shown(memory, row, channel, r)
    return shown | _side(channel, r.side), title


def _side(channel: int, side: int) -> dict[str, str]:
    """Whether it is about too much or too little: a value inside its limits may be on its way out of either."""
    return {"side": "high" if side > 0 else "low"} if RULES[channel] not in _SIDELESS else {}


def _shown(memory: Memory, row: int, channel: int, r: Reach) -> tuple[dict[str, Any], str]:
    kind, vital = RULES[channel], VITALS[channel % V]
    if kind == "news2":
        least = memory.rules.news2.high if r.level == 2 else memory.rules.news2.medium
        return {"worst": r.worst} | _in_a_row(memory, row, channel, r) | _every(memory, row, -1) | early_warning.evidence(
            memory, row, r.at
        ), f"NEWS2 of {least} or more"
    if kind == "news2-single":
        more = _in_a_row(memory, row, channel, r) | _every(memory, row, -1)
        return more | early_warning.evidence(memory, row, r.at), "One NEWS2 parameter at 3"
    wait = memory.layout.wait2[channel] if r.level == 2 else memory.layout.wait1[channel]
    waited: dict[str, Any] = {"step": r.level, "waited_s": 0 if wait >= NEVER_MS else int(wait) / 1000} | _in_a_row(memory, row, channel, r)
    if channel >= STUCK:
        shown, title = reasons.said(memory, row, channel, r)
        return waited | shown | (_every(memory, row, -1) if kind == "combination" else {}), title
    if kind == "signal":
        poor, moving = r.worst < 2, r.worst == MOVING
        name = _LINES.get(vital.name, vital.display)
        instead = reasons.not_believed(memory, row, vital.index) if poor else {}
        words = "poor signal, probably movement" if moving else "poor signal" if poor else "no value"
        return waited | {"poor_quality": poor} | ({"movement": True} if moving else {}) | instead, f"{name}: {words}"
    if kind == "baseline":
        mean = float(memory.cells.mean[row * V + vital.index])
        z = {"z": round(r.worst, 2), "mean": round(mean, 2), "value": _number(memory.cells.value[row * V + vital.index])}
        return waited | z | reasons.support(memory, row, vital.index), f"{vital.display} unlike this patient's own"
    limit = _limit(memory, row * V + vital.index, r)
    shown = {"value": _number(memory.cells.value[row * V + vital.index]), "worst": r.worst, "limit": limit, "unit": vital.unit}
    more = _every(memory, row, vital.index) | _beside(memory, row, vital.index)
    return waited | shown | more, f"{vital.display} {'above' if r.side > 0 else 'below'} {limit:g} {vital.printed}"


def _in_a_row(memory: Memory, row: int, channel: int, r: Reach) -> dict[str, int]:
    """How many readings in a row had to show it, where they are charted by hand."""
    times = charted.in_a_row(memory, row, channel) if r.level == 1 else 1
    return {"in_a_row": times} if times > 1 else {}


def _every(memory: Memory, row: int, vital: int) -> dict[str, float | None]:
    """How often the patient is looked at, s: alerts are grouped by it. The fastest of a score's inputs, for who has none the vital itself.

    None where it is not known yet.
    """
    fastest = float(early_warning.paces(memory, np.array([row]))[0])
    gap = fastest if fastest > 0 or vital < 0 else float(memory.cells.gap[row * V + vital])
    return {"every_s": round(gap / 1000, 1) if gap > 0 else None}


def _beside(memory: Memory, row: int, vital: int) -> dict[str, Any]:
    """What all the patient's devices together show of the vital; and, where they are several, which of them it was."""
    if memory.whole is None:
        return reasons.support(memory, row, vital)
    return {"device": memory.names[row]} | reasons.support(memory.whole, int(memory.settings.whole[row]), vital)


def _limit(memory: Memory, cell: int, r: Reach) -> float:
    s = memory.settings
    first, second = (s.high1, s.high2) if r.side > 0 else (s.low1, s.low2)
    return float((second if r.level == 2 else first)[cell])


def _number(x: Any) -> float | None:
    return None if np.isnan(x) else float(x)
