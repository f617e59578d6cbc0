"""Is the device on the right patient? A question to the ward when a device new to a patient says what does not fit that patient.

In: the samples of a patient's devices in the order of their times, before they are folded; time. Out: findings `device.wrong_patient`,
technical, subject the device: a question, which a person answers by resolving it or by correcting the assignment; it ends by itself a
minute after the device was last heard of here, when it has gone to another patient. Asked when the medians of a device's first live
readings (`newcomer`) are far from the patient's own baseline in two vitals or more, or when the first weight it says differs from the
last one. Nothing is asked of a patient whose baseline was not known before the device came.
Promise: as for all that is folded: no batching, no restart and no order in which samples come within a minute changes it.
"""

import numpy as np

from streams.detect.memory import Memory
from streams.detect.newcomer import LOOKED_AT, Newcomer, other_weight
from streams.detect.order import GRACE_MS, HOLD_MS
from streams.detect.rounds import Round
from vitals.finding import Finding, Phase, finding_id
from vitals.registry import VITALS, V, index

RULE, RULE_VERSION, PRIORITY = "device.wrong_patient", 1, "medium"
LEAST_VITALS = 2
_WEIGHT = index("weight")


def meet(memory: Memory, row: int, device: str) -> None:
    """`device` is new to the patient of `row`, who had another before."""
    where, at = _where(memory, row)
    where.newcomers.setdefault(at, {})[device] = Newcomer()


def carry(source: Memory, row: int, target: Memory, to: int) -> None:
    """What is known of the newcomers of `row` is known of those of the patient of `to`, who is the same."""
    restore(target, to, known(source, row))


def restore(memory: Memory, row: int, newcomers: dict[str, Newcomer]) -> None:
    """Of the patient of `row`, from a checkpoint."""
    where, at = _where(memory, row)
    where.newcomers.pop(at, None)
    if newcomers:
        where.newcomers[at] = newcomers


def known(memory: Memory, row: int) -> dict[str, Newcomer]:
    """The newcomers of a patient, by device."""
    where, at = _where(memory, row)
    return where.newcomers.get(at, {})


def asked(memory: Memory, r: Round, now_ms: int) -> list[Finding]:
    """What is to be asked by the samples of a round, which are not folded yet."""
    found = list[Finding]()
    for k in np.flatnonzero(np.isin(r.rows, list(memory.newcomers))).tolist():
        row, device = int(r.rows[k]), r.names[r.device[k]]
        one = memory.newcomers[row].get(device)
        said = _unlike(memory, row, one, (r, k)) if one is not None and not one.asked else None
        if one is None or said is None:
            continue
        t = int(r.t[k])
        if said:
            one.asked = t
            found.append(_told(memory, row, device, "start", (t, t, int(r.received_at[k])), (now_ms, said)))
        elif one.over(t) or not _comparable(memory, row, one):
            _drop(memory, row, device)
    return found


def left(memory: Memory, now_ms: int) -> list[Finding]:
    """The questions about devices that have gone to another patient, as long ago as a sample of theirs could be late."""
    d, found = memory.devices, list[Finding]()
    for where, at, device in [(w, at, device) for w in (memory, memory.joint) if w for at, by in w.newcomers.items() for device in by]:
        row = memory.row_of[where.patients[at]]
        slot = memory.slot_of[row, device]
        waits = memory.order.standing[slot] or (row in memory.lanes.of and memory.lanes.of[row].holds(device))
        if not waits and not d.current[slot] and 0 < d.at[slot] < now_ms - HOLD_MS - GRACE_MS:
            found += _over(memory, row, device, now_ms)
    return found


def dismissed(memory: Memory, row: int, now_ms: int) -> list[Finding]:
    """Nobody watches the patient any more: what was asked ends, and no newcomer is looked at."""
    return [f for device in list(known(memory, row)) for f in _over(memory, row, device, now_ms)]


def _where(memory: Memory, row: int) -> tuple[Memory, int]:
    """Where the samples of all of a patient's devices are folded in order."""
    at = int(memory.settings.joint[row])
    return (memory, row) if at < 0 or memory.joint is None else (memory.joint, at)


def _unlike(memory: Memory, row: int, one: Newcomer, sample: tuple[Round, int]) -> dict[str, object]:
    """What does not fit, by a sample more of a newcomer."""
    r, k = sample
    if not one.mean:
        _met(memory, row, one)
    if not r.live[k]:
        return {}
    one.hear(int(r.t[k]), r.values[k, LOOKED_AT])
    return _weighed(memory, row, one, float(r.values[k, _WEIGHT])) or _compared(one)


def _met(memory: Memory, row: int, one: Newcomer) -> None:
    """The baseline counts where it is known by now."""
    cells = memory.cells
    at = row * V + LOOKED_AT
    one.mean = np.where(cells.n[at] >= memory.rules.baseline.warm_up, cells.mean[at], np.nan).tolist()
    one.sd = np.sqrt(cells.variance[at]).tolist()


def _comparable(memory: Memory, row: int, one: Newcomer) -> bool:
    """Whether anything was known of the patient."""
    return any(mean == mean for mean in one.mean) or not np.isnan(memory.cells.value[row * V + _WEIGHT])


def _weighed(memory: Memory, row: int, one: Newcomer, now: float) -> dict[str, object]:
    before, first = float(memory.cells.value[row * V + _WEIGHT]), not one.weighed
    one.weighed = one.weighed or now == now
    unlike = first and other_weight(before, now)
    return {VITALS[_WEIGHT].name: {"usual": round(before, 1), "now": round(now, 1)}} if unlike else {}


def _compared(one: Newcomer) -> dict[str, object]:
    unlike = one.unlike()
    return unlike if len(unlike) >= LEAST_VITALS else {}


def _over(memory: Memory, row: int, device: str, now_ms: int) -> list[Finding]:
    """The device is no newcomer any more, and what was asked about it ends."""
    where, at = _where(memory, row)
    one, slot = where.newcomers[at][device], memory.slot_of[row, device]
    _drop(where, at, device)
    memory.settings.dirty[row] = 1
    last, received_at = int(memory.devices.at[slot]), int(memory.devices.heard[slot])
    return [_told(where, at, device, "end", (one.asked, last, received_at), (now_ms, {}))] if one.asked else []


def _drop(memory: Memory, row: int, device: str) -> None:
    del memory.newcomers[row][device]
    if not memory.newcomers[row]:
        del memory.newcomers[row]


def _told(memory: Memory, row: int, device: str, phase: Phase, times: tuple[int, int, int], said: tuple[int, dict[str, object]]) -> Finding:
    """times: started, at, received_at (ms). said: now, and what was unlike before."""
    patient, (started_at, at, received_at), (now_ms, unlike) = memory.patients[row], times, said
    return Finding(
        id=finding_id(patient, RULE, device, started_at),
        phase=phase,
        patient=patient,
        ward=memory.ward(patient),
        rule=RULE,
        rule_version=RULE_VERSION,
        alert_class="technical",
        priority=PRIORITY,  # type: ignore[arg-type]  # a literal, named once
        title=f"Is {device} on the right patient?",
        started_at=started_at,
        at=at,
        received_at=received_at,
        detected_at=now_ms,
        subject=device,
        ended_at=at if phase == "end" else None,
        evidence={"device": device, "unlike_before": unlike} if unlike else {},
    )
