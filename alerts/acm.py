"""An alert's transition as IHE ACM says it: ORU^R40^ORU_R40 (PCD-04), one message a change of state.

In: an alert, what was last said of it. Out: the message, or None where nothing changed that ACM speaks of. Pure.
Sources: the codes and OBX-8 of IHE PCD ACM as CLINICAL.md gives them; the profile's identifier in MSH-21 and the order of the facets are
(unchecked), as are the reference ids of 11073-10101 but for the heart rate's, which are CLINICAL.md's. ACM has events for too high and too
low alone: a score that reaches its threshold, or a vital on its way up, is high, one that falls is low, and what may be either (one NEWS2
parameter at 3) is neither. The patient is named by the pseudonym only; the receiving hospital knows its own beds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from alerts.lifecycle import RANK
from vitals.alert import Alert, State
from vitals.finding import Priority
from vitals.registry import VITALS

PROFILE = "IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.4.1^ISO"
_ALARM, _HIGH, _LOW = "196616^MDC_EVT_ALARM^MDC", "196648^MDC_EVT_HI^MDC", "196670^MDC_EVT_LO^MDC"
_PHASE, _STATE = "68481^MDC_ATTR_EVT_PHASE^MDC", "68482^MDC_ATTR_ALARM_STATE^MDC"
_INACTIVATION = "68483^MDC_ATTR_ALARM_INACTIVATION_STATE^MDC"
_PRIORITY: Mapping[Priority, str] = {"high": "PH", "medium": "PM", "low": "PL"}
_VITALS = {vital.name: vital for vital in VITALS}
_ABNORMAL = {"high": "H", "low": "L"}
_NAMES: Mapping[int, str] = {
    147842: "MDC_ECG_HEART_RATE", 149530: "MDC_PULS_OXIM_PULS_RATE", 150456: "MDC_PULS_OXIM_SAT_O2", 151562: "MDC_RESP_RATE",
    150364: "MDC_TEMP_BODY", 150021: "MDC_PRESS_BLD_NONINV_SYS", 150022: "MDC_PRESS_BLD_NONINV_DIA",
    150023: "MDC_PRESS_BLD_NONINV_MEAN", 160184: "MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD", 151708: "MDC_CONC_AWAY_CO2_ET",
    188736: "MDC_MASS_BODY_ACTUAL", 152196: "MDC_CONC_AWAY_O2_INSP",
    264864: "MDC_DIM_BEAT_PER_MIN", 262688: "MDC_DIM_PERCENT", 264928: "MDC_DIM_RESP_PER_MIN", 268192: "MDC_DIM_DEGC",
    266016: "MDC_DIM_MMHG", 264274: "MDC_DIM_MILLI_G_PER_DL", 263875: "MDC_DIM_KILO_G",
}  # fmt: skip
"""MDC code -> its reference id, of vitals and of units; one that is not here is left empty."""

# State -> phase where nothing else decides it, alarm state, inactivation state.
_SAID: Mapping[State, tuple[str, str, str]] = {
    "active": ("update", "active", "enabled"),
    "acknowledged": ("update", "active", "audio-paused"),
    "returned": ("end", "latched", "enabled"),
    "shelved": ("update", "active", "alarm-paused"),
    "suppressed": ("update", "inactive", "alarm-paused"),
    "closed": ("end", "inactive", "enabled"),
}


@dataclass(frozen=True, slots=True)
class Said:
    """What the receiver was last told of an alert."""

    state: State
    priority: Priority


def said(alert: Alert) -> Said:
    """What this version would tell."""
    return Said(alert.state, alert.priority)


def phase(alert: Alert, before: Said | None) -> str | None:
    """The event phase of this change; None where ACM has nothing to say."""
    if before == said(alert):
        return None
    if before is None and alert.state == "active":
        return "start"
    if before is not None and before.priority != alert.priority:
        return "escalate" if RANK[alert.priority] > RANK[before.priority] else "de-escalate"
    return _SAID[alert.state][0]


def message(alert: Alert, event: str, now: int) -> str:
    """The message, segments ended by CR. `now` ms since 1970."""
    _, state, inactivation = _SAID[alert.state]
    abnormality = f"{_abnormality(alert)}~{_PRIORITY[alert.priority]}~{'SP' if alert.alert_class == 'physiological' else 'ST'}"
    at = _time(alert.ended_at or alert.delays.sensor or alert.started_at)
    segments = [
        f"MSH|^~\\&|VIGIL|VIGIL|||{_time(now)}||ORU^R40^ORU_R40|{alert.id}-{alert.version}|P|2.6|||AL|NE||UNICODE UTF-8|||{PROFILE}",
        f"PID|||{_escaped(alert.patient)}^^^VIGIL^PI",
        f"PV1||I|{_escaped(alert.ward)}",
        f"OBR|1|{alert.id}^VIGIL|{alert.id}^VIGIL|{_ALARM}|||{_time(alert.started_at)}",
        f"OBX|1|CWE|{_ALARM}|1.0.0.0.1|{_event(alert)}^^^^^^^^{_escaped(alert.title)}|||{abnormality}|||F|||{at}",
        _measured(alert),
        f"OBX|3|ST|{_PHASE}|1.0.0.0.3|{event}||||||F",
        f"OBX|4|ST|{_STATE}|1.0.0.0.4|{state}||||||F",
        f"OBX|5|ST|{_INACTIVATION}|1.0.0.0.5|{inactivation}||||||F",
    ]
    return "".join(f"{segment}\r" for segment in segments if segment)


def _abnormality(alert: Alert) -> str:
    side = alert.evidence.get("side")
    if side in _ABNORMAL:
        return _ABNORMAL[side]
    worst, limit = alert.evidence.get("worst", alert.evidence.get("value")), alert.evidence.get("limit")
    if not isinstance(worst, int | float) or not isinstance(limit, int | float):
        return "A"
    return "H" if worst > limit else "L"


def _event(alert: Alert) -> str:
    return {"H": _HIGH, "L": _LOW, "A": _ALARM}[_abnormality(alert)]


def _measured(alert: Alert) -> str:
    vital, value = _VITALS.get(alert.subject), alert.evidence.get("value", alert.evidence.get("worst"))
    if vital is None or not vital.mdc or not isinstance(value, int | float):
        return ""
    code, unit = vital.mdc[0], next(iter(vital.mdc_units), 0)
    return f"OBX|2|NM|{code}^{_NAMES.get(code, '')}^MDC|1.0.0.0.2|{value:g}|{unit or ''}^{_NAMES.get(unit, '')}^MDC|||||F"


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y%m%d%H%M%S.%f")[:-3] + "+0000"


def _escaped(text: str) -> str:
    """HL7 2.6 chapter 2.7; control characters (line ends, MLLP's own) become spaces."""
    table = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}
    return "".join(" " if letter < " " else table.get(letter, letter) for letter in text)
