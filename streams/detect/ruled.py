"""Another rule set while conditions run: what goes on, and what ends because its rule is gone.

In: a memory and the rules to take up. Out: the ends of what was told under rules that are no more. Promise: a condition whose rule stays,
even a combination that has another number now, goes on under its id; nothing takes over another's.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from streams.detect.channels import AGREEMENT, CHANNELS, COMBINATION
from streams.detect.memory import Memory
from streams.detect.rules import NEVER_MS, Columns, RuleSet, columns
from streams.detect.telling import tell
from streams.detect.timers import Timers
from vitals.finding import Finding, Phase, finding_id

type_i64 = npt.NDArray[np.int64]

_EVERY = np.arange(CHANNELS)


def take_up(memory: Memory, rules: RuleSet, now_ms: int) -> list[Finding]:
    """`memory` under `rules` from now on; returns what ends by that."""
    sources = sources_of(memory.layout, columns(rules))
    found = _ended(memory, np.setdiff1d(_EVERY, sources), now_ms)
    moved = memory.timers.side.reshape(-1, CHANNELS)[:, sources != _EVERY]
    memory.settings.dirty[moved.any(axis=1)] = 1
    for timers in (memory.timers, memory.past):
        put(timers, sources)
    to = {source: channel for channel, source in enumerate(sources.tolist())}
    summed = [(*divmod(cell, CHANNELS), b) for cell, b in memory.backlog.items()]
    memory.backlog = {row * CHANNELS + to[channel]: b for row, channel, b in summed if channel in to}
    memory.rule(rules, now_ms)
    memory.settings.dirty[list(memory.lanes.of)] = 1
    return found + [f for beside in (memory.joint, memory.apart) if beside is not None for f in take_up(beside, rules, now_ms)]


def sources_of(before: Columns, after: Columns) -> type_i64:
    """(CHANNELS,) the channel on which each one's condition was so far, which is its own but for combinations; -1: it has no rule."""
    return np.where(after.wait1 < NEVER_MS, by_name(names_of(before), names_of(after)), -1)


def names_of(layout: Columns) -> list[str]:
    """The combinations by channel, "" where there is none."""
    return list(layout.subject[COMBINATION:AGREEMENT])


def by_name(before: Sequence[str], after: Sequence[str]) -> type_i64:
    """(CHANNELS,) as `sources_of`, where nothing but the combinations' names changed from `before` to `after`."""
    sources = _EVERY.copy()
    for channel, name in enumerate(after, start=COMBINATION):
        sources[channel] = COMBINATION + before.index(name) if name and name in before else -1
    return sources


def orphaned(memory: Memory, rows: range, names: Sequence[str]) -> list[Finding]:
    """The ends of what combinations told of `rows`, restored with `names` by channel, that are no more: only the name is known of them."""
    gone = [(channel, name) for channel, name in enumerate(names, start=COMBINATION) if name and name not in names_of(memory.layout)]
    timers, found = memory.timers, []
    for row, (channel, name) in product(rows, gone):
        cell = row * CHANNELS + channel
        if timers.fired[cell] and not timers.held[cell]:
            found.append(_orphan(memory, row, name, (int(timers.since[cell]), int(timers.returned[cell]))))
    return found


def _orphan(memory: Memory, row: int, name: str, span: tuple[int, int]) -> Finding:
    patient, at, (since, returned) = memory.patients[row], int(memory.rows.at[row]), span
    return Finding(
        id=finding_id(patient, "combination", name, since),
        phase="end",
        patient=patient,
        ward=memory.ward(patient),
        rule="combination",
        rule_version=memory.rules.version,
        alert_class="physiological",
        priority="low",
        title=f"{name}: its rule is gone",
        started_at=since,
        at=at,
        received_at=int(memory.rows.received_at[row]),
        detected_at=memory.now_ms,
        subject=name,
        ended_at=returned or at,
        evidence={},
    )


def _ended(memory: Memory, channels: type_i64, now_ms: int) -> list[Finding]:
    """The ends of what was told on `channels`, as their rules still say it."""
    cells = (np.arange(len(memory.patients))[:, None] * CHANNELS + channels).reshape(-1)
    cells = cells[(memory.timers.fired[cells] > 0) & (memory.timers.held[cells] == 0)]
    was, found = memory.timers.taken(cells), []
    for k, cell in enumerate(cells.tolist()):
        row = cell // CHANNELS
        moment: tuple[Phase, int, int] = ("end", int(memory.rows.at[row]), int(memory.rows.received_at[row]))
        found.append(tell(memory, cell, was, k, moment, now_ms))
    return found


def put(timers: Timers | None, sources: type_i64, rows: slice = slice(None)) -> None:
    """Every channel's timers (of `rows`) from where they were; idle where they were nowhere."""
    for name in Timers.names() if timers else ():
        column = getattr(timers, name).reshape(-1, CHANNELS)[rows]
        column[:] = np.where(sources >= 0, column[:, sources], 0)
