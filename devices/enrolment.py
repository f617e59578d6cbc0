"""Registering devices with their patients, once: a second run with the same memory registers nothing.

In: whom to register. Out: `Memory` filled. Promise: what was registered is remembered even when a later registration fails.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from devices.http import Registry
from devices.memory import Known, Memory

_AT_ONCE = 4
_SAVE_EVERY = 50


@dataclass(frozen=True, slots=True)
class Person:
    """A made-up patient; never anyone's real data."""

    mrn: str
    name: str
    birth_date: str
    sex: str
    ward: str
    bed: str = ""
    spo2_scale: int = 1

    def facts(self) -> dict[str, object]:
        """The body of POST /patients."""
        names = ("mrn", "name", "birth_date", "sex", "ward", "bed", "spo2_scale")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A device that should be on a person from `since` (RFC 3339) on; `name` is how the memory calls it."""

    name: str
    person: Person
    since: str
    kind: str = "monitor"
    gateway: str | None = None


def enrol(registry: Registry, memory: Memory, wanted: Sequence[Wanted]) -> None:
    """Registers what the memory lacks, four at a time."""
    missing = [w for w in wanted if not (w.name in memory.known and memory.known[w.name].assigned)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for start in range(0, len(missing), _SAVE_EVERY):
            some = missing[start : start + _SAVE_EVERY]
            patients = dict(zip({w.person.mrn: w for w in some}, pool.map(registry.patient, _people(some)), strict=True))
            try:
                list(pool.map(partial(_device, registry, memory, patients), some))
            finally:
                memory.save()


def enrol_hub(registry: Registry, memory: Memory, name: str, ward: str) -> None:
    """Registers a hub: a device that is on nobody and speaks for others."""
    made = registry.device("gateway", ward)
    memory.known[name] = Known(device=made["id"], password=made["password"], patient="", ward=ward, kind="gateway", assigned=True)
    memory.save()


def _people(wanted: Sequence[Wanted]) -> list[dict[str, object]]:
    return [w.person.facts() for w in {w.person.mrn: w for w in wanted}.values()]


def _device(registry: Registry, memory: Memory, patients: Mapping[str, str], w: Wanted) -> None:
    patient = patients[w.person.mrn]
    known = memory.known.get(w.name)
    if known is None:
        made = registry.device(w.kind, w.person.ward, w.gateway)
        known = Known(device=made["id"], password=made["password"], patient=patient, ward=w.person.ward, kind=w.kind, gateway=w.gateway)
        memory.known[w.name] = known
    registry.assign(known.device, patient, w.since)
    known.assigned = True
