"""What detection costs, part by part, without Kafka: each rule's share, a patient's bytes, and the speed with many patients.

In: nothing. Out: figures. A rule's cost is the CPU time of folding with all rules on, less that without it.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np

from loadtests.detect_ward import batch_at, seconds
from loadtests.figure import Figure
from streams.detect.memory import Memory, empty
from streams.detect.order import HOLD_MS
from streams.detect.step import step
from vitals.context import PatientContext
from vitals.rules import RuleSet, default

WARDS = (5_000, 20_000, 100_000)
VITALS_READ = 6
_WARM, _STEPS = 4, 12
_DETECTORS = 5_000


def costs() -> Iterator[Figure]:
    """Nanoseconds a reading: of everything, and of each rule."""
    whole = _spent(_DETECTORS, default(), scored=True)
    yield Figure("detect, the fold alone, all rules", 1e9 * whole, "ns/reading")
    yield Figure("detect, the fold alone, NEWS2", 1e9 * (whole - _spent(_DETECTORS, default(), scored=False)), "ns/reading")
    for name, rules in without().items():
        yield Figure(f"detect, the fold alone, {name}", 1e9 * (whole - _spent(_DETECTORS, rules, scored=True)), "ns/reading")


def without() -> Mapping[str, RuleSet]:
    """The shipped rules, each time less one of those that can be left out."""
    rules = default()
    found = {
        "limits": msgspec.structs.replace(rules, limits={}, groups={}),
        "baseline": msgspec.structs.replace(rules, baseline=msgspec.structs.replace(rules.baseline, least_sd={})),
    }
    for name in rules.__struct_fields__:
        if getattr(rules, name) is not None and _optional(rules, name):
            found[name] = msgspec.structs.replace(rules, **{name: None})
    return MappingProxyType(found)


def _optional(rules: RuleSet, name: str) -> bool:
    try:
        msgspec.json.decode(msgspec.json.encode(msgspec.structs.replace(rules, **{name: None})), type=RuleSet)
    except msgspec.ValidationError:
        return False
    return True


def wards() -> Iterator[Figure]:
    """Readings a CPU second, and bytes a patient and vital, with ever more patients."""
    for patients in WARDS:
        memory = empty(default(), hold_ms=HOLD_MS)
        yield Figure(f"detect, the fold alone, {patients:,} patients", 1 / _spent(patients, default(), True, memory), "readings/CPU-s")
        yield Figure(f"detect, {patients:,} patients, memory", size(memory) / patients / VITALS_READ, "bytes/patient and vital")


def size(memory: Memory) -> int:
    """Bytes of the columns in use; room for more patients than there are is not counted."""
    tables = [table for f in fields(memory) if is_dataclass(table := getattr(memory, f.name)) and table is not memory.devices]
    rows = sum(_bytes(table) for table in tables) / memory.room
    order, cadence, lateness = memory.order, memory.order.cadence, memory.order.lateness
    of_order = (memory.seen.top, order.lost, order.owed, order.standing, order.known, cadence.last_at, cadence.step, cadence.pace)
    slots = _bytes(memory.devices) / memory.slots + sum(c.itemsize for c in (*of_order, lateness.heard, lateness.turned, lateness.slow))
    return round(rows * len(memory.patients) + slots * len(memory.names))


def _bytes(table: Any) -> int:
    columns = (getattr(table, f.name) for f in fields(table))
    return sum(c.nbytes for c in columns if isinstance(c, np.ndarray))


def _spent(patients: int, rules: RuleSet, scored: bool, memory: Memory | None = None) -> float:
    """CPU seconds a reading, once everybody is known."""
    memory = empty(rules, hold_ms=HOLD_MS) if memory is None else memory
    names = [f"P{p:06d}" for p in range(patients)]
    if not scored:
        for name in names:
            memory.know(PatientContext(patient=name, version=1, ward="north", pregnant=True), 0)
    who, spent, readings = np.arange(patients), 0.0, 0
    for second, values in enumerate(seconds(patients, _STEPS)):
        batch = batch_at(names, who, second, values)
        began = time.process_time()
        step(memory, batch, 0)
        if second >= _WARM:
            spent += time.process_time() - began
            readings += int((batch.values == batch.values).sum())
    return spent / readings
