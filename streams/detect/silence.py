"""Devices that fall silent or run flat: technical conditions, one a device, with the cause that is known; or one for all of an outage.

In: arrivals of samples, the link topic's records, time. Out: findings `silence` and `battery`, subject the device; `outage`, of the site.
A device's own pause between samples is learned first, unless the link topic says that it is off line; a device slower than the rules'
`slowest_s` is a spot check and never falls silent.
Only the slot that a device used last counts, in whichever partition, so a device that moved to another patient is not missed at the
former one, and what was told of it there is over.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streams.detect import outage
from streams.detect.memory import Memory
from streams.detect.moved import moved
from vitals.finding import Finding, Phase, finding_id
from vitals.link import Link

type_i64 = npt.NDArray[np.int64]

_SHARE = 0.2
_CHARGED = 0.05
"""A battery must rise this far above the limit before its condition ends."""


def heard(memory: Memory, slots: type_i64, observed_at: type_i64, received_at: type_i64, now_ms: int) -> list[Finding]:
    """Notes samples (n,) of distinct slots; ends the silences that they break."""
    d = memory.devices
    pause, before = d.pause[slots], d.at[slots]
    elapsed = observed_at - before
    onward = elapsed > 0
    learned = np.where(d.n[slots] > 1, pause + _SHARE * (elapsed - pause), elapsed)
    further = onward & (before > 0)
    d.pause[slots] = np.where(further, learned, pause)
    d.step[slots] = np.where(further, elapsed, d.step[slots])
    d.n[slots] += onward
    d.at[slots] = np.maximum(before, observed_at)
    d.heard[slots] = np.maximum(d.heard[slots], received_at)
    broken = d.silent[slots].nonzero()[0]
    return [_silence(memory, int(slots[k]), "end", (int(observed_at[k]), int(received_at[k])), now_ms) for k in broken]


def missing(memory: Memory, now_ms: int) -> list[Finding]:
    """The devices that have fallen silent by `now_ms`, each by itself or together as an outage; the outages that are over."""
    d, n = memory.devices, len(memory.names)
    house = memory.house or [memory]
    found = _left(memory, now_ms) + _ended(house, now_ms)
    found += [_absorbed(memory, s, now_ms) for s in np.flatnonzero((d.silent[:n] != 0) & (d.outage[:n] != 0)).tolist()]
    fresh = _fresh(memory, now_ms)
    every = outage.parts(house, now_ms) if len(fresh) and memory.rules.outage else []
    for slot in fresh.tolist():
        if d.outage[slot]:
            continue
        group = outage.group_out(every, memory, slot, memory.rules.outage) if memory.rules.outage else None
        if group is None:
            found.append(_silence(memory, slot, "start", (int(d.at[slot]), int(d.heard[slot])), now_ms))
        else:
            found += outage.joins(house, every, group, (memory, slot), now_ms)
    return found


def _fresh(memory: Memory, now_ms: int) -> type_i64:
    """The slots that are silent and part of nothing that was told."""
    d, rule, n = memory.devices, memory.rules.silence, len(memory.names)
    quiet = now_ms - d.heard[:n] > np.maximum(rule.least_s * 1000, rule.factor * d.pause[:n])
    gone = (d.offline[:n] > 0) & (now_ms - np.maximum(d.offline[:n], d.heard[:n]) > rule.offline_s * 1000)
    return np.flatnonzero((d.silent[:n] == 0) & (d.outage[:n] == 0) & outage.expected(memory) & (quiet | gone))


def _left(memory: Memory, now_ms: int) -> list[Finding]:
    """Devices that went to another patient are expected here no more; what was told of them here is over."""
    d, n = memory.devices, len(memory.names)
    told = (d.silent[:n] != 0) | (d.outage[:n] != 0)
    for slot in [*_fresh(memory, now_ms).tolist(), *np.flatnonzero(told & (d.current[:n] != 0)).tolist()]:
        if moved(memory, slot):
            memory.leave(slot)
    return _let_go(memory, np.flatnonzero((told | (d.flat[:n] != 0)) & (d.current[:n] == 0)), now_ms)


def _ended(house: Sequence[Memory], now_ms: int) -> list[Finding]:
    """The outages most of whose devices speak again; with the rule gone, all."""
    rule = house[0].rules.outage
    known = any(memory.devices.outage.any() for memory in house)
    if not known or (rule is not None and not outage.any_speaks(house, now_ms)):
        return []
    every = outage.parts(house, now_ms)
    standing = outage.open_shares(house)
    return [outage.ends(share, now_ms) for share in standing if rule is None or outage.over(every, share.group, rule)]


def _absorbed(memory: Memory, slot: int, now_ms: int) -> Finding:
    """A silence that was told by itself turned out to be part of an outage, which speaks for it."""
    return _silence(memory, slot, "end", (int(memory.devices.at[slot]), int(memory.devices.heard[slot])), now_ms)


def dismissed(memory: Memory, row: int, now_ms: int) -> list[Finding]:
    """The patient of `row` is no longer watched: the silences and low batteries of its devices end."""
    return _let_go(memory, np.flatnonzero(memory.devices.row[: len(memory.names)] == row), now_ms)


def _let_go(memory: Memory, slots: type_i64, now_ms: int) -> list[Finding]:
    """Nothing is expected of `slots` any more: what was told of them ends, with them all that is left of an outage."""
    if not len(slots):
        return []
    d, gone = memory.devices, set(slots.tolist())
    lost = [share for share in outage.open_shares([memory]) if all(slot in gone for _, slot in share.members)]
    found = [outage.ends(share, now_ms) for share in lost]
    for slot in slots.tolist():
        if d.silent[slot]:
            found.append(_silence(memory, slot, "end", (int(d.at[slot]), int(d.heard[slot])), now_ms))
        if d.flat[slot]:
            link = Link(device=memory.names[slot], state="online", at=now_ms)
            found.append(_battery(memory, slot, "end", link, now_ms))
            d.flat[slot] = 0
    d.outage[slots], memory.settings.dirty[d.row[slots]] = 0, 1
    return found


def linked(memory: Memory, link: Link, now_ms: int) -> list[Finding]:
    """A record of the link topic: on or off line, and the battery."""
    slot = memory.current_slot.get(link.device)
    if slot is None:
        return []
    d, rule = memory.devices, memory.rules.silence
    d.offline[slot] = link.at if link.state == "offline" else 0
    if link.battery is None:
        return []
    if link.battery <= rule.battery and not d.flat[slot]:
        d.flat[slot] = link.at
        return [_battery(memory, slot, "start", link, now_ms)]
    if link.battery > rule.battery + _CHARGED and d.flat[slot]:
        ended = _battery(memory, slot, "end", link, now_ms)
        d.flat[slot] = 0
        return [ended]
    return []


def _silence(memory: Memory, slot: int, phase: Phase, moment: tuple[int, int], now_ms: int) -> Finding:
    d = memory.devices
    if phase == "start":
        d.silent[slot] = d.at[slot]
    started, (at, received_at) = int(d.silent[slot]), moment
    if phase == "end":
        d.silent[slot] = 0
    link = memory.links.get(memory.names[slot])
    cause, words = _cause(memory, link if link is not None and link.state == "offline" else None)
    evidence = {"cause": cause, "usual_pause_s": round(float(d.pause[slot]) / 1000, 1), "battery": link.battery if link else None}
    return _record(memory, slot, "silence", phase, (started, at, received_at), (f"No data: {words}", evidence), now_ms)


def _cause(memory: Memory, offline: Link | None) -> tuple[str, str]:
    if offline is None:
        return "no_data", "the device is connected or never said, but sends nothing"
    if offline.battery is not None and offline.battery <= memory.rules.silence.battery:
        return "battery", "the device went off line with a flat battery"
    if offline.gateway is not None:
        return "gateway", f"its hub {offline.gateway} is off line"
    return "offline", "the device is off line"


def _battery(memory: Memory, slot: int, phase: Phase, link: Link, now_ms: int) -> Finding:
    started = int(memory.devices.flat[slot])
    return _record(memory, slot, "battery", phase, (started, link.at, link.at), ("Battery low", {"battery": link.battery}), now_ms)


def _record(
    memory: Memory, slot: int, rule: str, phase: Phase, times: tuple[int, int, int], said: tuple[str, dict[str, Any]], now_ms: int
) -> Finding:
    """times: started, at, received_at (ms). said: title and evidence."""
    patient, device = memory.patients[memory.devices.row[slot]], memory.names[slot]
    started, at, received_at = times
    return Finding(
        id=finding_id(patient, rule, device, started),
        phase=phase,
        patient=patient,
        ward=memory.ward(patient),
        rule=rule,
        rule_version=memory.rules.version,
        alert_class="technical",
        priority=memory.rules.silence.priority if rule == "silence" else "low",
        title=said[0],
        started_at=started,
        at=at,
        received_at=received_at,
        detected_at=now_ms,
        subject=device,
        ended_at=at if phase == "end" else None,
        evidence=said[1],
    )
