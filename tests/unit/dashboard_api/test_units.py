"""A site's units are those it names; the others are canonical; what is no unit is refused."""

from collections.abc import Mapping

import pytest

from dashboard_api import units


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"temp": "degC", "pressure": "mmHg", "glucose": "mg/dL"}),
        ("mmol/L", {"temp": "degC", "pressure": "mmHg", "glucose": "mmol/L"}),
        (" kPa, degF ,mmol/L", {"temp": "degF", "pressure": "kPa", "glucose": "mmol/L"}),
    ],
)
def test_a_family_that_is_not_named_is_canonical(text: str, expected: Mapping[str, str]) -> None:
    assert units.parse(text) == expected


@pytest.mark.parametrize("text", ["K", "degF,degC", "kPa,kPa", "mmol/l", "temp=degF"])
def test_what_is_no_unit_or_twice_the_same_family_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="degC or degF"):
        units.parse(text)
