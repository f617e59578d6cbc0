"""The course of each vital: minutes of readings as medians, and when to look at them.

In: readings in order. Out: which patients begin a new minute, and the last `RING` minutes of those that are looked at. Promise: a minute
is of `observed_at`, so that no batching and no restart changes it; a reading of a minute that is over adds nothing to it. Eight samples
of a minute are kept (the last of each 7.5 s), and their median stands for it. The detectors of courses run once a patient-minute
(`streams.detect.minutely`), those over half an hour every `LOOK_MIN` minutes: a reading costs them two stores.
"""

import numpy as np
import numpy.typing as npt

from streams.detect.channels import W
from streams.detect.memory import Memory
from streams.detect.remembered import RING, SLOTS
from vitals.registry import V

type_f16 = npt.NDArray[np.float16]
type_f32 = npt.NDArray[np.float32]
type_f64 = npt.NDArray[np.float64]
type_i64 = npt.NDArray[np.int64]
type_bool = npt.NDArray[np.bool_]

MINUTE_MS = 60_000
LOOK_MIN = 4
"""A glucose monitor's five minutes, which its clock makes four now and then, are a look each."""
_SLOT_MS = MINUTE_MS // SLOTS
_BACK = np.arange(RING - 1, -1, -1)


def turned(memory: Memory, rows: type_i64, t: type_i64) -> type_bool:
    """(n,) which of `rows` begin a new minute with a sample at `t`; the one before is closed."""
    minute = t // MINUTE_MS
    new: type_bool = minute > memory.rows.minute[rows]
    if np.count_nonzero(new):
        _close(memory, rows[new], minute[new])
    return new


def note(memory: Memory, rows: type_i64, vital: type_i64, x: type_f64, t: type_i64) -> None:
    """Readings (m,) that are about to become the newest of their cells."""
    inside = vital < W
    if np.count_nonzero(inside) < len(inside):
        rows, vital, x, t = rows[inside], vital[inside], x[inside], t[inside]
    cell = rows * W + vital
    changed = memory.cells.value[rows * V + vital] != x
    memory.courses.same_since[cell[changed]] = t[changed]
    slot = t // _SLOT_MS - memory.rows.minute[rows] * SLOTS
    running = slot >= 0
    if np.count_nonzero(running) < len(running):
        cell, slot, x = cell[running], slot[running], x[running]
    memory.courses.samples[cell * SLOTS + slot] = x


def present(memory: Memory, rows: type_i64) -> None:
    """The minute that just began stands for itself by the newest reading, until it is over."""
    at = memory.cells.at.reshape(-1, V)[rows, :W]
    value = memory.cells.value.reshape(-1, V)[rows, :W]
    minute = memory.rows.minute[rows]
    fresh = at >= minute[:, None] * MINUTE_MS
    memory.courses.minutes.reshape(-1, W, RING)[rows, :, minute % RING] = np.where(fresh, value, np.nan)


def last(memory: Memory, rows: type_i64, minutes: int = RING) -> type_f32:
    """(n, W, minutes) the medians of the last minutes, the newest last; NaN = no readings."""
    ring, now = memory.courses.minutes.reshape(-1, W, RING), memory.rows.minute[rows]
    at = (now[:, None] - _BACK[RING - minutes :]) % RING
    if np.count_nonzero(now == now[:1]) == len(now):  # the same minute for all, as is usual
        same: type_f32 = ring[rows][:, :, at[0]].astype(np.float32) if len(now) else np.zeros((0, W, minutes), dtype=np.float32)
        return same
    taken: type_f32 = ring[rows[:, None, None], np.arange(W)[:, None], at[:, None, :]].astype(np.float32)
    return taken


def median(a: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Along the last axis, NaN left out; NaN where there is nothing.

    >>> median(np.array([[3.0, np.nan, 1.0, 8.0], [np.nan] * 4]))
    array([ 3., nan])
    """
    # counted along the first axis a short row costs a third
    across = np.ascontiguousarray(a.transpose(a.ndim - 1, *range(a.ndim - 1)))
    n = (across == across).sum(axis=0)
    if n.max(initial=0) <= 1:  # a reading a minute: nothing to order
        alone: npt.NDArray[np.floating] = np.fmax.reduce(across, axis=0)
        return alone
    ordered = np.sort(a, axis=-1).reshape(-1)  # NaN goes last, so that where there is nothing the first is NaN
    first = np.arange(n.size).reshape(n.shape) * a.shape[-1]
    middle: npt.NDArray[np.floating] = (ordered[first + np.maximum(n - 1, 0) // 2] + ordered[first + n // 2]) / 2
    return middle


def _close(memory: Memory, rows: type_i64, minute: type_i64) -> None:
    """Writes the median of the minute that is over, and that of those between, of which nothing is known, as NaN."""
    courses, before = memory.courses, memory.rows.minute[rows]
    samples, ring = courses.samples.reshape(-1, W, SLOTS), courses.minutes.reshape(-1, W, RING)
    ring[rows, :, before % RING] = median(samples[rows].astype(np.float32))
    samples[rows] = np.nan
    between = np.minimum(minute - before, RING)
    if (between > 1).any():
        ahead = (np.arange(RING) - before[:, None] - 1) % RING
        ring[rows] = np.where((ahead < between[:, None])[:, None, :], np.float16(np.nan), ring[rows])
    memory.rows.minute[rows] = minute
