"""The units that a site shows values in: what VIGIL_UNITS may say, and what the page is told. Pure.

In: units, comma-separated (`degF,kPa,mmol/L`). Out: family -> unit, every family named. Promise: an unknown unit, or two of one family,
is refused by name. Only what people see changes: HTTP, FHIR, topics and limits stay in the registry's units.
"""

from collections.abc import Mapping
from types import MappingProxyType

FAMILIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"temp": ("degC", "degF"), "pressure": ("mmHg", "kPa"), "glucose": ("mg/dL", "mmol/L")}
)
"""What is measured alike -> its units, the canonical one first. `pressure` is of the blood and of carbon dioxide."""
CANONICAL: Mapping[str, str] = MappingProxyType({family: units[0] for family, units in FAMILIES.items()})
_FAMILY = {unit: family for family, units in FAMILIES.items() for unit in units}


def parse(text: str) -> Mapping[str, str]:
    """The site's units; where it names none, the canonical one. Raises ValueError saying what was expected."""
    named = [word.strip() for word in text.split(",") if word.strip()]
    known = [unit for unit in named if unit in _FAMILY]
    if known != named or len({_FAMILY[unit] for unit in known}) != len(known):
        raise ValueError("expected at most one of " + ", one of ".join(" or ".join(units) for units in FAMILIES.values()))
    return {**CANONICAL, **{_FAMILY[unit]: unit for unit in known}}
