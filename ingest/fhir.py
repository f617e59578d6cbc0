"""FHIR R4 Observations, single or in a Bundle, to samples of the devices' door; and what is answered.

In: the JSON of an Observation or of a transaction or batch Bundle of them. Out: `Entry`s in the same form that a device sends over MQTT, or
`Issue`s; and OperationOutcomes. Promise: any bytes give one or the other; the values' own faults (unit, range, time, device) are left to
`ingest.translate`, which every door shares. Dropped: all but code, value, components, dataAbsentReason, device, subject and effective.
Whose reading it is follows from `device`, and a `subject` must be that patient; an Observation without a device counts as said by the one
that was on its subject then. So a time to the day only, which FHIR allows, is refused here: devices change patients within a day.
Source: HL7 FHIR R4 (2019), Observation, vital signs profile, Bundle, OperationOutcome.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Struct

from ingest.directory import Directory
from ingest.spoken import Spoken, numbered
from ingest.wire import BAD, SAMPLE_VITALS, Moment, milliseconds
from vitals.refusal import Reason
from vitals.registry import BY_KEY

BUNDLE_ENTRIES = 1_000
STATUSES = ("preliminary", "final", "amended", "corrected", "unknown")
"""Those that bring a value: `registered` has none yet, `cancelled` never will, and `entered-in-error` takes one back."""
PANELS = ("85354-9", "85353-1")
_PRESSURE = {"sbp": "bp", "dbp": "bp"}
ISSUE_CODES = {
    Reason.MALFORMED: "invalid",
    Reason.UNKNOWN_DEVICE: "not-found",
    Reason.UNASSIGNED_DEVICE: "not-found",
    Reason.UNKNOWN_VITAL: "code-invalid",
    Reason.BAD_UNIT: "value",
    Reason.IMPLAUSIBLE: "value",
    Reason.BAD_TIME: "value",
    Reason.FROM_THE_FUTURE: "value",
    Reason.TOO_LARGE: "too-long",
    Reason.DUPLICATE: "duplicate",
}


class _Coding(Struct, frozen=True):
    code: str = ""


class _Concept(Struct, frozen=True):
    coding: list[_Coding] = []
    text: str = ""


class _Quantity(Struct, frozen=True):
    value: float | None = None
    comparator: str = ""
    unit: str = ""
    code: str = ""


class _Reference(Struct, frozen=True):
    reference: str = ""


class _Period(Struct, frozen=True):
    start: str = ""


class _Measured(Struct, frozen=True):
    code: _Concept
    modifierExtension: list[msgspec.Raw] = []  # noqa: N815  # FHIR's own names
    valueQuantity: _Quantity | None = None  # noqa: N815  # FHIR's own names
    valueInteger: int | None = None  # noqa: N815  # FHIR's own names
    valueBoolean: bool | None = None  # noqa: N815  # FHIR's own names
    valueString: str | None = None  # noqa: N815  # FHIR's own names
    valueCodeableConcept: _Concept | None = None  # noqa: N815  # FHIR's own names
    dataAbsentReason: _Concept | None = None  # noqa: N815  # FHIR's own names


class _Observation(_Measured, frozen=True):
    status: str = ""
    subject: _Reference = _Reference()
    device: _Reference = _Reference()
    effectiveDateTime: str = ""  # noqa: N815  # FHIR's own names
    effectiveInstant: str = ""  # noqa: N815  # FHIR's own names
    effectivePeriod: _Period = _Period()  # noqa: N815  # FHIR's own names
    component: list[_Measured] = []


class _Kind(Struct, frozen=True):
    resourceType: str = ""  # noqa: N815  # FHIR's own names
    type: str = ""
    entry: list[dict[str, msgspec.Raw]] = []


class _Request(Struct, frozen=True):
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of an OperationOutcome; `code`: FHIR's issue-type; `expression`: a FHIRPath."""

    code: str
    detail: str
    expression: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One Observation. `at`: its FHIRPath in what was posted; `samples`: one, or more where it says a vital twice; `raw`: its own bytes;
    `unsure`: its device is on nobody as far as is known, and only a newer picture can tell whether it is on the subject."""

    at: str
    samples: tuple[Spoken, ...]
    raw: bytes
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Posted:
    """All that was posted, in order. `bundle`: "" for a single Observation, else the Bundle's type; `issues`: of a batch, by their place
    in it, those of its entries that cannot be taken; the rest are `entries`."""

    bundle: str
    entries: tuple[Entry, ...]
    issues: Mapping[int, Issue] = field(default_factory=dict)


def read(body: bytes, directory: Directory, now: int) -> Posted | list[Issue]:
    """What was posted, or why it cannot be taken at all. `now`: ms, stands in for a time that cannot be read when looking for a device."""
    try:
        kind = msgspec.json.decode(body, type=_Kind)
    except BAD as error:
        return [Issue("structure", f"not a FHIR resource: {str(error)[:200]}")]
    if kind.resourceType == "Observation":
        entry = _entry("Observation", body, directory, now)
        return [entry] if isinstance(entry, Issue) else Posted("", (entry,))
    if kind.resourceType != "Bundle" or kind.type not in ("transaction", "batch"):
        return [Issue("not-supported", "expected an Observation, or a Bundle of type transaction or batch")]
    if not 0 < len(kind.entry) <= BUNDLE_ENTRIES:
        return [Issue("too-long" if kind.entry else "required", f"{len(kind.entry)} entries; 1 to {BUNDLE_ENTRIES}", "Bundle.entry")]
    found = [_of_bundle(f"Bundle.entry[{i}]", e, directory, now) for i, e in enumerate(kind.entry)]
    issues = {i: f for i, f in enumerate(found) if isinstance(f, Issue)}
    if issues and kind.type == "transaction":
        return list(issues.values())
    return Posted(kind.type, tuple(f for f in found if isinstance(f, Entry)), issues)


def outcome(issues: Sequence[Issue]) -> dict[str, Any]:
    """An OperationOutcome of errors."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            {"severity": "error", "code": i.code, "diagnostics": i.detail} | ({"expression": [i.expression]} if i.expression else {})
            for i in issues
        ],
    }


def kept(entry: Entry, directory: Directory, now: int) -> str:
    """The one reading that an Observation taken at `now` (ms) became, by the names that every part of Vigil knows it by:
    `urn:vigil:reading:VITAL:PATIENT:DEVICE:MS:SEQ`, VITAL `bp` for a pressure. "" where it became more than one."""
    names = {_PRESSURE.get(name, name) for spoken in entry.samples for name in map(_vital, spoken.vitals)}
    spoken = entry.samples[0]
    if len(entry.samples) != 1 or len(names) != 1 or spoken.device not in directory.number or isinstance(spoken.observed_at, str):
        return ""
    at, _ = directory.true_time(spoken.device, spoken.observed_at, now)
    number = numbered(spoken.observed_at, spoken.vitals)
    return f"urn:vigil:reading:{names.pop()}:{directory.patient_of(spoken.device, at)}:{spoken.device}:{at}:{number}"


def _vital(key: str) -> str:
    return BY_KEY[key][0].name if key in BY_KEY else key


def _of_bundle(at: str, entry: dict[str, msgspec.Raw], directory: Directory, now: int) -> Entry | Issue:
    try:
        method = msgspec.json.decode(entry.get("request", b"{}"), type=_Request).method
    except BAD as error:
        return Issue("structure", str(error)[:200], f"{at}.request")
    if method != "POST":
        return Issue("not-supported", f"{method[:32]!r}: an Observation is only created here, by POST", f"{at}.request.method")
    return _entry(f"{at}.resource", bytes(entry.get("resource", b"null")), directory, now)


def _entry(at: str, raw: bytes, directory: Directory, now: int) -> Entry | Issue:
    try:
        if msgspec.json.decode(raw, type=_Kind | None) is None or msgspec.json.decode(raw, type=_Kind).resourceType != "Observation":
            return Issue("not-supported", "only Observations are taken here", at)
        one = msgspec.json.decode(raw, type=_Observation)
    except BAD as error:
        return Issue("structure", str(error)[:200], at)
    if one.status not in STATUSES:
        return Issue("not-supported" if one.status else "required", f"status {one.status[:32]!r} is not taken", f"{at}.status")
    if len(one.component) > SAMPLE_VITALS:  # each could become a sample, and a refusal that keeps the whole Observation
        return Issue("too-long", f"{len(one.component)} components; at most {SAMPLE_VITALS}", f"{at}.component")
    observed_at = _moment(one.effectiveDateTime or one.effectiveInstant or one.effectivePeriod.start)
    subject, said = _id(one.subject), observed_at if isinstance(observed_at, int) else now
    device = _id(one.device) or directory.device_on(subject, said) or ""
    moment = directory.true_time(device, said, now)[0] if device in directory.number else said
    samples = _samples(at, one, device or subject, observed_at)
    if not samples:
        return Issue("required", "neither a value nor a dataAbsentReason nor a component", at)
    strange = _strange(at, one)
    if strange is not None:
        return strange
    owner = directory.patient_of(device, moment)
    if device and subject and owner not in (subject, None):
        return Issue("business-rule", "the device was on another patient than the subject then", f"{at}.device")
    return Entry(at, samples, raw, bool(device and subject) and owner is None)


def _strange(at: str, one: _Observation) -> Issue | None:
    """What changes the meaning of the rest (FHIR R4, 2.1.0.5: modifier elements) and is not understood here."""
    for path, each in [(at, one), *_measured(at, one)]:
        if each.modifierExtension:
            return Issue("not-supported", "an extension that changes what is meant", f"{path}.modifierExtension")
        if each.valueQuantity is not None and each.valueQuantity.comparator:
            return Issue("not-supported", "a bound is not a value", f"{path}.valueQuantity.comparator")
    return None


def _samples(at: str, one: _Observation, device: str, observed_at: int | str) -> tuple[Spoken, ...]:
    found: list[tuple[set[str], Spoken]] = []
    for path, measured in _measured(at, one):
        key, value = _value(measured)
        vital = _vital(key)
        free = next((f for f in found if vital not in f[0]), None)
        if free is None:  # the same vital twice: each is kept, as in `ingest.spoken`
            found.append(free := (set(), Spoken(device, observed_at)))
        free[0].add(vital)
        free[1].vitals[key], free[1].rows[key] = value, path
    return tuple(spoken for _, spoken in found)


def _measured(at: str, one: _Observation) -> list[tuple[str, _Measured]]:
    """The Observation itself unless it is a panel, then its components."""
    own = [] if any(c.code in PANELS for c in one.code.coding) or _silent(one) else [(at, one)]
    return [*own, *((f"{at}.component[{i}]", c) for i, c in enumerate(one.component))]


def _silent(one: _Measured) -> bool:
    values = (one.valueQuantity, one.valueInteger, one.valueBoolean, one.valueString, one.valueCodeableConcept, one.dataAbsentReason)
    return all(v is None for v in values)


def _value(one: _Measured) -> tuple[str, Any]:
    """(key, value) in the devices' form."""
    codes = [c.code for c in one.code.coding if c.code]
    code = next((c for c in codes if c in BY_KEY), None)
    if code is None:
        return (codes or [one.code.text or "no code"])[0], "?"
    name = BY_KEY[code][0].name if one.valueQuantity is not None and (one.valueQuantity.code or one.valueQuantity.unit) else code
    if one.valueQuantity is not None:
        unit = one.valueQuantity.code or one.valueQuantity.unit
        return name, {"value": one.valueQuantity.value, "unit": unit} if unit else one.valueQuantity.value
    if one.valueCodeableConcept is not None:
        words = [*(c.code for c in one.valueCodeableConcept.coding), one.valueCodeableConcept.text]
        return code, next((w for w in words if w in BY_KEY[code][0].words), next((w for w in words if w), "?"))
    given = [v for v in (one.valueInteger, one.valueBoolean, one.valueString) if v is not None]
    return code, given[0] if given else None


def _moment(text: str) -> int | str:
    """ms; what is no time with an offset stays text, so that it is refused as what it is."""
    try:
        return milliseconds(msgspec.convert(text, Moment))
    except BAD:
        return text or "no effective time"


def _id(reference: _Reference) -> str:
    return reference.reference.rpartition("/")[2]
