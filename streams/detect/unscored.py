"""Patients to whom NEWS2 applies no longer (pregnant, or under 16 after all): what it told of them is over.

In: a memory, a patient's row. Out: the ends of what the two NEWS2 channels told, with `applies` in the evidence; what they had not told yet
is forgotten. Promise: nothing where NEWS2 applies or did not tell anything, so a restart may ask again.
"""

import msgspec
import numpy as np

from streams.detect.channels import CHANNELS, NEWS2, SINGLE
from streams.detect.memory import Memory
from streams.detect.telling import tell
from streams.detect.timers import Timers
from vitals.finding import Finding, Phase


def unscored(memory: Memory, row: int, now_ms: int) -> list[Finding]:
    """Of the patient of `row`, in `memory` and where all their devices are heard together."""
    if memory.settings.scored[row]:
        return []
    cells = row * CHANNELS + np.array([NEWS2, SINGLE])
    was = memory.timers.taken(cells)
    moment: tuple[Phase, int, int] = ("end", int(memory.rows.at[row]), int(memory.rows.received_at[row]))
    told = np.flatnonzero((was.fired > 0) & (was.held == 0)).tolist()
    ended = [tell(memory, int(cells[k]), was, k, moment, now_ms) for k in told]
    memory.timers.put(cells, Timers.of(len(cells)))
    for cell in cells.tolist():
        memory.backlog.pop(cell, None)
    memory.settings.dirty[row] = 1
    together = int(memory.settings.joint[row])
    beside = [memory.joint] if together >= 0 else []
    said = [msgspec.structs.replace(f, evidence=f.evidence | {"applies": False}) for f in ended]
    return said + [f for joint in beside if joint is not None for f in unscored(joint, together, now_ms)]
