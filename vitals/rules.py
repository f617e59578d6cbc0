"""The rule set as a value: read from JSON and checked. What detection runs, and what the API takes.

In: JSON text of the form of `rules.json`. Out: a frozen `RuleSet`. Promise: a rule set that exists is valid; what is wrong is
refused whole with the place named (`RuleError`). Limits are strict: an excursion is a value below `low` or above `high`.
"""

from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Annotated, Literal

import msgspec

from vitals.combination import mistakes
from vitals.errors import Theirs
from vitals.finding import Priority
from vitals.registry import BY_NAME
from vitals.rule_forms import (
    AgreementRule,
    ChartedRule,
    CombinationRule,
    DriftRule,
    Form,
    HabitRule,
    JumpRule,
    OutageRule,
    PaceRule,
    Seconds,
    ShiftRule,
    StuckRule,
    TrendRule,
)

MOST_COMBINATIONS = 8
"""Each has a timer for each patient, so their number is fixed."""
COURSES = tuple(v.name for v in list(BY_NAME.values())[:10])
"""The vitals that change by themselves, so that a minute, a trend or a habit says something: the first of the registry."""


class RuleError(Theirs):
    """A rule set that cannot be used; the message names the place and, where it is known, the line."""


class LimitRule(Form, frozen=True, kw_only=True):
    """Limits of one vital, canonical unit: the first step and the second, which is worse and waited for less long."""

    low: tuple[float, float] | None = None
    high: tuple[float, float] | None = None
    hysteresis: Annotated[float, msgspec.Meta(ge=0)]
    wait_s: tuple[Seconds, Seconds]
    clear_s: Seconds
    priority: tuple[Priority, Priority]


class Bounds(Form, frozen=True, kw_only=True):
    """A group's own limits for one vital; what is left out stays as it is."""

    low: tuple[float, float] | None = None
    high: tuple[float, float] | None = None


class ScoreRule(Form, frozen=True, kw_only=True):
    """NEWS2's lower end reaching `medium` and `high`."""

    medium: int
    high: int
    hysteresis: Annotated[float, msgspec.Meta(ge=0)]
    wait_s: tuple[Seconds, Seconds]
    clear_s: Seconds
    priority: tuple[Priority, Priority]


class PlainRule(Form, frozen=True, kw_only=True):
    """A condition that is there or not."""

    wait_s: Seconds
    clear_s: Seconds
    priority: Priority


class BaselineRule(PlainRule, frozen=True, kw_only=True):
    """Distance from the patient's own EWMA in standard deviations. `least_sd`: vitals watched, and their least deviation."""

    z: Annotated[float, msgspec.Meta(gt=0)]
    hysteresis: Annotated[float, msgspec.Meta(ge=0)]
    half_life_s: Annotated[float, msgspec.Meta(gt=0)]
    warm_up: Annotated[int, msgspec.Meta(ge=2)]
    least_sd: dict[str, Annotated[float, msgspec.Meta(gt=0)]]


class SilenceRule(Form, frozen=True, kw_only=True):
    """No data for `factor` learned pauses, at least `least_s`; devices slower than `slowest_s` are spot checks: never silent."""

    factor: Annotated[float, msgspec.Meta(ge=1)]
    least_s: Seconds
    slowest_s: Seconds
    offline_s: Seconds
    battery: Annotated[float, msgspec.Meta(ge=0, le=1)]
    warm_up: int
    priority: Priority


class RuleSet(Form, frozen=True, kw_only=True):
    """All rules of a site at one version."""

    version: Annotated[int, msgspec.Meta(ge=1)]
    source: str
    late_s: Seconds
    settle_s: Seconds
    poor_quality: Annotated[float, msgspec.Meta(ge=0, le=1)]
    limits: dict[str, LimitRule]
    groups: dict[Literal["0-3m", "3-12m", "1-4y", "4-12y", "12-16y", "adult", "spo2_scale_2"], dict[str, Bounds]]
    news2: ScoreRule
    news2_single: PlainRule
    baseline: BaselineRule
    signal: PlainRule
    silence: SilenceRule
    charted: ChartedRule | None = None
    jump: JumpRule | None = None
    stuck: StuckRule | None = None
    pace: PaceRule | None = None
    trend: TrendRule | None = None
    drift: DriftRule | None = None
    shift: ShiftRule | None = None
    habit: HabitRule | None = None
    agreement: AgreementRule | None = None
    outage: OutageRule | None = None
    combinations: dict[str, CombinationRule] = msgspec.field(default_factory=dict)


def parsed(text: bytes) -> RuleSet:
    """The rule set in `text`. Raises RuleError naming the key and its line."""
    try:
        rules = msgspec.json.decode(text, type=RuleSet)
    except msgspec.ValidationError as error:
        raise RuleError(_with_line(text, str(error))) from error
    except msgspec.DecodeError as error:
        raise RuleError(f"not JSON: {error}") from error
    wrong = [f"{place}: {what}" for place, what in _mistakes(rules)]
    if wrong:
        raise RuleError("; ".join(_with_line(text, w) for w in wrong))
    return rules


def default() -> RuleSet:
    """The rules that ship with Vigil."""
    return parsed(resources.files(__package__).joinpath("rules.json").read_bytes())


def _mistakes(rules: RuleSet) -> Sequence[tuple[str, str]]:
    named = {f"limits.{n}": r for n, r in rules.limits.items()}
    grouped = {f"groups.{g}.{n}": b for g, vitals in rules.groups.items() for n, b in vitals.items()}
    found = [(place, "no such vital") for place in (*named, *grouped) if place.rsplit(".", 1)[1] not in BY_NAME]
    found += [(f"baseline.least_sd.{n}", "no such vital") for n in rules.baseline.least_sd if n not in BY_NAME]
    both: dict[str, LimitRule | Bounds] = {**named, **grouped}
    found += [(f"{p}.low", "the second step must not be above the first") for p, r in both.items() if r.low and r.low[1] > r.low[0]]
    found += [(f"{p}.high", "the second step must not be below the first") for p, r in both.items() if r.high and r.high[1] < r.high[0]]
    found += [(p, "low must be below high") for p, r in both.items() if r.low and r.high and r.low[0] >= r.high[0]]
    found += [(f"{p}.wait_s", "the second step must not wait longer") for p, r in named.items() if r.wait_s[1] > r.wait_s[0]]
    if rules.news2.high <= rules.news2.medium:
        found.append(("news2.high", "must be above medium"))
    return [*found, *_of_courses(rules), *_of_combinations(rules)]


def _of_courses(rules: RuleSet) -> Iterator[tuple[str, str]]:
    """Vitals named in the detectors of courses: they must have one."""
    named = {
        "jump.step": rules.jump and rules.jump.step,
        "stuck.for_s": rules.stuck and rules.stuck.for_s,
        "stuck.ceiling": rules.stuck and rules.stuck.ceiling,
        "pace.vitals": rules.pace and rules.pace.vitals,
        "trend.priority": rules.trend and rules.trend.priority,
        "trend.step": rules.trend and rules.trend.step,
        "drift.priority": rules.drift and rules.drift.priority,
        "shift.priority": rules.shift and rules.shift.priority,
        "habit.priority": rules.habit and rules.habit.priority,
        "habit.least_sd": rules.habit and rules.habit.least_sd,
    }
    yield from ((f"{place}.{name}", "no such vital") for place, table in named.items() for name in table or () if name not in COURSES)
    paces = {} if rules.pace is None else rules.pace.vitals
    for name, pace in paces.items():
        steps = {"fall": pace.fall, "rise": pace.rise}
        yield from ((f"pace.vitals.{name}.{k}", "the second step must not be milder") for k, v in steps.items() if v and v[1] < v[0])
    for place in ("drift", "habit"):
        support = rules.drift if place == "drift" else rules.habit
        usual = {} if rules.habit is None else rules.habit.least_sd
        yield from (
            (f"{place}.priority.{n}", "it has no habit to differ from") for n in (support.priority if support else ()) if n not in usual
        )


def _of_combinations(rules: RuleSet) -> Iterator[tuple[str, str]]:
    if len(rules.combinations) > MOST_COMBINATIONS:
        yield "combinations", f"at most {MOST_COMBINATIONS}"
    for name, rule in rules.combinations.items():
        place = f"combinations.{name}"
        yield from ((f"{place}.of.{part}".rstrip("."), what) for part, what in mistakes(rule.of))
        if rule.low is None and rule.high is None:
            yield place, "low or high"
        if rule.low and rule.low[1] > rule.low[0]:
            yield f"{place}.low", "the second step must not be above the first"
        if rule.high and rule.high[1] < rule.high[0]:
            yield f"{place}.high", "the second step must not be below the first"
        if rule.low and rule.high and rule.low[0] >= rule.high[0]:
            yield place, "low must be below high"
        if rule.wait_s[1] > rule.wait_s[0]:
            yield f"{place}.wait_s", "the second step must not wait longer"


def _with_line(text: bytes, message: str) -> str:
    """`message` with the line of the key that it names ("$.limits.hr.low" or "limits.hr.low: ...")."""
    place = message.rsplit("`", 2)[1].removeprefix("$.") if "`$" in message else message.split(":", maxsplit=1)[0]
    at = 0
    for key in place.split("."):
        name = key.split("[")[0]
        found = text.find(f'"{name}"'.encode(), at)
        at = found if found >= 0 else at
    return f"line {text.count(bytes([10]), 0, at) + 1}: {message}"
