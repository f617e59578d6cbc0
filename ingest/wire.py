"""What devices send, as types: a sample, a batch, a gateway's message, a status, a waveform chunk.

In: the bytes of one message. Out: samples, or a named `Fault` for the message, the sample or the vital that is wrong.
Promise: any bytes give samples or faults, never an exception; one wrong vital or sample never costs the others. A sample's row has
one cell for each vital of the registry: ABSENT where the sample does not name it, NaN or None where the device says "no value". Of two
numbers for one vital (under its name and a code, or two codes) one is kept and the other named: nothing says which the device means. "No
value" beside a number is no fault (a cuff between two readings). A quality is that of what was kept, not of what was left out.
Dropped: members that the contract does not name (a later device may send more than this gateway knows).

Two ways lead to the same row: a typed decoding that takes the usual message in half a microsecond, and, where that one
fails, a careful one that looks at each member by itself and names what is wrong with it.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.structs import astuple

from ingest.measure import ABSENT, FORMS, Cells, WrongValueError, value_of
from vitals.refusal import Reason
from vitals.registry import BY_KEY, VITALS, V

SAMPLE_BYTES = 256 * 1024
MESSAGE_BYTES = 1024 * 1024
MESSAGE_SAMPLES = 5_000
SAMPLE_VITALS = 64
"""The most that one sample, one message (batch or gateway) and one sample's `vitals` may have; beyond it, `too_large`."""

BAD = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError, TypeError)
"""All that decoding hostile bytes may raise."""

Row = tuple[Any, ...]
Moment = Annotated[datetime, Meta(tz=True)] | int | float
Number63 = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Share = Annotated[float, Meta(ge=0, le=1)]
NO_TIME = -(2**62)
"""A moment beyond what 64 bits hold is before 2000 to every later check, or after 2100."""

Vitals = msgspec.defstruct("Vitals", [(v.name, FORMS[v.name], ABSENT) for v in VITALS], forbid_unknown_fields=True, frozen=True, gc=False)
Quality = msgspec.defstruct("Quality", [(v.name, Share, math.nan) for v in VITALS], forbid_unknown_fields=True, frozen=True, gc=False)


class Usual(Struct, frozen=True, gc=False):
    """The usual sample: every vital under its name, nothing wrong."""

    seq: Number63
    observed_at: Moment
    vitals: Vitals  # type: ignore[valid-type]  # made from the registry above
    quality: Quality | None = None  # type: ignore[valid-type]  # made from the registry above


class _Loose(Struct, frozen=True):
    seq: Raw = Raw()
    observed_at: Raw = Raw()
    vitals: Raw = Raw()
    quality: Raw = Raw()
    batch: Raw = Raw()
    devices: Raw = Raw()


class Status(Struct, frozen=True):
    """`vigil/v1/{device}/status`, retained, and the will."""

    state: Literal["online", "offline"]
    battery: Share | None = None
    buffered: Number63 | None = None


class Chunk(Struct, frozen=True):
    """`vigil/v1/{device}/waveform`: evenly spaced samples; null where there is none."""

    seq: Number63
    observed_at: Moment
    channel: Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,32}$")]
    rate_hz: Annotated[float, Meta(gt=0, le=10_000)]
    unit: Annotated[str, Meta(max_length=16)]
    samples: Annotated[list[Annotated[float, Meta(ge=-1e9, le=1e9)] | None], Meta(min_length=1, max_length=60_000)]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a message, a sample or (with `vital`) a part of one cannot be used."""

    reason: Reason
    detail: str
    seq: int | None = None
    vital: str | None = None
    observed_at: int | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One usable sample. `observed_at`: ms since 1970 UTC by the device's own clock. `faults`: parts that were left out."""

    seq: int
    observed_at: int
    row: Row
    quality: Row | None = None
    faults: tuple[Fault, ...] = ()


usual = msgspec.json.Decoder(Usual).decode
status = msgspec.json.Decoder(Status).decode
chunk = msgspec.json.Decoder(Chunk).decode
_loose = msgspec.json.Decoder(_Loose).decode
_list = msgspec.json.Decoder(list[Raw]).decode
_members = msgspec.json.Decoder(dict[str, Raw]).decode
_seq = msgspec.json.Decoder(Number63).decode
_moment = msgspec.json.Decoder(Moment).decode
_share = msgspec.json.Decoder(Share | None).decode


def milliseconds(moment: datetime | float) -> int:
    """ms since 1970 UTC, to the nearest; a number is ms already. What 64 bits do not hold becomes +-2**62."""
    if isinstance(moment, int):
        return max(min(moment, -NO_TIME), NO_TIME)
    ms = moment if isinstance(moment, float) else moment.timestamp() * 1000
    return math.floor(max(min(ms, -NO_TIME), NO_TIME) + 0.5)


def sample(payload: bytes | Raw) -> Sample | Fault:
    """One sample, the usual way or the careful one."""
    size = len(memoryview(payload))
    if size > SAMPLE_BYTES:
        return Fault(Reason.TOO_LARGE, f"{size} bytes; at most {SAMPLE_BYTES}")
    try:
        one: Any = usual(payload)
    except BAD:
        return _careful(payload)
    return Sample(one.seq, milliseconds(one.observed_at), astuple(one.vitals), one.quality and astuple(one.quality))


def message(payload: bytes) -> Iterator[tuple[bytes, Sample | Fault]]:
    """Each sample of a device's message (one, or a batch), with its own bytes."""
    loose = _opened(payload)
    if isinstance(loose, Fault):
        yield payload, loose
    elif _given(loose.batch):
        yield from listed(loose.batch)
    else:
        yield payload, sample(_repaired(payload))


def gateway(payload: bytes) -> dict[str, Raw] | Fault:
    """A gateway's message: device id -> the bytes of its samples (read them with `listed`)."""
    loose = _opened(payload)
    if isinstance(loose, Fault):
        return loose
    try:
        return _members(loose.devices)
    except BAD as error:
        return Fault(Reason.MALFORMED, f"devices: {_said(error)}")


def listed(samples: Raw) -> Iterator[tuple[bytes, Sample | Fault]]:
    """Each sample of a JSON list, with its own bytes; one fault where it is no list, or too long a one."""
    try:
        parts = _list(samples)
    except BAD as error:
        yield bytes(samples), Fault(Reason.MALFORMED, f"samples: {_said(error)}")
        return
    if len(parts) > MESSAGE_SAMPLES:
        yield bytes(samples), Fault(Reason.TOO_LARGE, f"{len(parts)} samples in one message; at most {MESSAGE_SAMPLES}")
        return
    for part in parts:
        yield bytes(part), sample(part)


def _given(raw: Raw) -> bool:
    return len(memoryview(raw)) > 0


def _said(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]


def _opened(payload: bytes) -> _Loose | Fault:
    if len(payload) > MESSAGE_BYTES:
        return Fault(Reason.TOO_LARGE, f"{len(payload)} bytes; at most {MESSAGE_BYTES}")
    try:
        return _loose(_repaired(payload))
    except BAD as error:
        return Fault(Reason.MALFORMED, _said(error))


def _repaired(payload: bytes) -> bytes:
    """NaN and Infinity are not JSON, yet devices write them: as an object that is no number they cost one vital, not the message."""
    if b"NaN" not in payload and b"Infinity" not in payload:
        return payload
    try:
        return msgspec.json.encode(json.loads(payload, parse_constant=_no_number, parse_float=_finite))
    except BAD:
        return payload


def _no_number(word: str) -> dict[str, str]:
    return {"not_a_number": word}


def _finite(text: str) -> float | dict[str, str]:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _careful(payload: bytes | Raw) -> Sample | Fault:
    """The sample member by member, so that what is wrong gets its own name."""
    step, reason, seq = "", Reason.MALFORMED, None
    try:
        loose = _loose(payload)
        step = "seq: "
        seq = _seq(loose.seq)
        step, reason = "observed_at: ", Reason.BAD_TIME
        observed_at = milliseconds(_moment(loose.observed_at))
        step, reason = "vitals: ", Reason.MALFORMED
        vitals = _members(loose.vitals)
    except BAD as error:
        return Fault(reason, step + _said(error), seq)
    if len(vitals) > SAMPLE_VITALS:
        return Fault(Reason.TOO_LARGE, f"{len(vitals)} vitals in one sample; at most {SAMPLE_VITALS}", seq, None, observed_at)
    return _with_parts(seq, observed_at, vitals, loose.quality)


def _with_parts(seq: int, observed_at: int, vitals: dict[str, Raw], quality: Raw) -> Sample:
    cells, shares = Cells(), [math.nan] * V
    wrong = _put(vitals, cells)
    others = cells.left_out()
    left_out = [key for key, _ in others] + [key for key, _, _ in wrong]
    wrong += [(key, Reason.MALFORMED, f"a second value of {BY_KEY[key][0].name} in one sample") for key, x in others if not math.isnan(x)]
    for key, why in _qualities(quality, shares, left_out):
        if key in BY_KEY:  # a value of which the quality cannot be read cannot be trusted either
            cells.row[BY_KEY[key][0].index] = ABSENT
        wrong.append((key, Reason.MALFORMED, f"quality: {why}"))
    faults = tuple([Fault(reason, f"{key[:64]}: {detail}", seq, key[:64], observed_at) for key, reason, detail in wrong])
    return Sample(seq, observed_at, tuple(cells.row), tuple(shares), faults)


def _put(vitals: dict[str, Raw], cells: Cells) -> list[tuple[str, Reason, str]]:
    """Fills `cells`; what is wrong: (key, reason, detail)."""
    wrong = []
    for key, raw in vitals.items():
        if key not in BY_KEY:
            wrong.append((key, Reason.UNKNOWN_VITAL, "not a name, LOINC or MDC code that Vigil knows"))
            continue
        vital, scale = BY_KEY[key]
        try:
            cells.put(vital, key, value_of(vital, scale, raw))
        except WrongValueError as error:
            wrong.append((key, error.reason, str(error)))
    return wrong


def _qualities(raw: Raw, shares: list[float], left_out: list[str]) -> Iterator[tuple[str, str]]:
    """Fills `shares`; yields what is wrong. A quality of a key that Vigil does not know, or left out, is dropped with its value."""
    try:
        given = (_given(raw) and msgspec.json.decode(raw, type=dict[str, Raw] | None)) or {}
    except BAD as error:
        yield "quality", _said(error)
        return
    for key in [k for k in given if k not in left_out][:SAMPLE_VITALS]:
        try:
            share = _share(given[key])
        except BAD as error:
            yield key, _said(error)
            continue
        if key in BY_KEY and share is not None:
            i = BY_KEY[key][0].index
            shares[i] = max(share, shares[i])  # of two for one value the better; `share` first, for then NaN (none yet) loses
