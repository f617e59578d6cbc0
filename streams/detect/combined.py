"""What a rule reckons of several vitals of a patient, by their newest readings.

In: patients and a moment. Out: (n,) values, NaN where a vital is missing or older than the rule's `fresh_s`: unknown is no finding.
"""

import numpy as np
import numpy.typing as npt

from streams.detect.memory import Memory
from vitals.combination import value
from vitals.registry import V
from vitals.rule_forms import CombinationRule

type_f64 = npt.NDArray[np.float64]
type_i64 = npt.NDArray[np.int64]


def combined(memory: Memory, rows: type_i64, t: type_i64, rule: CombinationRule) -> type_f64:
    """Of `rows` at `t` (n,) ms."""
    values, at = memory.cells.value.reshape(-1, V)[rows], memory.cells.at.reshape(-1, V)[rows]
    return value(rule.of, np.where(t[:, None] - at <= rule.fresh_s * 1000, values, np.nan))
