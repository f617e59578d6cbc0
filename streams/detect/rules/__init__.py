"""The rule set of `vitals.rules`, laid out as columns for the detectors.

In: a `RuleSet`, which is valid. Out: `Columns` by channel, and a patient's own bounds. Limits are strict: an excursion is a value below
`low` or above `high`.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from streams.detect.channels import CHANNELS, NEWS2, SINGLE, baseline, limits, signal
from vitals.context import PatientContext
from vitals.finding import Priority
from vitals.registry import BY_NAME, V
from vitals.rules import BaselineRule, Bounds, LimitRule, RuleError, RuleSet, default, parsed

__all__ = [
    "NEVER_MS",
    "BaselineRule",
    "Bounds",
    "Columns",
    "LimitRule",
    "RuleError",
    "RuleSet",
    "bounds",
    "columns",
    "default",
    "expires",
    "parsed",
]

type_f64 = npt.NDArray[np.float64]
type_i64 = npt.NDArray[np.int64]

NEVER_MS = 1 << 60


class Columns(msgspec.Struct, frozen=True):
    """The rule set by channel, (CHANNELS,): waits in ms (NEVER_MS where there is no such step), hysteresis, bounds where fixed."""

    wait1: type_i64
    wait2: type_i64
    clear: type_i64
    hysteresis: type_f64
    low1: type_f64
    high1: type_f64
    high2: type_f64
    priority: tuple[tuple[Priority, Priority], ...]
    variance: type_f64
    watched: npt.NDArray[np.bool_]


def columns(rules: RuleSet) -> Columns:
    """`rules` laid out by channel."""
    never = np.full(CHANNELS, NEVER_MS, dtype=np.int64)
    c = Columns(
        never.copy(), never.copy(), never.copy(), np.zeros(CHANNELS),
        np.full(CHANNELS, -np.inf), np.full(CHANNELS, np.inf), np.full(CHANNELS, np.inf),
        tuple(_priorities(rules)), np.ones(V), np.zeros(V, dtype=np.bool_),
    )  # fmt: skip
    for name, rule in rules.limits.items():
        _lay(c, limits(BY_NAME[name].index), rule.wait_s, rule.clear_s, rule.hysteresis)
    for i in range(V):
        _lay(c, baseline(i), (rules.baseline.wait_s,), rules.baseline.clear_s, rules.baseline.hysteresis, (rules.baseline.z,))
        c.low1[baseline(i)] = -rules.baseline.z
        _lay(c, signal(i), (rules.signal.wait_s,), rules.signal.clear_s, 0.0, (0.5,))
    news = rules.news2
    _lay(c, NEWS2, news.wait_s, news.clear_s, news.hysteresis, (news.medium - 0.5, news.high - 0.5))
    _lay(c, SINGLE, (rules.news2_single.wait_s,), rules.news2_single.clear_s, 0.0, (0.5,))
    for name, sd in rules.baseline.least_sd.items():
        c.variance[BY_NAME[name].index], c.watched[BY_NAME[name].index] = sd * sd, True
    return c


def _lay(c: Columns, channel: int, waits: Sequence[float], clear_s: float, hysteresis: float, highs: Sequence[float] = ()) -> None:
    for column, wait in zip((c.wait1, c.wait2), waits, strict=False):
        column[channel] = round(wait * 1000)
    for bound, high in zip((c.high1, c.high2), highs, strict=False):
        bound[channel] = high
    c.clear[channel], c.hysteresis[channel] = round(clear_s * 1000), hysteresis


def _priorities(rules: RuleSet) -> list[tuple[Priority, Priority]]:
    low: tuple[Priority, Priority] = ("low", "low")
    found: list[tuple[Priority, Priority]] = [low] * CHANNELS
    for name, rule in rules.limits.items():
        found[limits(BY_NAME[name].index)] = rule.priority
    for i in range(V):
        found[baseline(i)] = (rules.baseline.priority, rules.baseline.priority)
        found[signal(i)] = (rules.signal.priority, rules.signal.priority)
    found[NEWS2], found[SINGLE] = rules.news2.priority, (rules.news2_single.priority, rules.news2_single.priority)
    return found


def bounds(rules: RuleSet, patient: PatientContext | None, now_ms: int) -> type_f64:
    """(4, V): low1, low2, high1, high2 of a patient at `now_ms`: the site's, its group's, its own until they expire."""
    table = np.array([[-np.inf] * V, [-np.inf] * V, [np.inf] * V, [np.inf] * V])
    layers: list[Mapping[str, LimitRule | Bounds]] = [rules.limits]
    if patient is not None:
        layers.append(rules.groups.get(patient.age_band, {}))
        layers.append(rules.groups.get("spo2_scale_2", {}) if patient.spo2_scale == 2 else {})
    for layer in layers:
        for name, rule in layer.items():
            i = BY_NAME[name].index
            table[0:2, i] = table[0:2, i] if rule.low is None else rule.low
            table[2:4, i] = table[2:4, i] if rule.high is None else rule.high
    for name, own in (patient.limits if patient else {}).items():
        if name in BY_NAME and (own.expires_at is None or own.expires_at > now_ms):
            _own(table[:, BY_NAME[name].index], own.low, own.high)
    return table


def _own(column: type_f64, low: float | None, high: float | None) -> None:
    """A patient's own limit is the first step; the second keeps its distance from it, and is never milder than the site's.

    Whoever set the limit wider has judged this patient's usual values; beyond it is worse than usual, not yet the worst.
    """
    if low is not None:
        column[0], column[1] = low, min(column[1], low - _apart(column[0], column[1]))
    if high is not None:
        column[2], column[3] = high, max(column[3], high + _apart(column[3], column[2]))


def _apart(more: float, less: float) -> float:
    return more - less if np.isfinite(more) and np.isfinite(less) else 0.0


def expires(patient: PatientContext, now_ms: int) -> int:
    """When the next of a patient's own limits reverts, ms; NEVER_MS when none does."""
    return min((o.expires_at for o in patient.limits.values() if o.expires_at is not None and o.expires_at > now_ms), default=NEVER_MS)
