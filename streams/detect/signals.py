"""The signals of a round: which readings are good, and the conditions of the lines over which they come.

In: a round and the memory. Out: which readings count; sightings of lines that have no value, a poor one, or had.
"""

import numpy as np
import numpy.typing as npt

from streams.detect import motion
from streams.detect.channels import CHANNELS, LINE_OF, SIGNAL, W
from streams.detect.conditions import SIGNAL_HOLD_MS, Sightings
from streams.detect.jump import doubted
from streams.detect.memory import Memory
from streams.detect.rounds import Round
from streams.detect.telling import MOVING
from vitals.registry import V

type_f64 = npt.NDArray[np.float64]
type_bool = npt.NDArray[np.bool_]

_NO_VALUE, _POOR = 2.0, 1.0  # between them: `telling.MOVING`
_BITS = np.arange(V, dtype=np.uint32)
_LEADS = np.arange(V) == LINE_OF
_FOLLOWS = [(vital, line) for vital, line in enumerate(LINE_OF.tolist()) if vital != line]
"""The vitals that give their line its name, and the others with their line."""


def signals(memory: Memory, r: Round) -> tuple[list[Sightings], type_bool]:
    """Sightings of signals that are bad or were so, and (n, V) which readings are good."""
    there = r.values == r.values
    poor, moves = motion.doubted(r.quality, there, memory.rules.poor_quality)
    poor |= there & doubted(memory, r.rows, r.t, r.values, [r.names[d] for d in r.device.tolist()] if memory.lanes.of else ())
    running = (memory.cells.busy.reshape(-1, V)[r.rows] & SIGNAL) != 0
    good = there & ~poor
    if not (np.count_nonzero(poor) or np.count_nonzero(r.no_value) or np.count_nonzero(running)):
        return [], good
    memory.count("poor", int(np.count_nonzero(poor)))
    sample, vital = poor[:, :W].nonzero()
    memory.courses.refused[r.rows[sample] * W + vital] = r.values[sample, vital]
    no_value = (r.no_value[:, None] >> _BITS & 1).astype(np.bool_)
    level = np.where(moves, MOVING, _POOR)[:, None]
    return _lines(memory, r, running, good, np.where(no_value, _NO_VALUE, np.where(poor, level, 0.0))), good


def _lines(memory: Memory, r: Round, running: type_bool, good: type_bool, x: type_f64) -> list[Sightings]:
    """Sightings a line: as bad as the worst that comes over it, unless something good does."""
    worst, fine = np.where(_LEADS, x, 0.0), good & _LEADS
    for vital, line in _FOLLOWS:
        worst[:, line] = np.maximum(worst[:, line], x[:, vital])
        fine[:, line] |= good[:, vital]
    sample, line = (((worst > 0) & ~fine) | (running & fine)).nonzero()
    seen = np.where(fine, 0.0, worst)[sample, line]
    return _unsettled(memory, Sightings(r.rows[sample], line + 2 * V, seen, r.t[sample], r.received_at[sample], r.live[sample]))


def _unsettled(memory: Memory, s: Sightings) -> list[Sightings]:
    """What can move a signal's timer. Of what came back, is fine still and not yet for long enough, only the time is noted: all that
    `watch` would make of it."""
    timers, cells = memory.timers, s.rows * CHANNELS + s.channels
    elapsed = s.t - timers.at[cells]
    inside = timers.inside[cells] + elapsed
    calm = (s.x == 0) & (timers.fired[cells] > 0) & (timers.severity[cells] == 0) & (timers.held[cells] == 0)
    calm &= (elapsed >= 0) & (elapsed <= SIGNAL_HOLD_MS) & (inside < memory.layout.clear[s.channels])
    if np.count_nonzero(calm):
        timers.at[cells[calm]], timers.inside[cells[calm]] = s.t[calm], inside[calm]
        s = s.only(~calm)
    return [s] if len(s.rows) else []
