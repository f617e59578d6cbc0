"""An example of every body, query and answer in the OpenAPI document, made from the schemas that the code itself gives. Pure.

In: a JSON schema and the document's components; for what has no schema of its own (FHIR, limits), the operation's name. Out: plain data
that fits the schema. Promise: the same document gives the same examples; a name (`spo2`, `ward`, `observed_at`) has a value that a reader
recognises, where the schema allows it.
"""

import re
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
_AT = "2026-11-21T02:29:07.250Z"
_PATIENT = "5f6c1f6e-3c58-4a51-8a53-0a86d0b6a1d4"
_ALERT = "0b0f4a58-6f6b-4f0e-9d53-6f1f4b2a7c11"
NAMES: Mapping[str, Any] = {
    "id": "north", "patient": _PATIENT, "patient_id": _PATIENT, "alert": _ALERT, "device": "dev-0a1b2c3d4e5f", "ward": "north", "bed": "7",
    "name": "North", "mrn": "4711", "birth_date": "1950-01-02", "sex": "female", "username": "nurse.one", "role": "nurse",
    "password": "correct horse battery", "kind": "monitor", "vital": "hr", "unit": "/min", "value": 72, "low": 45, "high": 140, "n": 60,
    "quality": 0.98, "resolution": "1m", "title": "SpO2 low", "priority": "high", "state": "active", "class": "physiological",
    "rule": "limit.spo2",
    "tier": "medium", "action": "acknowledge", "reason": "Called to the bedside", "comment": "Probe was off", "time_zone": "Europe/Berlin",
    "zone": "Europe/Berlin", "person": "nurse.one", "actor": "nurse.one", "since": "2026-11-01", "handover": "08:00:00", "code": "492039",
    "csr": None, "cursor": None, "next": None, "limit": 100, "targets": ["schedule:north"],
    "topics": {"vitals": "vigil/v1/dev-0a1b2c3d4e5f/vitals"},
    "scopes": ["system/Observation.rs"], "wards": ["north"], "permissions": ["me", "vitals.read"], "issuer": "https://id.hospital.example",
    "subject": "f3b1", "jwks": None, "everywhere": False, "evidence": {"value": 84, "limit": 90}, "labels": {"alertname": "Disk"},
    "version": 3, "status": "firing", "day": "2026-11-21", "purpose": "care", "uri": "otpauth://totp/Vigil:nurse.one?secret=GEZDGNBVGY3TQOJQ",
    "secret": "GEZDGNBVGY3TQOJQ", "recovery_codes": ["mfzw-g3dq-n5xw-c4tq"],
    "url": "/api/v1/login/oidc", "detail": {}, "delays": {"delivery_ms": 140},
    "units": {"temp": "degC", "pressure": "mmHg", "glucose": "mg/dL"}, "alarms_later_s": 0,
}  # fmt: skip
_TIME = re.compile(r"(?:\A|_)(?:at|from|to|until|now|startsAt|endsAt)\Z|\A(?:startsAt|endsAt)\Z")
_OBSERVATION: Json = {
    "resourceType": "Observation", "id": "hr.7.1795228147250.3.9", "status": "final",
    "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}],
    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}], "text": "Heart rate"},
    "subject": {"reference": f"Patient/{_PATIENT}"}, "effectiveDateTime": _AT,
    "valueQuantity": {"value": 72, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
}  # fmt: skip
_PERSON: Json = {"resourceType": "Patient", "id": _PATIENT, "active": True, "gender": "female", "birthDate": "1950-01-02"}
_DEVICE: Json = {"resourceType": "Device", "id": "dev-0a1b2c3d4e5f", "status": "active", "type": {"text": "monitor"}}
_ISSUE: Json = {"resourceType": "DetectedIssue", "id": _ALERT, "status": "preliminary", "severity": "high", "identifiedDateTime": _AT,
                "patient": {"reference": f"Patient/{_PATIENT}"}, "code": {"text": "SpO2 low"}}  # fmt: skip
_NOTE: Json = {"id": "7d2f0a9e-61c4-4c1c-9a53-0c4b7a1f5e22", "author": "nurse.one", "role": "nurse", "at": _AT,
               "text": "Walked to the window; SpO2 94 % on air.", "strikes": None, "struck": None}  # fmt: skip
_LIMITS: Json = {"hr": {"low": 45, "high": 140}, "reason": "Known bradycardia", "expires_at": _AT}


def _bundle(resource: Json, kind: str = "searchset") -> Json:
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": resource}]}


ANSWERS: Mapping[str, Any] = {
    "readLimits": _LIMITS, "putLimits": _LIMITS, "exportPatient": {"patient": {"id": _PATIENT}, "readings": [], "alerts": [], "notes": []},
    "listNotes": {"items": [_NOTE], "next": None}, "createNote": _NOTE,
    "openapi": {"openapi": "3.1.0", "info": {"title": "Vigil", "version": "1"}, "paths": {}},
    "fhirMetadata": {"resourceType": "CapabilityStatement", "status": "active", "kind": "instance", "fhirVersion": "4.0.1"},
    "fhirSearchPatients": _bundle(_PERSON), "fhirReadPatient": _PERSON, "fhirSearchDevices": _bundle(_DEVICE), "fhirReadDevice": _DEVICE,
    "fhirSearchObservations": _bundle(_OBSERVATION), "fhirLastObservations": _bundle(_OBSERVATION), "fhirReadObservation": _OBSERVATION,
    "fhirSearchIssues": _bundle(_ISSUE), "fhirReadIssue": _ISSUE, "fhirCreateObservation": _OBSERVATION,
    "fhirTransaction": {"resourceType": "Bundle", "type": "transaction-response", "entry": [{"response": {"status": "201 Created"}}]},
    "smartConfiguration": {"token_endpoint": "https://vigil.example/api/v1/token", "capabilities": ["permission-v2"]},
    "readCalendar": "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n", "lookAtPage": "<!doctype html>",
    "usePageLink": "<!doctype html>",
}  # fmt: skip
"""Where the schema says no more than "an object" or "text"."""
BODIES: Mapping[str, Any] = {
    "createNote": {"text": _NOTE["text"], "strikes": None}, "erasePatient": {"confirm": _PATIENT, "reason": "Asked for in writing"},
    "putLimits": _LIMITS, "fhirCreateObservation": _OBSERVATION, "fhirTransaction": _bundle(_OBSERVATION, "transaction"),
    "token": {"grant_type": "password", "username": "nurse.one", "password": "correct horse battery"},
}  # fmt: skip


def fitting(schema: Any, components: Mapping[str, Any], name: str = "", deep: int = 0) -> Any:
    """A value of this schema; `name`: of the property or parameter that it is for."""
    if "$ref" in schema:
        return fitting(components[schema["$ref"].rpartition("/")[2]], components, name, deep + 1)
    if name in NAMES and _fits(NAMES[name], schema):
        return NAMES[name]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return fitting(next((s for s in schema["anyOf"] if s.get("type") != "null"), schema["anyOf"][0]), components, name, deep)
    return _MAKERS.get(schema.get("type", ""), _anything)(schema, components, name, deep)


def _object(schema: Json, components: Mapping[str, Any], name: str, deep: int) -> Any:
    if deep > 8:
        return {}
    if "properties" in schema:
        return {n: fitting(s, components, n, deep + 1) for n, s in schema["properties"].items()}
    more = schema.get("additionalProperties")
    return {"hr": fitting(more, components, name, deep + 1)} if isinstance(more, dict) and more else {}


def _array(schema: Json, components: Mapping[str, Any], name: str, deep: int) -> Any:
    if "prefixItems" in schema:
        return [fitting(s, components, "", deep + 1) for s in schema["prefixItems"]]
    items = schema.get("items")
    return [fitting(items, components, name.removesuffix("s"), deep + 1)] if isinstance(items, dict) and deep <= 8 else []


def _string(schema: Json, _components: Mapping[str, Any], name: str, _deep: int) -> Any:
    if schema.get("format") == "date":
        return "2026-11-21"
    if schema.get("format") == "date-time" or _TIME.search(name):
        return _AT
    text = str(schema.get("default") or name or "text")
    return text.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength", 1000)]


def _number(schema: Json, _components: Mapping[str, Any], _name: str, _deep: int) -> Any:
    return max(schema.get("default") or 1, schema.get("minimum", 1)) if schema.get("maximum", 1) >= 1 else schema.get("minimum", 0)


def _boolean(schema: Json, _components: Mapping[str, Any], _name: str, _deep: int) -> Any:
    return schema.get("default", True)


def _anything(_schema: Json, _components: Mapping[str, Any], _name: str, _deep: int) -> Any:
    return None


_MAKERS = {"object": _object, "array": _array, "string": _string, "number": _number, "integer": _number, "boolean": _boolean}
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,), "number": (int, float), "integer": (int,), "boolean": (bool,), "array": (list,), "object": (dict,),
    "null": (type(None),),
}  # fmt: skip


def _fits(value: Any, schema: Json) -> bool:
    """As far as a table of names needs it: type, choice, pattern, length."""
    if "anyOf" in schema:
        return any(_fits(value, s) for s in schema["anyOf"] if "$ref" not in s)
    if "enum" in schema:
        return value in schema["enum"]
    if not isinstance(value, _TYPES.get(schema.get("type", ""), ())) or (isinstance(value, bool) and schema["type"] != "boolean"):
        return False
    if isinstance(value, str):
        long_enough = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 10_000)
        return long_enough and re.search(schema.get("pattern", "").replace("\\Z", "$"), value) is not None and "format" not in schema
    if isinstance(value, list):
        return all(_fits(item, schema.get("items", {})) for item in value) if schema.get("items") else True
    return not isinstance(value, (int, float)) or schema.get("minimum", value) <= value <= schema.get("maximum", value)
