"""NEWS2 while readings stream in: when to score again, the range, and what a person needs to see of it.

In: the rows that a round touched. Out: sightings for the two NEWS2 channels, and ScoreUpdates. Promise: a row is scored again
whenever a reading moves to another cell of the chart, whenever an input goes stale, and while one of its timers runs. Patients
for whom NEWS2 is not made (under 16, pregnant) have none.
"""

from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from streams.detect.channels import CHANNELS, NEWS2, SINGLE
from streams.detect.memory import Memory
from streams.detect.remembered import NEVER
from vitals import news2
from vitals.registry import BY_NAME, V
from vitals.score import ScoreUpdate

type_f64 = npt.NDArray[np.float64]
type_i64 = npt.NDArray[np.int64]

_TICKS = 4600
_STEPS = np.full(V, 1.0)
_MAX_AGE = news2.ages()
_SHOW_VALUE_MS = 5_000
_SHOW_POINTS_MS = 1_000
_PACERS = np.array([BY_NAME[name].index for name in ("hr", "pulse", "spo2", "rr")])
"""A score is made anew as often as the fastest of these comes."""


def _chart() -> npt.NDArray[np.uint8]:
    """(V * _TICKS,) the number of the chart's cell for each value in the chart's resolution, 1 and up; 0 for other vitals."""
    rows = {"rr": ("rr",), "spo2": ("spo2", "spo2 scale 2, oxygen"), "sbp": ("sbp",), "temp": ("temp",), "acvpu": ("acvpu",)}
    rows |= {"hr": ("pulse",), "pulse": ("pulse",), "on_oxygen": ("oxygen",), "o2_flow": ("oxygen",)}
    table = np.zeros((V, _TICKS), dtype=np.uint8)
    for name, charts in rows.items():
        steps = 10 if name in ("temp", "o2_flow") else 1
        uppers = sorted({upper for chart in charts for upper, _ in news2.TABLE[chart][:-1]})
        table[BY_NAME[name].index] = 1 + np.searchsorted(np.rint(np.array(uppers) * steps), np.arange(_TICKS), side="left")
        _STEPS[BY_NAME[name].index] = steps
    fio2 = BY_NAME["fio2"].index
    _STEPS[fio2] = 10
    table[fio2] = 1 + (np.arange(_TICKS) > 10 * news2.ROOM_AIR_PERCENT)
    return table.reshape(-1)


_CHART = _chart()


def parts(columns: type_i64, x: type_f64) -> npt.NDArray[np.uint8]:
    """(m,) which cell of the chart each reading falls into."""
    tick = (x * _STEPS[columns] + (0.5 + 1e-7)).astype(np.int64)
    np.minimum(np.maximum(tick, 0, out=tick), _TICKS - 1, out=tick)  # np.clip costs three times that on a ward's few values
    tick += columns * _TICKS
    part: npt.NDArray[np.uint8] = _CHART[tick]
    return part


def due(memory: Memory, rows: type_i64, t: type_i64, changed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(n,) which of `rows` to score again at `t`: points may have changed, an input is stale, or a timer runs."""
    running = (memory.timers.side[rows * CHANNELS + NEWS2] != 0) | (memory.timers.side[rows * CHANNELS + SINGLE] != 0)
    again: npt.NDArray[np.bool_] = (changed | running | (memory.rows.score_until[rows] < t)) & (memory.settings.scored[rows] != 0)
    return again


def scored(memory: Memory, rows: type_i64, t: type_i64) -> news2.Scores:
    """NEWS2 of `rows` at `t` (n,) ms; notes until when it holds."""
    values, at = memory.cells.value.reshape(-1, V)[rows], memory.cells.at.reshape(-1, V)[rows]
    until = at + _MAX_AGE
    until[(values != values) | (until < t[:, None])] = NEVER
    memory.rows.score_until[rows] = until.min(axis=1)
    return news2.score(values, at, t, memory.settings.scale[rows], _MAX_AGE)


def _score(memory: Memory, rows: type_i64, t: npt.ArrayLike) -> news2.Scores:
    values, at = memory.cells.value.reshape(-1, V)[rows], memory.cells.at.reshape(-1, V)[rows]
    return news2.score(values, at, t, memory.settings.scale[rows], _MAX_AGE)


def paces(memory: Memory, rows: type_i64) -> type_f64:
    """(n,) the learned ms between the readings by which a score of each row is made anew; 0 = unknown."""
    if memory.whole is not None:  # of one device of several: how often the patient is looked at by all
        memory, rows = memory.whole, memory.settings.whole[rows]
    inputs = memory.cells.gap.reshape(-1, V)[rows][:, _PACERS].astype(np.float64)
    fastest = np.where(inputs > 0, inputs, np.inf).min(axis=1)
    return np.where(np.isfinite(fastest), fastest, 0.0)


def evidence(memory: Memory, row: int, t: int) -> dict[str, Any]:
    """Each input with its value, points and age (s) at `t`, the range and the tier, as plain JSON."""
    update = told(memory, np.array([row]), t)[0]
    inputs = {
        k: msgspec.to_builtins(i) | ({"age_s": (t - i.observed_at) // 1000} if i.observed_at else {}) for k, i in update.inputs.items()
    }
    return {"lowest": update.lowest, "highest": update.highest, "tier": update.tier, "scale": update.scale, "inputs": inputs}


def told(memory: Memory, rows: type_i64, now_ms: int) -> list[ScoreUpdate]:
    """The scores of `rows` as they travel."""
    scores = _score(memory, rows, now_ms)
    scales: list[Literal[1, 2]] = [2 if scale == 2 else 1 for scale in memory.settings.scale[rows].tolist()]
    return news2.updates(scores, [memory.patients[r] for r in rows.tolist()], memory.rows.at[rows].tolist(), scales)


def updates(memory: Memory, now_ms: int) -> list[ScoreUpdate]:
    """The scores to tell now: where points may have changed, at most once a second; where only a value did, every five."""
    n = len(memory.patients)
    rows, settings = memory.rows, memory.settings
    pause = np.where(rows.score_changed[:n] == 2, _SHOW_POINTS_MS, _SHOW_VALUE_MS)
    ready = (rows.score_changed[:n] > 0) & (now_ms - rows.score_sent[:n] >= pause) & (settings.scored[:n] != 0) & (settings.active[:n] != 0)
    chosen = np.flatnonzero(ready)
    if not len(chosen):
        return []
    rows.score_changed[chosen], rows.score_sent[chosen] = 0, now_ms
    return told(memory, chosen, now_ms)
