"""`./vigil bench clinical`: does the score, computed as Vigil computes it, find what the literature says it finds?

Hourly NEWS2 (lowest) on the MIMIC-III demo for death within 24 h, and the mean NEWS2 of the second day on Challenge 2012 set a for
death in hospital. They say that the sum is right, not that it is good: elsewhere 0.703 and 0.710 were found on these data.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.stats import rankdata

from loadtests.charted import Stay, challenge2012, mimic3
from loadtests.figure import Figure
from vitals.news2 import Scores, score

NAME = "clinical"


def auroc(scores: Sequence[float], positive: Sequence[bool]) -> float:
    """Area under the ROC curve by ranks (Mann-Whitney; ties count half)."""
    ranks, died = rankdata(scores), np.asarray(positive, dtype=bool)
    n = int(died.sum())
    return float((ranks[died].sum() - n * (n + 1) / 2) / (n * (len(died) - n)))


def scored(stay: Stay) -> Scores:
    """NEWS2 of every hour of a stay, with the site's default ages."""
    return score(stay.values, stay.observed_at, stay.hours)


def run(_parts: object) -> Iterable[Figure]:
    """AUROC on both collections; needs no server."""
    hourly = [(scored(s).lowest, s.dies) for s in mimic3()]
    lowest, dies = np.concatenate([x for x, _ in hourly]), np.concatenate([y for _, y in hourly])
    yield Figure("clinical: MIMIC-III demo, patient-hours scored", float(len(lowest)), "hours")
    yield Figure("clinical: hourly NEWS2, death within 24 h", auroc(list(lowest), list(dies)), "AUROC")
    daily = [(float(scored(s).lowest.mean()), bool(s.dies[0])) for s in challenge2012()]
    yield Figure("clinical: Challenge 2012 set a, stays scored", float(len(daily)), "stays")
    yield Figure("clinical: mean NEWS2 of day 2, death in hospital", auroc([x for x, _ in daily], [y for _, y in daily]), "AUROC")
