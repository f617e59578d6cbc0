"""A slow departure from what is usual: two cumulative sums, up and down, of what is beyond the slack.

In: the newest value's distance from the usual in deviations, the sums so far. Out: the sums with it. A single value adds at most `MOST`,
so that an artefact is no drift; a sum stops at twice the reach, so that a return is seen as soon.
Source: Page 1954 (CUSUM; slack 0.5 and reach 4 to 8 deviations find a shift of one deviation).
"""

import numpy as np
import numpy.typing as npt

from vitals.rule_forms import DriftRule

type_f = npt.NDArray[np.floating]

MOST = 4.0


def summed(up: type_f, down: type_f, z: type_f, rule: DriftRule) -> tuple[type_f, type_f]:
    """The sums with `z`; NaN changes nothing."""
    step = np.clip(np.where(z == z, z, 0.0), -MOST, MOST)
    known, most = z == z, 2 * rule.reach
    higher, lower = np.clip(up + step - rule.slack, 0, most), np.clip(down - step - rule.slack, 0, most)
    return np.where(known, higher, up), np.where(known, lower, down)


def signed(up: type_f, down: type_f) -> type_f:
    """The larger of the two, negative when it is the one down."""
    return np.where(up >= down, up, -down)
