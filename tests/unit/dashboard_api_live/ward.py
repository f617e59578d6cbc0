"""A picture of a small ward and ports that remember, for the live feed's unit tests."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dashboard_api.live.state import Picture
from vitals import batch, registry
from vitals.alert import Alert, Delays
from vitals.context import PatientContext
from vitals.topics import partition_of

NOW = 1_800_000_000_000


def readings(*rows: tuple[str, int, dict[str, float]]) -> batch.Batch:
    """(patient, observed_at, {vital: value; None = no value}) by row."""
    n = len(rows)
    patients = tuple(dict.fromkeys(r[0] for r in rows))
    values, absent = np.full((n, registry.V), np.nan), np.zeros(n, np.uint32)
    for i, (_, _, told) in enumerate(rows):
        for name, value in told.items():
            if value is None:
                absent[i] |= 1 << registry.index(name)
            else:
                values[i, registry.index(name)] = value
    at = np.array([r[1] for r in rows], np.int64)
    zero = np.zeros(n, np.int32)
    who = np.array([patients.index(r[0]) for r in rows], np.int32)
    return batch.Batch(
        patients, who, ("d",), zero, np.arange(n), at, at, zero, values, np.full((n, registry.V), np.nan, np.float32), absent
    )


def alert(patient: str, version: int = 1, state: Any = "active", name: str = "a1") -> Alert:
    return Alert(
        id=name, version=version, patient=patient, ward="north", alert_class="physiological", priority="high", state=state, rule="r",
        rule_version=1, title="t", subject="spo2", started_at=NOW, ended_at=None, retrospective=False, evidence={}, delays=Delays(),
    )  # fmt: skip


@dataclass
class Ward:
    """A picture of one partition and its next offset."""

    picture: Picture = field(default_factory=lambda: Picture(1))
    offset: int = 0

    def admit(self, patient: str, ward: str = "north", version: int = 1) -> None:
        self.picture.context(PatientContext(patient=patient, version=version, ward=ward, bed="1"), self._next(4))

    def told(self, *rows: tuple[str, int, dict[str, Any]]) -> None:
        self.picture.readings(readings(*rows), self._next(0), NOW)

    def raised(self, given: Alert) -> None:
        self.picture.alert(given, partition_of(given.patient, 1), self._next(2))

    def _next(self, kind: int) -> int:
        self.offset += 1
        self.picture.advance(kind, 0, self.offset)
        return self.offset


@dataclass(eq=False)
class Port:
    """A reader's end: what it was written; `stuck` bytes pretend not to be sent."""

    frames: list[dict[str, Any]] = field(default_factory=list)
    stuck: int = 0
    was_cut: bool = False

    def write(self, frame: bytes) -> None:
        self.frames.append(json.loads(frame))

    def unsent(self) -> int:
        return self.stuck

    def cut(self, reason: str) -> None:
        self.was_cut = True

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [f for f in self.frames if f["type"] == kind]
