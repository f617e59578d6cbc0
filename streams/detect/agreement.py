"""Two sources of one number: the heart's rate by ECG and the pulse by plethysmogram must agree.

In: the medians of a minute of both. Out: how far apart they are, 1 = as far as is let pass. Further is a technical condition: one of the
two is wrong, or beats do not reach the periphery; it is said beside the limits' findings of both, and silences neither.
Source: cross-checking of ECG against PPG (Clifford 2006; Challenge 2015); the distance is this project's choice (unchecked).
"""

import numpy as np
import numpy.typing as npt

from vitals.registry import index
from vitals.rule_forms import AgreementRule

type_f = npt.NDArray[np.floating]

HR, PULSE = index("hr"), index("pulse")


def apart(minute: type_f, rule: AgreementRule) -> type_f:
    """(n,) of medians (n, W); NaN where one of the two is missing."""
    hr, pulse = minute[:, HR], minute[:, PULSE]
    return np.abs(hr - pulse) / np.maximum(rule.apart, rule.share * np.maximum(hr, pulse))
