"""What one segment of an HL7 v2 message says: its fields, and of an OBX whether it is a reading and of what.

In: a segment as the library has it. Out: text; a vital's key and value in the form in which a device says them over MQTT. Pure.
Sources: HL7 2.6 chapter 7 (table 0085: OBX-11); MDC units of ISO/IEEE 11073-10101.
"""

from typing import Any

from ingest.wire import Fault
from vitals.refusal import Reason
from vitals.registry import BY_KEY, NO_VALUE_NUMBERS, VITALS

_MDC_UNITS = {v.name: {str(code): scale for code, scale in v.mdc_units.items()} for v in VITALS}
KEY = 64
"""Characters of a code that Vigil does not know; `ingest.wire` names no more of it."""
READINGS = ("", "F", "R", "P", "C", "S")
"""HL7 table 0085: final, not verified, preliminary, correction, partial; senders of the plain form leave it empty. X: no value."""
RECORDS = ("", "MR", "PI")
"""HL7 table 0203: medical record, internal patient number; a visit's, an account's or an insurance's number may be another one's record."""
NULL = '""'
"""HL7 2.6 chapter 2: there is no value any more."""
_NO_READINGS = {
    "D": "it deletes an earlier reading",
    "W": "it calls an earlier reading wrong",
    "U": "it makes an earlier reading final and says none itself",
    "I": "the result is pending",
    "N": "nothing was asked for",
    "O": "an order without a result",
}


def said(segment: Any, number: int) -> str:
    """A field's first repetition as text; "" when it is not there."""
    return str(segment[number]).split("~")[0].strip() if len(segment) > number else ""


def parts(segment: Any, number: int) -> list[str]:
    """The components of a field's first repetition; [""] when it is not there."""
    return said(segment, number).split("^")


def record_numbers(identification: Any) -> tuple[str, ...]:
    """The patient's record numbers in a PID: each repetition of PID-3 that is one, or that does not say what it is (CX.5)."""
    repetitions = [one.split("^") for one in str(identification[3]).split("~")] if len(identification) > 3 else []
    return tuple(one[0].strip() for one in repetitions if one[0].strip() and (one[4:5] or [""])[0] in RECORDS)


def speaks(observation: Any) -> bool:
    """Whether the row says something of a patient. A container has neither type nor value, and its code is not a vital's."""
    return bool(said(observation, 2) or said(observation, 5)) or parts(observation, 3)[0] in BY_KEY


def objection(status: str, key: str, at: int | str) -> Fault | None:
    """Why a row with this status is no reading."""
    if status in READINGS or status == "X":
        return None
    why = _NO_READINGS.get(status, "no status of a result that Vigil knows")
    detail = f"OBX-11 {status[:16]}: {why}; it is not stored as a reading, and what was stored before stays as it is"
    return Fault(Reason.MALFORMED, detail, None, key, at if isinstance(at, int) else None)


def measured(segment: Any, status: str) -> tuple[str, Any]:
    """(key, value) of an OBX in the devices' form: MDC units are converted here, for UCUM is what devices say. `status`: OBX-11."""
    code, unit, text = parts(segment, 3)[0], parts(segment, 6), said(segment, 5)
    if len(segment) > 5 and "~" in str(segment[5]):  # of several values none is the one
        return (BY_KEY[code][0].name if code in BY_KEY else code[:KEY]), str(segment[5])
    if code not in BY_KEY:
        return code[:KEY], text or "no value"
    vital, scale = BY_KEY[code]
    if status == "X" or text in ("", NULL):
        return vital.name, None
    value = _number(text)
    if value in NO_VALUE_NUMBERS or (value == 0 and vital.zero_is_no_value):
        return vital.name, None
    if value is None or vital.words:
        return vital.name, (text.split("^")[0] if value is None else value)
    if unit[0] in _MDC_UNITS[vital.name]:
        return vital.name, _MDC_UNITS[vital.name][unit[0]](value)
    return vital.name, {"value": value, "unit": unit[0]} if unit[0] else scale(value)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < 1e300 else None
