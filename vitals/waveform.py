"""A chunk of a waveform: the record of `vitals.waveforms`, key patient, header `schema: vigil.waveform.v1`, msgpack.

In: evenly spaced numbers with gaps. Out: int16 with gain and offset, a quarter of the size, and back.
Promise: a decoded number differs from the sent one by at most half the gain; a gap (NaN) stays a gap. Lost: the rest of the precision
(the gain is the chunk's range / 65,534; an ECG's amplifier has 12 to 24 bits over a far wider range).
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from vitals.errors import WireFormatError

SCHEMA_ID = b"vigil.waveform.v1"
GAP = -32_768
"""The int16 that stands for "no sample here"."""


class Waveform(msgspec.Struct, frozen=True, kw_only=True):
    """One chunk. `observed_at`: ms, time of the first sample; `samples`: int16, little endian; number = offset + gain * int16.

    `clock_ms`: what was added to the device's own time, which is `observed_at - clock_ms`.
    again: given again on the way here, so that it is nobody's fault where it is known already.
    """

    patient: str
    device: str
    channel: str
    seq: int
    observed_at: int
    received_at: int
    rate_hz: float
    unit: str
    gain: float
    offset: float
    samples: bytes
    clock_ms: int = 0
    again: bool = False


def folded(numbers: Sequence[float | None]) -> tuple[float, float, bytes]:
    """Gain, offset and int16 bytes of the numbers (None or NaN: a gap; at most 1e9 in size)."""
    values = np.array(numbers, dtype=np.float64)
    there = np.isfinite(values)
    if not there.any():
        return 1.0, 0.0, np.full(len(values), GAP, "<i2").tobytes()
    low, high = float(values[there].min()), float(values[there].max())
    offset, gain = (low + high) / 2, (high - low) / 65_534 or 1.0
    steps = np.full(len(values), GAP, dtype="<i2")
    steps[there] = np.clip(np.rint((values[there] - offset) / gain), -32_767, 32_767)
    return gain, offset, steps.tobytes()


def numbers_of(waveform: Waveform) -> npt.NDArray[np.float64]:
    """(n,) float64 in `waveform.unit`, NaN = gap."""
    steps = np.frombuffer(waveform.samples, dtype="<i2")
    return np.where(steps == GAP, math.nan, waveform.offset + waveform.gain * steps)


encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Waveform).decode


def decode(data: bytes) -> Waveform:
    """The chunk in `data`. Raises WireFormatError for anything else."""
    try:
        waveform = _decode(data)
    except (msgspec.MsgspecError, ValueError) as error:
        raise WireFormatError(f"not a {SCHEMA_ID.decode()} record: {error}") from error
    if len(waveform.samples) % 2:
        raise WireFormatError("an odd number of sample bytes")
    return waveform
