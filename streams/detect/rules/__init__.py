"""The rule set as a value: read from JSON, checked, and laid out as columns for the detectors.

In: JSON text of the form of `default.json`. Out: a frozen `RuleSet`. Promise: a rule set that exists is valid; what is wrong is
refused whole with the place named (`RuleError`). Limits are strict: an excursion is a value below `low` or above `high`.
"""

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Annotated, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from streams.detect.channels import CHANNELS, NEWS2, SINGLE, baseline, limits, signal
from vitals.context import PatientContext
from vitals.errors import Theirs
from vitals.finding import Priority
from vitals.registry import BY_NAME, V

type_f64 = npt.NDArray[np.float64]
type_i64 = npt.NDArray[np.int64]

Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
NEVER_MS = 1 << 60


class RuleError(Theirs):
    """A rule set that cannot be used; the message names the place and, where it is known, the line."""


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whatever is not a known key is a mistake, not a comment."""


class LimitRule(_Form, frozen=True, kw_only=True):
    """Limits of one vital, canonical unit: the first step and the second, which is worse and waited for less long."""

    low: tuple[float, float] | None = None
    high: tuple[float, float] | None = None
    hysteresis: Annotated[float, msgspec.Meta(ge=0)]
    wait_s: tuple[Seconds, Seconds]
    clear_s: Seconds
    priority: tuple[Priority, Priority]


class Bounds(_Form, frozen=True, kw_only=True):
    """A group's own limits for one vital; what is left out stays as it is."""

    low: tuple[float, float] | None = None
    high: tuple[float, float] | None = None


class ScoreRule(_Form, frozen=True, kw_only=True):
    """NEWS2's lower end reaching `medium` and `high`."""

    medium: int
    high: int
    hysteresis: Annotated[float, msgspec.Meta(ge=0)]
    wait_s: tuple[Seconds, Seconds]
    clear_s: Seconds
    priority: tuple[Priority, Priority]


class PlainRule(_Form, frozen=True, kw_only=True):
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


class SilenceRule(_Form, frozen=True, kw_only=True):
    """No data for `factor` learned pauses, at least `least_s`; devices slower than `slowest_s` are spot checks: never silent."""

    factor: Annotated[float, msgspec.Meta(ge=1)]
    least_s: Seconds
    slowest_s: Seconds
    offline_s: Seconds
    battery: Annotated[float, msgspec.Meta(ge=0, le=1)]
    warm_up: int
    priority: Priority


class RuleSet(_Form, frozen=True, kw_only=True):
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
    return parsed(resources.files(__package__).joinpath("default.json").read_bytes())


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
    return found


def _with_line(text: bytes, message: str) -> str:
    """`message` with the line of the key that it names ("$.limits.hr.low" or "limits.hr.low: ...")."""
    place = message.split("`")[1].removeprefix("$.") if "`$" in message else message.split(":", maxsplit=1)[0]
    at = 0
    for key in place.split("."):
        name = key.split("[")[0]
        found = text.find(f'"{name}"'.encode(), at)
        at = found if found >= 0 else at
    return f"line {text.count(bytes([10]), 0, at) + 1}: {message}"


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
    """A patient's own limit is the first step; the second is never milder than it."""
    if low is not None:
        column[0], column[1] = low, min(column[1], low)
    if high is not None:
        column[2], column[3] = high, max(column[3], high)


def expires(patient: PatientContext, now_ms: int) -> int:
    """When the next of a patient's own limits reverts, ms; NEVER_MS when none does."""
    return min((o.expires_at for o in patient.limits.values() if o.expires_at is not None and o.expires_at > now_ms), default=NEVER_MS)
