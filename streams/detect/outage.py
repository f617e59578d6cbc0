"""Devices that fall silent together: one cause, one technical finding that names the beds, instead of one for each.

In: the memories of all partitions in hand, time. Out: for a device that fell silent, the outage that it is part of; outages that begin
and end, as findings about the site (`vitals.finding.SITE`). The groups that one cause can silence, smallest first: the devices
of a gateway (hub), of a ward, of the house. A group is out when at least `least` of it and `share` of it say nothing: silent already, or
quiet for half of what would make them silent, which a device that speaks never is. Promise: what is known of an outage is in the devices'
columns, so that a restart goes on; a device that is still silent when its outage is over is told by itself.
Each memory tells its own share of an outage, with its own id, begin and end: whichever workers have the partitions, then or later, the
alert that the shares make is over when the last of them is. Nothing that can change names a share: its memory, what kind of group, when it
began; wards and hubs are those of its devices now.
The cause of a whole house's silence: the links say off line (the network), or still on line (the broker, or Vigil's own intake).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from streams.detect.memory import Memory
from streams.detect.moved import moved
from vitals.finding import SITE, Finding, Phase, finding_id
from vitals.rule_forms import OutageRule

type_bool = npt.NDArray[np.bool_]

Scope = Literal["gateway", "ward", "house"]
Group = tuple[Scope, str]
Device = tuple[Memory, int]
"""A slot of a memory."""
SCOPES: tuple[Scope, ...] = ("gateway", "ward", "house")
QUIET_SHARE, OVER_SHARE = 0.5, 0.5
MOST_NAMED = 200
LEAST_SAMPLES = 2
"""By which a device that goes off line is known to measure again and again: of one sample alone there may never be another."""


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """One memory's part of an outage that was told: the group, since when (ms), its devices."""

    group: Group
    began: int
    members: list[Device]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One memory's expected devices: slots (n,), which are quiet (n,), the groups of each."""

    memory: Memory
    slots: npt.NDArray[np.int64]
    quiet: type_bool
    groups: tuple[Mapping[Scope, str], ...]


def parts(house: Sequence[Memory], now_ms: int) -> list[Part]:
    """The devices that are expected to speak, and which of them do not."""
    return [_part(memory, now_ms) for memory in house]


def group_out(every: Sequence[Part], memory: Memory, slot: int, rule: OutageRule) -> Group | None:
    """The largest group of the device at `slot` that is out; None: it is silent by itself."""
    mine = _groups(memory, slot)
    for scope in reversed(SCOPES):
        quiet, count = _count(every, scope, mine.get(scope, ""))
        if scope in mine and quiet >= rule.least and quiet >= rule.share * count:
            return scope, mine[scope]
    return None


def joins(house: Sequence[Memory], every: Sequence[Part], group: Group, device: Device, now_ms: int) -> list[Finding]:
    """A device of a group that is out: it joins the share that was told, or with it one begins in each memory that has none, and takes up
    smaller outages."""
    known = open_shares(house)
    told = {id(share.members[0][0]): share for share in known if share.group == group}
    mine = told.get(id(device[0]))
    if mine is not None:
        _mark([device], mine)
        return []
    members = [each for each in _members(every, group) if id(each[0]) not in told]
    keys = set(_keys(members))
    words = _members(every, group)
    found = [ends(old, now_ms) for old in known if keys & set(_keys(old.members))]
    for share in _shares(group, members):
        _mark(share.members, share)
        found.append(_finding(share, words, "start", now_ms))
    return found


def _shares(group: Group, members: Sequence[Device]) -> list[Share]:
    """`members` by memory, in their order."""
    found: dict[int, list[Device]] = {}
    for each in members:
        found.setdefault(id(each[0]), []).append(each)
    return [Share(group, _began(group[0], mine), mine) for mine in found.values()]


def _began(scope: Scope, mine: Sequence[Device]) -> int:
    """When the first was last heard of, but for those whose silence was told before, which may be of an outage before.

    A ms later while the memory has a share of that scope from then: the two would be one.
    """
    memory = mine[0][0]
    d, known = memory.devices, set(memory.devices.outage[: len(memory.names)].tolist())
    began = min([int(d.heard[s]) for _, s in mine if not d.silent[s]] or [int(d.heard[s]) for _, s in mine])
    while _marked(scope, began) in known:
        began += 1
    return began


def _marked(scope: Scope, began: int) -> int:
    return began * len(SCOPES) + SCOPES.index(scope)


def _mark(members: Sequence[Device], share: Share) -> None:
    for memory, slot in members:
        memory.devices.outage[slot] = _marked(share.group[0], share.began)
        memory.settings.dirty[memory.devices.row[slot]] = 1


def _keys(members: Sequence[Device]) -> list[tuple[int, int]]:
    return [(id(memory), slot) for memory, slot in members]


def open_shares(house: Sequence[Memory]) -> list[Share]:
    """What was told and is not over."""
    return [share for memory in house for share in _open(memory)]


def _open(memory: Memory) -> list[Share]:
    found: dict[int, list[Device]] = {}
    for slot in np.flatnonzero(memory.devices.outage[: len(memory.names)]).tolist():
        found.setdefault(int(memory.devices.outage[slot]), []).append((memory, slot))
    return [_share(mark, members) for mark, members in found.items()]


def _share(mark: int, members: list[Device]) -> Share:
    """Of the group in which most of its members are now."""
    began, scope = divmod(mark, len(SCOPES))
    names = Counter(_groups(memory, slot).get(SCOPES[scope], "") for memory, slot in members)
    return Share((SCOPES[scope], names.most_common(1)[0][0]), began, members)


def over(every: Sequence[Part], group: Group, rule: OutageRule) -> bool:
    """Most of the group speaks again."""
    quiet, count = _count(every, *group)
    return quiet < rule.least or quiet < OVER_SHARE * count


def ends(share: Share, now_ms: int) -> Finding:
    """The end of a share; its devices are themselves again."""
    for memory, slot in share.members:
        memory.devices.outage[slot] = 0
        memory.settings.dirty[memory.devices.row[slot]] = 1
    return _finding(share, share.members, "end", now_ms)


def any_speaks(house: Sequence[Memory], now_ms: int) -> bool:
    """Whether any device that is part of an outage speaks: without one nothing is over, whatever their number."""
    for memory in house:
        slots = np.flatnonzero(memory.devices.outage[: len(memory.names)])
        if len(slots) and not _quiet(memory, slots, now_ms).all():
            return True
    return False


def _quiet(memory: Memory, slots: npt.NDArray[np.int64], now_ms: int) -> type_bool:
    """(n,) silent already, off line, or quiet for half of what would make them silent."""
    d, rule = memory.devices, memory.rules.silence
    limit = np.maximum(rule.least_s * 1000, rule.factor * d.pause[slots])
    return np.asarray((d.silent[slots] != 0) | (now_ms - d.heard[slots] > QUIET_SHARE * limit) | (d.offline[slots] > d.heard[slots]))


def expected(memory: Memory) -> type_bool:
    """(slots,) those whose silence says something: no spot checks, their pause learned, or off line as the link topic says."""
    d, n, rule = memory.devices, len(memory.names), memory.rules.silence
    here = (d.current[:n] != 0) & (memory.settings.active[d.row[:n]] != 0) & (d.pause[:n] <= rule.slowest_s * 1000)
    return np.asarray(here & ((d.n[:n] >= rule.warm_up) | ((d.offline[:n] > 0) & (d.n[:n] >= LEAST_SAMPLES))))


def _part(memory: Memory, now_ms: int) -> Part:
    slots = np.flatnonzero(expected(memory))
    quiet = _quiet(memory, slots, now_ms)
    here = ~np.array([q and moved(memory, s) for s, q in zip(slots.tolist(), quiet.tolist(), strict=True)], dtype=np.bool_)
    slots, quiet = slots[here], quiet[here]
    return Part(memory, slots, quiet, tuple(_groups(memory, s) for s in slots.tolist()))


def _groups(memory: Memory, slot: int) -> dict[Scope, str]:
    link = memory.links.get(memory.names[slot])
    ward = memory.ward(memory.patients[memory.devices.row[slot]])
    found: dict[Scope, str] = {"house": ""}
    if link is not None and link.gateway:
        found["gateway"] = link.gateway
    return found | ({"ward": ward} if ward else {})


def _count(every: Sequence[Part], scope: Scope, name: str) -> tuple[int, int]:
    """How many of a group are quiet, and how many there are."""
    quiet = count = 0
    for part in every:
        mine = np.array([groups.get(scope) == name for groups in part.groups], dtype=np.bool_)
        quiet, count = quiet + int((mine & part.quiet).sum()), count + int(mine.sum())
    return quiet, count


def _members(every: Sequence[Part], group: Group) -> list[Device]:
    """The quiet devices of a group."""
    scope, name = group
    return [
        (part.memory, slot)
        for part in every
        for slot, groups, quiet in zip(part.slots.tolist(), part.groups, part.quiet.tolist(), strict=True)
        if quiet and groups.get(scope) == name
    ]


def _cause(group: Group, members: Sequence[Device]) -> tuple[str, str]:
    scope, name = group
    offline = sum(memory.devices.offline[slot] > 0 for memory, slot in members)
    if scope == "gateway":
        return "gateway", f"gateway {name} is silent"
    if offline * 2 > len(members):
        return "network", "all are off line: the network" + (f" of ward {name}" if scope == "ward" else "")
    if scope == "ward":
        return "network", f"nothing comes from ward {name}"
    return "pipeline", "nothing comes from any device: the broker or Vigil's own intake"


def _finding(share: Share, among: Sequence[Device], phase: Phase, now_ms: int) -> Finding:
    """Of a share; the cause is read from all that are known to be silent with it."""
    memory, group = share.members[0][0], share.group
    subject = f"{group[0]}:{group[1]}" if group[1] else group[0]
    cause, words = _cause(group, among)
    patients = sorted({m.patients[m.devices.row[slot]] for m, slot in share.members})
    named = sorted({bed for bed in (_bed(m, m.patients[m.devices.row[slot]]) for m, slot in share.members) if bed})
    wards = {m.ward(m.patients[m.devices.row[slot]]) for m, slot in among}
    evidence: dict[str, Any] = {
        "cause": cause,
        "devices": len(share.members),
        "patients": patients[:MOST_NAMED],
        "beds": named[:MOST_NAMED],
    }
    rule = memory.rules.outage
    return Finding(
        id=finding_id(SITE, "outage", f"{group[0]}\0{memory.patients[0]}", share.began),  # a memory's first patient is for ever its own
        phase=phase,
        patient=SITE,
        ward=next(iter(wards)) if len(wards) == 1 else "",
        rule="outage",
        rule_version=memory.rules.version,
        alert_class="technical",
        priority=rule.priority if rule else "high",
        title=f"No data from {len(patients)} patients: {words}",
        started_at=share.began,
        at=now_ms,
        received_at=now_ms,
        detected_at=now_ms,
        subject=subject,
        ended_at=now_ms if phase == "end" else None,
        evidence=evidence,
    )


def _bed(memory: Memory, patient: str) -> str:
    context = memory.contexts.get(patient)
    return f"{context.ward} {context.bed}".strip() if context is not None and context.bed else ""
