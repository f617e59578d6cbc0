"""The filters of the beat detector, with their state carried from chunk to chunk.

In: raw samples of one channel. Out: three signals of the same length. Promise: cutting the samples into other chunks gives the same
numbers, bit for bit, since every filter is a recursion over single samples.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import signal

Array = npt.NDArray[np.float64]

QRS_BAND_HZ = (5.0, 18.0)
SHAPE_BAND_HZ = (1.0, 40.0)
INTEGRATION_S = 0.12


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Filter coefficients of one sampling rate: second-order sections, each with its memory of a signal that has always been 1, and the
    moving average."""

    qrs: Array
    shape: Array
    average: Array
    qrs_settled: Array
    shape_settled: Array


@lru_cache(maxsize=64)
def coefficients(rate_hz: float) -> Coefficients:
    """For 60 Hz and more. The shape band ends below the Nyquist frequency where the rate is low."""
    top = min(SHAPE_BAND_HZ[1], 0.45 * rate_hz)
    width = max(1, round(INTEGRATION_S * rate_hz))
    qrs = signal.butter(2, QRS_BAND_HZ, "bandpass", fs=rate_hz, output="sos")
    shape = signal.butter(2, (SHAPE_BAND_HZ[0], top), "bandpass", fs=rate_hz, output="sos")
    return Coefficients(qrs, shape, np.full(width, 1.0 / width), signal.sosfilt_zi(qrs), signal.sosfilt_zi(shape))


@dataclass(frozen=True, slots=True, eq=False)
class FilterMemory:
    """The carried state: one delay line a filter, and the last sample of the QRS band."""

    qrs: Array
    shape: Array
    average: Array
    last: float


def settled(c: Coefficients, first: float) -> FilterMemory:
    """The memory of a signal that has always been `first`: a baseline offset makes no step at the start."""
    return FilterMemory(c.qrs_settled * first, c.shape_settled * first, np.zeros(len(c.average) - 1), 0.0)


def run(c: Coefficients, m: FilterMemory, x: Array) -> tuple[FilterMemory, Array, Array, Array]:
    """(n,) samples -> memory, QRS band, shape band, and the energy envelope (square root of the averaged squared slope)."""
    qrs, qrs_zi = signal.sosfilt(c.qrs, x, zi=m.qrs)
    shape, shape_zi = signal.sosfilt(c.shape, x, zi=m.shape)
    slope = np.diff(qrs, prepend=m.last)
    # the second 0 keeps scipy on its sample-by-sample path: its convolution for plain averages rounds by chunk
    energy, average_zi = signal.lfilter(c.average, [1.0, 0.0], slope * slope, zi=m.average)
    memory = FilterMemory(qrs_zi, shape_zi, average_zi, float(qrs[-1]) if len(qrs) else m.last)
    return memory, qrs, shape, np.sqrt(np.maximum(energy, 0.0))
