"""What a device said of one moment, as a door that reads rows (HL7, FHIR) puts it together: samples in the form of the devices' door.

In: rows, each a vital and its value. Out: samples with a number each. Pure. A vital that is said twice is in two samples, so that each is
kept; "no value" of one that has a number beside it adds nothing. Promise: what one row costs does not grow with how many came before it.
"""

import zlib
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ingest.wire import SAMPLE_VITALS

_NUMBER_BITS = 21
"""Of a sample's number the content's share; the moment's is above it: 41 bits of ms reach 2039, 62 in all: what the archive takes."""


@dataclass(frozen=True, slots=True)
class Row:
    """Where an OBX is, `segment^its place among its kind`, and where its time and its device were found: with `^field` (ERR-2's form).

    `segments`: the header, the report (None where there is none) and the OBX itself, as the library has them.
    """

    place: str
    time: str
    device: str
    segments: tuple[Any, Any, Any]


@dataclass(slots=True)
class Spoken:
    """One sample. `rows`: vital's key -> the place that it came from; `sources`: each OBX of it, `named`: of whom it is said to be, by
    record numbers (HL7 only)."""

    device: str
    observed_at: int | str
    vitals: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)
    sources: list[Row] = field(default_factory=list)
    named: tuple[str, ...] = ()

    def payload(self) -> bytes:
        """The JSON of a device's sample."""
        return msgspec.json.encode({"seq": numbered(self.observed_at, self.vitals), "observed_at": self.observed_at, "vitals": self.vitals})


def numbered(observed_at: int | str, vitals: dict[str, Any]) -> int:
    """A sample's number: rising with its moment, the same for the same content."""
    moment = observed_at if isinstance(observed_at, int) else 0
    content = zlib.crc32(msgspec.json.encode([observed_at, vitals], order="deterministic"))
    return max(0, min(moment, (1 << 41) - 1)) << _NUMBER_BITS | content & ((1 << _NUMBER_BITS) - 1)


@dataclass(slots=True)
class Together:
    """The samples of what one device said of one moment and of the same person. A sample has at most SAMPLE_VITALS: what is more is in
    the next one, for else all of them would be refused.

    `_free`: vital's key -> the first sample that may have room for it.
    """

    device: str
    observed_at: int | str
    named: tuple[str, ...] = ()
    samples: list[Spoken] = field(default_factory=list)
    _first: dict[str, Spoken] = field(default_factory=dict)
    _free: dict[str, int] = field(default_factory=dict)
    _open: int = 0

    def put(self, key: str, value: Any, place: str, row: Row) -> None:
        """One more row."""
        if value is None and key in self._first:
            self._first[key].sources.append(row)
            return
        sample = self._room(key)
        sample.vitals[key], sample.rows[key] = value, place
        sample.sources.append(row)
        self._first.setdefault(key, sample)

    def _room(self, key: str) -> Spoken:
        if key in self._first and self._first[key].vitals[key] is None:
            return self._first[key]
        while self._open < len(self.samples) and len(self.samples[self._open].vitals) >= SAMPLE_VITALS:
            self._open += 1
        at = max(self._free.get(key, 0), self._open)
        self._free[key] = at + 1
        if at == len(self.samples):
            self.samples.append(Spoken(self.device, self.observed_at, named=self.named))
        return self.samples[at]
