"""Movement, as the devices' own quality tells it, and what one sensor's quality says of the readings that have none of their own.

In: the quality that the device gave with each reading of its samples. Out: which readings are not believed, and which samples are of a
patient who probably moves: two or more of the sensors on the body (electrodes, pulse oximeter, breath) are poor in one sample. Promise:
a quality that the device did give is never overruled; nothing outlasts its sample. Not believed besides what is poor by itself: what came
over the same line (the pulse beside a poor saturation), and while the patient moves all else that the sensors on the body say.
No device says "motion" on the wire (CONTRACT.md): those that feel it lower the quality. Source: motion spoils several signals at once
(Clifford 2006; Petterson et al. 2007 on pulse oximeters); two of three is this project's choice (unchecked).
"""

import numpy as np
import numpy.typing as npt

from streams.detect.channels import LINE_OF
from vitals.registry import V, index

type_bool = npt.NDArray[np.bool_]
type_f32 = npt.NDArray[np.float32]

LEAST_SENSORS = 2
_SENSORS = [index("hr"), index("spo2"), index("rr")]
_ON_THE_BODY = np.isin(np.arange(V), [index(name) for name in ("hr", "pulse", "spo2", "rr")])
_SAME_LINE = (LINE_OF[:, None] == LINE_OF).astype(np.int64)


def doubted(quality: type_f32, there: type_bool, least: float) -> tuple[type_bool, type_bool]:
    """(n, V) which readings (those `there`) are not believed, and (n,) whose patient probably moves. quality: (n, V), NaN = none given."""
    given: type_bool = there & (quality < least)
    if not np.count_nonzero(given):
        return given, np.zeros(len(given), dtype=np.bool_)
    line = given.astype(np.int64) @ _SAME_LINE > 0
    moves: type_bool = line[:, _SENSORS].sum(axis=1) >= LEAST_SENSORS
    unsaid = there & (quality != quality)
    return given | (unsaid & (line | (moves[:, None] & _ON_THE_BODY))), moves
