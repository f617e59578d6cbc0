"""A device new to a patient, as it is looked at: what was known of the patient before it, and what it has said since.

In: its live readings, one sample at a time, in the order in which they are folded. Out: whether they are of another body. The numbers are
this project's own choice (unchecked).
"""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from vitals.registry import index

type_f64 = npt.NDArray[np.float64]
type_bool = npt.NDArray[np.bool_]

READINGS, PATIENCE_MS = 10, 900_000
"""How many readings of a vital make its median, and how long a newcomer is looked at."""
DEVIATIONS, WEIGHT_SHARE = 4.0, 0.1
FAR = {"hr": 20.0, "rr": 6.0, "spo2": 5.0, "temp": 0.8, "sbp": 25.0, "map": 20.0}
"""The least distance from the mean that counts, in canonical units: a steady patient's deviation alone would ask too often."""
LOOKED_AT = np.array([index(name) for name in FAR])
_FAR = np.array(list(FAR.values()))


class Newcomer(msgspec.Struct, array_like=True):
    """mean, sd: (6,) of the patient before, NaN = not known; none before its first sample. since: ms of its first live sample.

    heard: its first READINGS live readings of each. weighed: it has said a weight. asked: ms of the reading by which it was asked about.
    """

    mean: list[float] = []
    sd: list[float] = []
    since: int = 0
    heard: list[list[float]] = msgspec.field(default_factory=lambda: [[] for _ in FAR])
    weighed: bool = False
    asked: int = 0

    def hear(self, t: int, values: type_f64) -> None:
        """A live sample; values: (6,), NaN = not in it."""
        self.since = self.since or t
        for heard, x in zip(self.heard, values.tolist(), strict=True):
            if x == x and len(heard) < READINGS:
                heard.append(x)

    def over(self, t: int) -> bool:
        """Whether nothing more can come of looking at it."""
        return 0 < self.since < t - PATIENCE_MS or all(len(heard) >= READINGS for heard in self.heard)

    def unlike(self) -> dict[str, object]:
        """What was usual and what it says, of the vitals that are far from what they were."""
        far = strange(np.array(self.mean), np.array(self.sd), self.heard)
        medians = [(i, name, float(np.median(self.heard[i]))) for i, name in enumerate(FAR) if far[i]]
        return {name: {"usual": round(self.mean[i], 1), "now": round(median, 1)} for i, name, median in medians}


def strange(mean: type_f64, sd: type_f64, heard: Sequence[Sequence[float]]) -> type_bool:
    """(6,) the vitals of FAR of which the newcomer's median is far from the patient's own; False where either is not known."""
    medians = np.array([float(np.median(h[:READINGS])) if len(h) >= READINGS else np.nan for h in heard])
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(medians - mean) > np.maximum(DEVIATIONS * sd, _FAR), dtype=np.bool_)


def other_weight(before: float, now: float) -> bool:
    """Whether two weights in kg are not of one person; NaN = not known."""
    return abs(now - before) > WEIGHT_SHARE * before
