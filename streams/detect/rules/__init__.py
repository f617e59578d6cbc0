"""The rule set of `vitals.rules`, laid out as columns for the detectors.

In: a `RuleSet`, which is valid. Out: `Columns` by channel, and a patient's own bounds. Limits are strict: an excursion is a value below
`low` or above `high`.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from streams.detect.channels import (
    AGREEMENT,
    CHANNELS,
    COMBINATION,
    DRIFT,
    HABIT,
    NEWS2,
    PACE,
    SHIFT,
    SINGLE,
    STUCK,
    SUBJECTS,
    TREND,
    W,
    baseline,
    limits,
    signal,
)
from vitals.context import PatientContext
from vitals.finding import Priority
from vitals.registry import BY_NAME, V
from vitals.rule_forms import PaceRule, Support
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
CHARTED = ("hr", "pulse", "spo2", "rr", "temp", "sbp", "dbp", "map")
"""What people chart at a bedside; a glucose sensor that speaks every five minutes is no person."""
COURSE_MS, COMBINATION_MS = 900_000, 3_600_000
"""How long a look at a course, or a combination of vitals, stands without the next."""


class Columns(msgspec.Struct, frozen=True):
    """The rule set by channel, (CHANNELS,): waits in ms (NEVER_MS where there is no such step), hysteresis, bounds where fixed.

    hold, alone: ms that a value stands, and must stand to count alone, where not learned (hold 0). jump: (V,) the step that is doubted.
    charted: readings in a row that a mild condition must show where nobody monitors the patient.
    subject: of a finding, by channel. stuck: (W,) ms, (W,) ceiling. least_sd: (W,) of a habit.
    """

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
    low2: type_f64
    hold: type_i64
    alone: type_i64
    jump: type_f64
    subject: tuple[str, ...]
    stuck: tuple[type_f64, type_f64]
    least_sd: type_f64
    charted: type_i64


def columns(rules: RuleSet) -> Columns:
    """`rules` laid out by channel."""
    never = np.full(CHANNELS, NEVER_MS, dtype=np.int64)
    c = Columns(
        never.copy(), never.copy(), never.copy(), np.zeros(CHANNELS),
        np.full(CHANNELS, -np.inf), np.full(CHANNELS, np.inf), np.full(CHANNELS, np.inf),
        tuple(_priorities(rules)), np.ones(V), np.zeros(V, dtype=np.bool_),
        np.full(CHANNELS, -np.inf), np.zeros(CHANNELS, dtype=np.int64), np.zeros(CHANNELS, dtype=np.int64), np.full(V, np.inf),
        _subjects(rules),
        (_by_course({k: v * 1000 for k, v in rules.stuck.for_s.items()} if rules.stuck else {}),
         _by_course(rules.stuck.ceiling if rules.stuck else {})),
        _by_course(rules.habit.least_sd if rules.habit else {}), np.ones(CHANNELS, dtype=np.int64),
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
    if rules.charted:
        c.charted[[limits(BY_NAME[name].index) for name in CHARTED]] = rules.charted.limits
        c.charted[[NEWS2, SINGLE]] = rules.charted.news2, rules.charted.news2_single
    for name, sd in rules.baseline.least_sd.items():
        c.variance[BY_NAME[name].index], c.watched[BY_NAME[name].index] = sd * sd, True
    for name, most in (rules.jump.step if rules.jump else {}).items():
        c.jump[BY_NAME[name].index] = most
    _course(c, rules)
    _combinations(c, rules)
    return c


def _course(c: Columns, rules: RuleSet) -> None:
    """The channels of courses. A look that the next one contradicts counts for nothing, and none counts longer than `COURSE_MS`."""
    c.hold[STUCK:], c.alone[STUCK:] = COURSE_MS, NEVER_MS
    for i in range(W if rules.stuck else 0):
        _lay(c, STUCK + i, (0,), rules.stuck.clear_s if rules.stuck else 0, 0.0, (0.5,))
    for first, support, hysteresis, reach in _supports(rules):
        _support(c, first, support, hysteresis, reach)
    if rules.pace:
        _paces(c, rules.pace)
    if rules.agreement:
        _lay(c, AGREEMENT, (rules.agreement.wait_s,), rules.agreement.clear_s, 0.2, (1.0,))


def _paces(c: Columns, rule: PaceRule) -> None:
    for name, pace in rule.vitals.items():
        channel = PACE + BY_NAME[name].index
        _lay(c, channel, (rule.wait_s, rule.wait_s), rule.clear_s, 0.0, pace.rise or ())
        for column, fall in zip((c.low1, c.low2), pace.fall or (), strict=False):
            column[channel] = -fall


def _supports(rules: RuleSet) -> Iterator[tuple[int, Support, float, float]]:
    """First channel, rule, hysteresis and reach of the detectors that support, where the site has them."""
    if rules.trend:
        yield TREND, rules.trend, 0.3, 1.0
    if rules.drift:
        yield DRIFT, rules.drift, rules.drift.reach / 2, rules.drift.reach
    if rules.shift:
        yield SHIFT, rules.shift, 0.0, rules.shift.least
    if rules.habit:
        yield HABIT, rules.habit, rules.habit.hysteresis, rules.habit.z


def _support(c: Columns, first: int, rule: Support, hysteresis: float, reach: float) -> None:
    """On both sides, for the vitals with a priority only: the others never go beyond."""
    for name in rule.priority:
        channel = first + BY_NAME[name].index
        _lay(c, channel, (rule.wait_s,), rule.clear_s, hysteresis, (reach,))
        c.low1[channel] = -reach


def _combinations(c: Columns, rules: RuleSet) -> None:
    c.hold[COMBINATION:AGREEMENT] = COMBINATION_MS
    for channel, rule in enumerate(rules.combinations.values(), start=COMBINATION):
        told = rule.priority is not None
        _lay(c, channel, rule.wait_s, rule.clear_s, rule.hysteresis, (rule.high if told else None) or ())
        for column, low in zip((c.low1, c.low2), (rule.low if told else None) or (), strict=False):
            column[channel] = low


def _by_course(table: Mapping[str, float]) -> type_f64:
    """(W,) infinite where nothing is said."""
    column = np.full(W, np.inf)
    for name, x in table.items():
        column[BY_NAME[name].index] = x
    return column


def _subjects(rules: RuleSet) -> tuple[str, ...]:
    names = tuple(rules.combinations)
    return (*SUBJECTS[:COMBINATION], *names, *SUBJECTS[COMBINATION + len(names) :])


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
    _course_priorities(found, rules)
    found[NEWS2], found[SINGLE] = rules.news2.priority, (rules.news2_single.priority, rules.news2_single.priority)
    return found


def _course_priorities(found: list[tuple[Priority, Priority]], rules: RuleSet) -> None:
    for first, support, _, _ in _supports(rules):
        for name, priority in support.priority.items():
            found[first + BY_NAME[name].index] = (priority, priority)
    for channel, combined in enumerate(rules.combinations.values(), start=COMBINATION):
        found[channel] = combined.priority or found[channel]
    if rules.pace:
        found[PACE : PACE + W] = [rules.pace.priority] * W
    if rules.stuck:
        found[STUCK : STUCK + W] = [(rules.stuck.priority, rules.stuck.priority)] * W
    if rules.agreement:
        found[AGREEMENT] = (rules.agreement.priority, rules.agreement.priority)


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
