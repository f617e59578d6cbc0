"""The forms of a rule set's parts: what a site writes for each detector. `vitals.rules` puts them together and checks them.

In: JSON. Out: frozen values. Whatever is not a known key is a mistake, not a comment. A detector that a rule set does not name is off.
"""

from typing import Annotated

import msgspec

from vitals.combination import Expression
from vitals.finding import Priority

Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Readings = Annotated[int, msgspec.Meta(ge=1, le=12)]
Hour = Annotated[float, msgspec.Meta(ge=0, le=24)]


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whatever is not a known key is a mistake, not a comment."""


class JumpRule(Form, frozen=True, kw_only=True):
    """A reading that is further than `step` from one at most `within_s` older is doubted: no body changes so fast.

    It counts as a poor signal until the new level has lasted `believe_s`. step: vital -> canonical unit.
    """

    step: dict[str, Positive]
    within_s: Seconds
    believe_s: Seconds


class ChartedRule(Form, frozen=True, kw_only=True):
    """In a patient whom nobody monitors: how many readings in a row a mild condition must show before it calls; 1 = each counts.

    limits: a vital beyond its first step. news2: a score of medium. news2_single: one parameter at 3. What is high never waits.
    """

    limits: Readings
    news2: Readings
    news2_single: Readings


class StuckRule(Form, frozen=True, kw_only=True):
    """A reading that has not changed at all for `for_s` (vital -> s) while at least `least_readings` came is stuck: no body is so even.

    `ceiling`: values that a healthy body does show for hours (SpO2 100).
    """

    for_s: dict[str, Seconds]
    least_readings: Annotated[int, msgspec.Meta(ge=2)]
    clear_s: Seconds
    priority: Priority
    ceiling: dict[str, float] = {}


class Pace(Form, frozen=True, kw_only=True):
    """How fast a vital may fall or rise, canonical unit a minute, both positive: the first step and the second."""

    fall: tuple[Positive, Positive] | None = None
    rise: tuple[Positive, Positive] | None = None


class PaceRule(Form, frozen=True, kw_only=True):
    """Rate of change over the last `over_s`, the median of the paces between its minutes."""

    vitals: dict[str, Pace]
    over_s: Annotated[float, msgspec.Meta(ge=120, le=1800)]
    wait_s: Seconds
    clear_s: Seconds
    priority: tuple[Priority, Priority]


class Support(Form, frozen=True, kw_only=True):
    """A detector that supports judgement: shown beside other findings; a finding of its own only for vitals in `priority`."""

    priority: dict[str, Priority]
    wait_s: Seconds
    clear_s: Seconds


class TrendRule(Support, frozen=True, kw_only=True):
    """Theil-Sen slope of the last half hour: the limit is crossed within `horizon_min`. `agree`: least share of pairs that go that way.

    step: vital -> which of its limits' steps, 1 where not named.
    """

    horizon_min: Annotated[float, msgspec.Meta(gt=0, le=240)]
    agree: Annotated[float, msgspec.Meta(ge=0.5, le=1)]
    step: dict[str, Annotated[int, msgspec.Meta(ge=1, le=2)]] = {}


class DriftRule(Support, frozen=True, kw_only=True):
    """CUSUM against the patient's usual value, in its deviations: `slack` is let pass, `reach` is an alarm."""

    slack: Positive
    reach: Positive


class ShiftRule(Support, frozen=True, kw_only=True):
    """A change point within the last half hour: at most `chance` by rank, and at least `least` deviations apart."""

    chance: Annotated[float, msgspec.Meta(gt=0, lt=1)]
    least: Positive


class HabitRule(Support, frozen=True, kw_only=True):
    """Distance from the patient's own median of the day or of the night, in robust deviations (1.4826 MAD), warm after `warm_up_min`.

    least_sd: vitals that have a habit, and their least deviation. The night is in the site's time: UTC and `utc_offset_h`.
    """

    z: Positive
    hysteresis: Annotated[float, msgspec.Meta(ge=0)]
    warm_up_min: Annotated[int, msgspec.Meta(ge=8, le=32)]
    share: Annotated[float, msgspec.Meta(gt=0, le=1)]
    least_sd: dict[str, Positive]
    night_from_h: Hour
    night_to_h: Hour
    utc_offset_h: Annotated[float, msgspec.Meta(ge=-14, le=14)] = 0.0


class AgreementRule(Form, frozen=True, kw_only=True):
    """ECG rate and pulse from the plethysmogram, further apart than `apart` /min or `share` of the rate, whichever is more."""

    apart: Positive
    share: Annotated[float, msgspec.Meta(ge=0, le=1)]
    wait_s: Seconds
    clear_s: Seconds
    priority: Priority


class CombinationRule(Form, frozen=True, kw_only=True):
    """`of`: what is reckoned of several vitals. `low`, `high`: its two steps; no vital older than `fresh_s`.

    Without a `priority` it is shown beside the findings of its vitals, and raises nothing.
    """

    title: str
    source: str
    of: Expression
    low: tuple[float, float] | None = None
    high: tuple[float, float] | None = None
    hysteresis: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    fresh_s: Seconds = 300.0
    wait_s: tuple[Seconds, Seconds]
    clear_s: Seconds
    priority: tuple[Priority, Priority] | None = None


class OutageRule(Form, frozen=True, kw_only=True):
    """Devices that fall silent together: within `within_s`, at least `least` of them and `share` of those that one cause could silence."""

    within_s: Seconds
    least: Annotated[int, msgspec.Meta(ge=2)]
    share: Annotated[float, msgspec.Meta(gt=0, le=1)]
    priority: Priority
