"""A change point: the course of the last half hour is two, before and after a moment.

In: medians of minutes, NaN where nothing was read. Out: how far apart the two are, in deviations, and when it was; 0 where rank says that
chance would do. Source: Pettitt 1979 (the rank test for a change point, and its approximate probability).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streams.detect.course import median

type_f = npt.NDArray[np.floating]
type_i64 = npt.NDArray[np.int64]

LEAST_POINTS, ROBUST = 16, 1.4826


@dataclass(frozen=True, slots=True, eq=False)
class Shift:
    """(q,) each. z: signed deviations between the medians before and after, 0 = none. ago_min: minutes since. before, after: medians."""

    z: type_f
    ago_min: type_i64
    before: type_f
    after: type_f


def shift(y: type_f, chance: float, least_sd: type_f) -> Shift:
    """Of courses (q, minutes), the newest last; least_sd (q,): the least deviation of each."""
    known = y == y
    n = known.sum(axis=1)
    ranks = np.sign(np.nan_to_num(y[:, :, None] - y[:, None, :])).sum(axis=2)
    u = np.abs(np.cumsum(ranks, axis=1))[:, :-1]
    split = u.argmax(axis=1)
    n3 = np.maximum(n.astype(np.float64) ** 3 + n.astype(np.float64) ** 2, 1)
    p = 2 * np.exp(-6 * u.max(axis=1) ** 2 / n3)
    early = np.arange(y.shape[1]) <= split[:, None]
    before, after = median(np.where(early, y, np.nan)), median(np.where(early, np.nan, y))
    spread = ROBUST * median(np.abs(y - np.where(early, before[:, None], after[:, None])))
    z = (after - before) / np.maximum(spread, least_sd)
    there = (n >= LEAST_POINTS) & (p <= chance) & (z == z)
    return Shift(np.where(there, z, 0.0), y.shape[1] - 1 - split, before, after)
