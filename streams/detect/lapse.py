"""A device that measures a vital no longer: what it showed of it is over, once another device of the patient measures it.

In: the memory of devices by themselves (`apart`), readings before they are kept, of each patient one device's. Out: ends of conditions.
A silence ends no condition. But of a monitor that was taken off the patient no reading ever comes that could end its alarm, while a
watch shows all the time that the vital is back. So a condition ends `over` = the later of
  - `LAPSE_MS` (or `PAUSES` of the device's own pauses between readings of that vital, of an hour where it read it once, `MOST_MS` at most)
    after its last reading, and
  - `SKEW_MS` after the first reading of another device behind that one.
It is told when the device itself speaks of the vital again after `over`, or another one does `SKEW_MS` after it.
Promise: by `observed_at` alone. All that decides is older by `SKEW_MS` than what tells it, which is twice as long as a sample is late by
re-ordering: so neither that nor any batching changes it. The numbers are this project's own choice (unchecked).
"""

from collections.abc import Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from streams.detect.channels import CHANNELS, LIMITS
from streams.detect.charted import UNKNOWN_MS
from streams.detect.memory import Memory
from streams.detect.rounds import Readings
from streams.detect.telling import tell
from streams.detect.timers import Timers
from vitals.finding import Finding
from vitals.registry import V

LAPSE_MS, PAUSES, MOST_MS = 300_000, 3.0, 43_200_000
SKEW_MS = 120_000


def given_up(memory: Memory, own: Mapping[int, Mapping[str, int]], m: Readings, now_ms: int) -> list[Finding]:
    """What ends by the readings `m` of distinct patients, and is idle again. own: as `Memory.own`."""
    beyond = _open(memory)
    if not beyond:
        return []
    said, found = dict(zip(m.cell.tolist(), m.t.tolist(), strict=True)), []
    for cell in beyond:
        row, vital = divmod(cell, V)
        siblings = own[int(memory.settings.whole[row])].values()
        others = [other * V + vital for other in siblings if other != row]
        theirs = [said[other] for other in others if other in said]
        since = _elsewhere(memory, cell, others, theirs)
        if not _told(memory, row * CHANNELS + vital):
            continue
        over = max(int(memory.cells.at[cell]) + _lapse(memory, cell), since + SKEW_MS)
        if since and (said.get(cell, 0) > over or any(t > over + SKEW_MS for t in theirs)):
            found.append(_ended(memory, row * CHANNELS + vital, over, now_ms))
            memory.cells.busy[cell] = 0
    return found


def _open(memory: Memory) -> list[int]:
    """The cells whose limit's condition began and is not over, whether it was told or not: that may be later than what is to be known."""
    busy: npt.NDArray[np.int64] = np.flatnonzero(memory.cells.busy & LIMITS)
    found: list[int] = busy[memory.timers.side[busy // V * CHANNELS + busy % V] != 0].tolist()
    return found


def _told(memory: Memory, cell: int) -> bool:
    return bool(memory.timers.fired[cell] > 0 and memory.timers.held[cell] == 0)


def _elsewhere(memory: Memory, cell: int, others: list[int], theirs: list[int]) -> int:
    """The time of the first reading of another device since the cell's last one, as far as is known; 0: none."""
    at, known = int(memory.cells.at[cell]), memory.elsewhere.get(cell, 0)
    before = [known] if known > at else memory.cells.at[others].tolist()
    since: int = min((t for t in [*before, *theirs] if t > at), default=0)
    if since:
        memory.elsewhere[cell] = since
    return since


def _lapse(memory: Memory, cell: int) -> int:
    return int(min(max(LAPSE_MS, PAUSES * (float(memory.cells.gap[cell]) or UNKNOWN_MS)), MOST_MS))


def _ended(memory: Memory, cell: int, over: int, now_ms: int) -> Finding:
    at = np.array([cell])
    was, row = memory.timers.taken(at), cell // CHANNELS
    was.returned = np.where(was.returned > 0, was.returned, over)
    memory.timers.put(at, Timers.of(1))
    finding = tell(memory, cell, was, 0, ("end", int(was.at[0]), int(memory.rows.received_at[row])), now_ms)
    return msgspec.structs.replace(finding, evidence=finding.evidence | {"measured_by_another": True})
