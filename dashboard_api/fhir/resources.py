"""Rows as FHIR R4 resources (HL7, 2019; the vital-signs profiles; CLINICAL.md "FHIR R4 vital signs"). Pure.

In: rows of the database. Out: plain data. Promise: every Observation has a status, a category, a subject, a time, and a value or
dataAbsentReason (vs-1 to vs-3); one that is called a vital sign has a LOINC code; a pressure is one panel with two components; SpO2 has
both codes; NEWS2 is a survey derived from its inputs.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from vitals.registry import BY_NAME, VITALS, Vital
from vitals.score import ScoreUpdate

Resource = dict[str, Any]
LOINC, UCUM, SNOMED = "http://loinc.org", "http://unitsofmeasure.org", "http://snomed.info/sct"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_IN_STRINGS = re.compile(r"[^\S \r\n\t]|[\x00-\x08\x0e-\x1f\x7f\ufeff]")
_PROFILES = "http://hl7.org/fhir/StructureDefinition/"
_PROFILE = {"hr": "heartrate", "rr": "resprate", "spo2": "oxygensat", "temp": "bodytemp", "weight": "bodyweight", "bp": "bp"}
SBP, DBP = BY_NAME["sbp"].index, BY_NAME["dbp"].index
BP_CODE, NEWS_CODE, NEWS2_SNOMED = "85354-9", "88330-6", "1104051000000101"
_SPO2_CODES = ("2708-6", "59408-5")


def text(said: str) -> str:
    """As FHIR's `string` takes it: no blanks but spaces, tabs and ends of lines, and no control characters."""
    return _NOT_IN_STRINGS.sub(" ", said)


def patient(row: Mapping[str, Any]) -> Resource:
    """A row of `api.patients`; without name and number after an erasure."""
    known: Resource = {
        "resourceType": "Patient",
        "id": row["id"],
        "meta": {"versionId": str(row["version"])},
        "active": row["discharged_at"] is None,
    }
    if row["name"] is None:
        return known
    return known | {
        "identifier": [{"type": {"text": "medical record number"}, "system": "urn:vigil:mrn", "value": text(row["mrn"])}],
        "name": [{"text": text(row["name"])}],
        "gender": row["sex"],
        "birthDate": row["birth_date"].isoformat(),
    }


def device(row: Mapping[str, Any]) -> Resource:
    """A row of `api.devices`."""
    found: Resource = {
        "resourceType": "Device",
        "id": row["id"],
        "identifier": [{"system": "urn:vigil:device", "value": row["id"]}],
        "status": "active" if row["revoked_at"] is None else "inactive",
        "type": {"text": row["kind"]},
    }
    return found | ({"patient": {"reference": f"Patient/{row['patient']}"}} if row["patient"] else {})


def observation(row: Mapping[str, Any], subject: str) -> Resource:
    """A reading, or a pressure of which `value` is systolic and `second` diastolic (row of `fhir.readings`)."""
    vital = VITALS[row["kind"]]
    name = "bp" if vital.index == SBP else vital.name
    found: Resource = {
        "resourceType": "Observation",
        "id": identity(name, row["patient_no"], row["observed_at"], row["device_no"], row["seq"]),
        "meta": {"lastUpdated": row["received_at"]} | _claims(vital, name),
        "status": "final",
        "category": [_category(*category_of(vital))],
        "code": _pressure_code() if name == "bp" else _code(vital),
        "subject": {"reference": f"Patient/{subject}"},
        "effectiveDateTime": row["observed_at"],
        "issued": row["received_at"],
        "device": {"reference": f"Device/{row['device']}"},
    }
    if name == "bp":
        parts = ((VITALS[SBP], row["value"]), (VITALS[DBP], row["second"]))
        return found | {"component": [{"code": _code(v)} | _value(v, value) for v, value in parts]}
    return found | _value(vital, row["value"])


def category_of(vital: Vital) -> tuple[str, str]:
    """Code and display: a vital sign has a LOINC code; what has none (whether oxygen is given) says how the patient is treated."""
    return ("vital-signs", "Vital Signs") if vital.loinc else ("therapy", "Therapy")


def _claims(vital: Vital, name: str) -> Resource:
    profiles = [_PROFILES + p for p in ("vitalsigns", _PROFILE.get(name)) if p]
    return {"profile": profiles} if vital.loinc else {}


def news2(update: ScoreUpdate, at: datetime, derived_from: list[str], patient_no: int) -> Resource:
    """The score as a survey: the certain part of it, its range, and each input's points."""
    coding = [{"system": LOINC, "code": NEWS_CODE, "display": "NEWS"}, {"system": SNOMED, "code": NEWS2_SNOMED, "display": "NEWS2 total"}]
    parts = [
        {"code": {"text": name}} | ({"valueInteger": i.points} if i.points is not None else absent()) for name, i in update.inputs.items()
    ]
    parts.append({"code": {"text": "highest"}, "valueInteger": update.highest})
    return {
        "resourceType": "Observation",
        "id": f"news2.{patient_no}.{_ms(at)}",
        "status": "final" if all(i.points is not None for i in update.inputs.values()) else "preliminary",
        "category": [_category("survey", "Survey")],
        "code": {"coding": coding, "text": "NEWS2"},
        "subject": {"reference": f"Patient/{update.patient}"},
        "effectiveDateTime": at,
        "valueQuantity": {"value": update.lowest, "unit": "{score}", "system": UCUM, "code": "{score}"},
        "interpretation": [{"text": update.tier}],
        "component": parts,
    } | ({"derivedFrom": [{"reference": f"Observation/{identity_}"} for identity_ in derived_from]} if derived_from else {})


def detected_issue(alert: Mapping[str, Any]) -> Resource:
    """An alert as `api.alerts` shows it, with `changed_at` where that is known."""
    severity = {"high": "high", "medium": "moderate", "low": "low"}[alert["priority"]]
    changed = alert.get("changed_at")
    return {
        "resourceType": "DetectedIssue",
        "id": alert["id"],
        **({"meta": {"lastUpdated": changed}} if changed else {}),
        "status": "final" if alert["state"] == "closed" else "preliminary",
        "code": {"coding": [{"system": "urn:vigil:rule", "code": alert["rule"]}], "text": alert["title"]},
        "severity": severity,
        "patient": {"reference": f"Patient/{alert['patient']}"},
        "identifiedDateTime": alert["started_at"],
        "detail": f"{alert['class']} alert, {alert['state']}",
    }


def identity(name: str, patient_no: int, at: datetime, device_no: int, seq: int) -> str:
    """A logical id that says where the reading is: `name.patient.ms.device.seq`."""
    return f"{name.replace('_', '-')}.{patient_no}.{_ms(at)}.{device_no}.{seq}"


def absent() -> Resource:
    """There is no value, and nobody said why."""
    return {"dataAbsentReason": {"coding": [{"system": ABSENT, "code": "unknown", "display": "Unknown"}]}}


def _value(vital: Vital, value: float | None) -> Resource:
    if value is None:
        return absent()
    if vital.words:
        word = vital.words[int(value)]
        return {"valueCodeableConcept": {"coding": [{"system": "urn:vigil:acvpu", "code": word}], "text": word}}
    if vital.name == "on_oxygen":
        return {"valueBoolean": value > 0}
    return {"valueQuantity": {"value": value, "unit": vital.unit, "system": UCUM, "code": vital.unit}}


def _code(vital: Vital) -> Resource:
    codes = _SPO2_CODES if vital.name == "spo2" else tuple(vital.loinc)[:1]
    coding: list[Resource] = [{"system": LOINC, "code": code, "display": vital.display} for code in codes]
    return {"coding": coding or [{"system": "urn:vigil:vital", "code": vital.name}], "text": vital.display}


def _pressure_code() -> Resource:
    return {"coding": [{"system": LOINC, "code": BP_CODE, "display": "Blood pressure panel"}], "text": "Blood pressure"}


def _category(code: str, display: str) -> Resource:
    return {"coding": [{"system": CATEGORY, "code": code, "display": display}]}


def _ms(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)
