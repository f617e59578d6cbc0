"""Who is where: a frozen picture of devices and assignment intervals, made for asking about thousands of samples at once.

In: rows of the database (`ingest.timescale`). Out: device -> row number, and the patient that a device was on at a moment.
Promise: never changes; a newer picture is a new object. A revoked device is not in it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vitals.topics import partition_of

_SPAN = 1 << 43
"""Milliseconds that one device's part of the key takes: until the year 2248. 2**63 / 2**43 = a million devices."""
FOREVER = _SPAN - 1


@dataclass(frozen=True, slots=True)
class Device:
    """A device that is let in; `gateway`: the hub that may speak for it; `ward`: where it belongs while it is on nobody.

    `clock_ms` is added to its own times; `skew_ms`: how far ahead its clock is, as last noted at `clock_at` (ms; None = never yet).
    """

    id: str
    gateway: str | None = None
    ward: str | None = None
    clock_ms: int = 0
    skew_ms: int | None = None
    clock_at: int | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """The device was on the patient from `start` to before `end` (ms since 1970 UTC; None = still is)."""

    device: str
    patient: str
    start: int
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """An open alert about a device, of what the door itself noticed (`ingest.conditions`).

    `starts`: when its findings began, ms, the last few; `findings`: the ids of those that are not over. `patient` may be the site.
    """

    rule: str
    patient: str
    device: str
    starts: tuple[int, ...]
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Directory:
    """Made by `directory`. Row numbers of devices and patients hold within one picture only.

    Attributes:
        devices: the devices let in; number: id -> place in `devices`.
        patients, wards: (p,) object, pseudonyms and their wards; partition: (p,) int32, the Kafka partition of each.
        clock_ms: (d,) int32, of each device.
        loaded_at: ms, when the reading of the database began: what was written before is in it.
        standing: the open alerts of the door's own rules.
        records: record number, digested (`vitals.site_key`) -> patient; empty at a door that asks for none.
    """

    devices: tuple[Device, ...]
    number: Mapping[str, int]
    patients: npt.NDArray[np.object_]
    wards: npt.NDArray[np.object_]
    partition: npt.NDArray[np.int32]
    clock_ms: npt.NDArray[np.int32]
    loaded_at: int
    _starts: npt.NDArray[np.int64]
    _ends: npt.NDArray[np.int64]
    _patient: npt.NDArray[np.int32]
    standing: tuple[Standing, ...] = ()
    records: Mapping[bytes, str] = field(default_factory=dict)

    def patient_at(self, device: npt.NDArray[np.int64], at: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """(n,) device rows and moments in ms -> (n,) patient rows, -1 = on nobody then. At 1-2 million samples a second."""
        if not len(self._starts):
            return np.full(len(device), -1, np.int32)
        key = device * _SPAN + np.clip(at, 0, FOREVER - 1)
        place = np.searchsorted(self._starts, key, side="right") - 1
        inside = (at >= 0) & (place >= 0) & (self._starts[place] // _SPAN == device) & (key < self._ends[place])
        return np.where(inside, self._patient[place], -1).astype(np.int32)

    def corrected(
        self, device: npt.NDArray[np.int64], raw: npt.NDArray[np.int64], received_at: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """(n,) device rows, their own times, ms -> true times and what was added. A slow clock's time is never moved beyond `received_at`:
        once somebody has set the clock right it needs no correction, before the ledger says so."""
        clock = self.clock_ms[device]
        added = np.where(clock > 0, np.clip(received_at - raw, 0, clock), clock).astype(np.int32)
        return raw + added, added

    def true_time(self, device: str, said: int, received_at: int) -> tuple[int, int]:
        """The moment that a device's own time stands for, and what was added, both ms. Raises KeyError for a device that is not here."""
        row, at, received = (np.array([x], np.int64) for x in (self.number[device], said, received_at))
        corrected, added = self.corrected(row, at, received)
        return int(corrected[0]), int(added[0])

    def since(self, device: str, at: int) -> int | None:
        """Since when, ms, the device was on whom it was on at a moment; None where it was on nobody."""
        if self.patient_of(device, at) is None:
            return None
        row = self.number[device]
        place = int(np.searchsorted(self._starts, row * _SPAN + at, side="right")) - 1
        return int(self._starts[place]) - row * _SPAN

    def patient_of(self, device: str, at: int) -> str | None:
        """Whom one device was on at a moment; None for a device that is not here, or on nobody."""
        row = self.number.get(device)
        if row is None:
            return None
        patient = int(self.patient_at(np.array([row], np.int64), np.array([at], np.int64))[0])
        return str(self.patients[patient]) if patient >= 0 else None

    def device_on(self, patient: str, at: int) -> str | None:
        """The first device that was on the patient then."""
        place = int(np.searchsorted(self.patients, patient))
        owners = self.patient_at(np.arange(len(self.devices)), np.full(len(self.devices), at))
        found = np.flatnonzero(owners == place).tolist() if patient in self.patients else []
        return self.devices[found[0]].id if found else None

    def ward_of(self, patient: str) -> str:
        """The ward of a patient of this picture; "" = on none."""
        place = int(np.searchsorted(self.patients, patient))
        return str(self.wards[place]) if place < len(self.patients) and self.patients[place] == patient else ""

    def speaks_for(self, gateway: str, device: str) -> bool:
        """Whether `device` is let in, and let in through `gateway`, itself let in."""
        row = self.number.get(device)
        return row is not None and gateway in self.number and self.devices[row].gateway == gateway


def directory(
    devices: Iterable[Device],
    assignments: Iterable[Assignment],
    wards: Mapping[str, str],
    partitions: int,
    loaded_at: int,
    standing: Iterable[Standing] = (),
    records: Mapping[bytes, str] | None = None,
) -> Directory:
    """The picture of these rows. `wards`: patient -> ward; a patient of whom the ward is not known is on no ward ("")."""
    known = tuple(devices)
    number = {d.id: i for i, d in enumerate(known)}
    rows = sorted(((number[a.device] * _SPAN + max(a.start, 0), a) for a in assignments if a.device in number), key=lambda row: row[0])
    patients = sorted({a.patient for _, a in rows})
    place = {p: i for i, p in enumerate(patients)}
    return Directory(
        known,
        number,
        np.array(patients, dtype=object),
        np.array([wards.get(p, "") for p in patients], dtype=object),
        np.array([partition_of(p, partitions) for p in patients], dtype=np.int32),
        np.array([d.clock_ms for d in known], dtype=np.int32),
        loaded_at,
        np.array([key for key, _ in rows], dtype=np.int64),
        np.array([number[a.device] * _SPAN + (FOREVER if a.end is None else min(a.end, FOREVER)) for _, a in rows], dtype=np.int64),
        np.array([place[a.patient] for _, a in rows], dtype=np.int32),
        tuple(standing),
        records or {},
    )
