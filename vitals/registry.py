"""The registry of vitals: one table from which every other part derives its own.

In: nothing. Out: `VITALS` (in column order), look-ups by name, LOINC and MDC code, and numpy columns of the plausible bounds.
Promise: a code means one vital; the order never changes within a wire version (`batch.SCHEMA_ID`).
Sources: LOINC and UCUM codes, MDC codes of IEEE 11073-10101; the plausible ranges are this project's own choice for adults and
children together. They refuse what no living body shows, never what is only abnormal. `pulse`'s LOINC code is unchecked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np


@dataclass(frozen=True, slots=True)
class Scale:
    """canonical = value * factor + offset."""

    factor: float = 1.0
    offset: float = 0.0

    def __call__(self, value: float) -> float:
        return value * self.factor + self.offset


SAME = Scale()
_KPA = Scale(7.50062)
_PER_S = Scale(60.0)
_PER_MIN = {"/min": SAME, "{beats}/min": SAME, "{breaths}/min": SAME, "bpm": SAME, "1/min": SAME, "/s": _PER_S, "Hz": _PER_S}
_FLOW = {"L/min": SAME, "l/min": SAME, "mL/min": Scale(0.001)}
_PERCENT = {"%": SAME, "%SpO2": SAME, "1": Scale(100.0)}
_PRINTED = {"mm[Hg]": "mmHg", "Cel": "°C", "[degF]": "°F"}
_PRESSURE = {"mm[Hg]": SAME, "mmHg": SAME, "kPa": _KPA}


@dataclass(frozen=True, slots=True)
class Vital:
    """One row of the registry.

    Attributes:
        index: column in every (n, V) array of readings.
        loinc: LOINC code -> the scale that a bare number under that code has.
        unit: canonical UCUM unit.
        units: accepted unit (UCUM and tolerated aliases) -> scale into the canonical one.
        mdc: MDC codes (11073-10101); mdc_units: MDC unit code -> scale.
        low, high: plausible bounds, inclusive, canonical unit.
        zero_is_no_value: a 0 is a probe that is off, not a reading.
    """

    index: int
    name: str
    loinc: Mapping[str, Scale]
    unit: str
    units: Mapping[str, Scale]
    mdc: tuple[int, ...]
    mdc_units: Mapping[int, Scale]
    low: float
    high: float
    display: str
    zero_is_no_value: bool = False
    words: tuple[str, ...] = field(default=())

    @property
    def printed(self) -> str:
        """The unit as people write it: in titles, never in data."""
        return _PRINTED.get(self.unit, self.unit)


def _same(*codes: str) -> dict[str, Scale]:
    return dict.fromkeys(codes, SAME)


_BEATS = {264864: SAME, 264896: SAME}
_MMHG = {266016: SAME, 265987: _KPA}

VITALS: tuple[Vital, ...] = (
    Vital(0, "hr", _same("8867-4"), "/min", _PER_MIN, (147842,), {264864: SAME}, 20, 300, "Heart rate", True),
    Vital(1, "pulse", _same("8889-8"), "/min", _PER_MIN, (149530, 149538), _BEATS, 20, 300, "Pulse rate", True),
    Vital(2, "spo2", _same("59408-5", "2708-6"), "%", _PERCENT, (150456,), {262688: SAME}, 30, 100, "SpO2", True),
    Vital(3, "rr", _same("9279-1"), "/min", _PER_MIN, (151562, 151578), {264928: SAME}, 1, 80, "Respiration rate", True),
    Vital(
        4,
        "temp",
        _same("8310-5"),
        "Cel",
        {"Cel": SAME, "C": SAME, "[degF]": Scale(5 / 9, -160 / 9), "K": Scale(1.0, -273.15)},
        (150364, 150344),
        {268192: SAME, 266560: Scale(5 / 9, -160 / 9)},
        25,
        44,
        "Temperature",
    ),
    Vital(5, "sbp", _same("8480-6"), "mm[Hg]", _PRESSURE, (150021, 150033), _MMHG, 30, 300, "Systolic pressure", True),
    Vital(6, "dbp", _same("8462-4"), "mm[Hg]", _PRESSURE, (150022, 150034), _MMHG, 10, 200, "Diastolic pressure", True),
    Vital(7, "map", _same("8478-0"), "mm[Hg]", _PRESSURE, (150023, 150035), _MMHG, 15, 230, "Mean pressure", True),
    Vital(
        8,
        "glucose",
        {"2339-0": SAME, "15074-8": Scale(18.0182)},
        "mg/dL",
        {"mg/dL": SAME, "mmol/L": Scale(18.0182)},
        (160184,),
        {264274: SAME, 266866: Scale(18.0182)},
        10,
        1000,
        "Glucose",
    ),
    Vital(9, "etco2", _same("19889-5"), "mm[Hg]", _PRESSURE, (151708,), _MMHG, 0, 150, "End-tidal CO2"),
    Vital(
        10,
        "weight",
        _same("29463-7"),
        "kg",
        {"kg": SAME, "g": Scale(0.001), "[lb_av]": Scale(0.45359237)},
        (188736,),
        {263875: SAME, 263872: Scale(0.001)},
        0.3,
        400,
        "Weight",
    ),
    Vital(11, "fio2", _same("3150-6"), "%", _PERCENT, (152196,), {262688: SAME}, 21, 100, "Inspired oxygen"),
    Vital(12, "o2_flow", _same("3151-8"), "L/min", _FLOW, (), {}, 0, 100, "Oxygen flow"),
    Vital(13, "on_oxygen", {}, "{0,1}", {"{0,1}": SAME}, (), {}, 0, 1, "On oxygen"),
    Vital(
        14, "acvpu", _same("67775-7"), "{A,C,V,P,U}", {"{A,C,V,P,U}": SAME}, (), {}, 0, 4, "Consciousness", words=("A", "C", "V", "P", "U")
    ),
)
V = len(VITALS)

BY_NAME: Mapping[str, Vital] = MappingProxyType({v.name: v for v in VITALS})
BY_KEY: Mapping[str, tuple[Vital, Scale]] = MappingProxyType(
    {v.name: (v, SAME) for v in VITALS}
    | {code: (v, scale) for v in VITALS for code, scale in v.loinc.items()}
    | {str(code): (v, SAME) for v in VITALS for code in v.mdc}
)
"""What a device may call a vital (name, LOINC or MDC code) -> the vital and the scale of a bare number under that key."""

LOW = np.array([v.low for v in VITALS])
HIGH = np.array([v.high for v in VITALS])
ZERO_IS_NO_VALUE = np.array([v.zero_is_no_value for v in VITALS])
NO_VALUE_NUMBERS = (-100.0, 8388607.0)
"""Numbers that mean "no value" in the wild, whatever the vital."""


def index(name: str) -> int:
    """Column of the vital called `name`. Raises KeyError for a name that is not in the registry."""
    return BY_NAME[name].index
