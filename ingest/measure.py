"""One vital's value as devices write it: number, null, {value, unit}, a consciousness word, a flag.

In: JSON. Out: a float in the canonical unit; NaN = the device says "no value"; ABSENT = not named; or a `ValueError` that says what is
wrong. The typed forms (`FORMS`) and `value_of` agree; the first are fast, the second names what the first only rejects.
"""

import math
from enum import Enum
from typing import Annotated, Any, Literal, Union

import msgspec
from msgspec import Meta, Raw, Struct

from vitals.refusal import Reason
from vitals.registry import NO_VALUE_NUMBERS, VITALS, Scale, V, Vital

ABSENT = math.inf
"""JSON cannot write infinity, so no device can."""

Magnitude = Annotated[float, Meta(ge=-1e9, le=1e9)]
"""No vital in any accepted unit is beyond it, except the `no value` numbers, which are within; conversion cannot overflow."""


class WrongValueError(ValueError):
    """A vital's value that cannot be used, with the reason's name."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def _word_form(vital: Vital) -> Any:
    words = Enum(f"Word_{vital.name}", {w: w for w in vital.words})  # type: ignore[misc]  # the words come from the registry
    order = {w: float(i) for i, w in enumerate(vital.words)}
    words.__float__ = lambda self: order[self.value]  # type: ignore[attr-defined]  # numpy asks each cell for its float
    return Union[words, None]  # noqa: UP007  # an Enum made at run time has no | operator of its own


def _quantity_form(vital: Vital) -> Any:
    def to_float(self: Any) -> float:
        return math.nan if self.value in NO_VALUE_NUMBERS else vital.units[self.unit](self.value)

    unit = Literal[tuple(vital.units)]  # type: ignore[valid-type]  # the units come from the registry
    form = msgspec.defstruct(
        f"Quantity_{vital.name}", [("value", Magnitude), ("unit", unit)], namespace={"__float__": to_float}, frozen=True, gc=False
    )
    return Union[Magnitude, bool, None, form] if vital.name == "on_oxygen" else Union[Magnitude, None, form]  # noqa: UP007  # run time


FORMS = {v.name: _word_form(v) if v.words else _quantity_form(v) for v in VITALS}
"""Vital's name -> the type that its usual JSON decodes to; each has a float (None's is NaN to numpy)."""


class Cells:
    """A sample's row while its members are read: of two values of a vital the first counts, but a number goes before "no value"."""

    def __init__(self) -> None:
        self.row = [ABSENT] * V
        self._said: list[tuple[str, int, float]] = []
        self._twice = False

    def put(self, vital: Vital, key: str, value: float) -> None:
        """Takes the value that was said under `key`."""
        i = vital.index
        if self.row[i] == ABSENT:
            self.row[i] = value
        else:
            self._twice = True
            self.row[i] = value if math.isnan(self.row[i]) else self.row[i]
        self._said.append((key, i, value))

    def left_out(self) -> list[tuple[str, float]]:
        """The keys, with their values, that say something else than what was kept of their vital. "No value" beside a number is one."""
        return [(key, value) for key, i, value in self._said if not _same(value, self.row[i])] if self._twice else []


def _same(one: float, other: float) -> bool:
    """Whether two values of a vital say the same, each perhaps converted from another unit."""
    return math.isclose(one, other, rel_tol=1e-6) or (math.isnan(one) and math.isnan(other))


class _Quantity(Struct, frozen=True):
    value: float | bool | str | None
    unit: str | None = None


_any = msgspec.json.Decoder(float | bool | str | None | _Quantity).decode


def value_of(vital: Vital, scale: Scale, raw: Raw) -> float:
    """The canonical value of `raw`, whose bare number is in `scale`; so is one of no unit. Raises WrongValueError."""
    try:
        found = _any(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise WrongValueError(Reason.MALFORMED, str(error)[:200]) from error
    if isinstance(found, _Quantity):
        if found.unit is None or found.value is None:
            return _bare(vital, scale, found.value)
        if found.unit not in vital.units:
            raise WrongValueError(Reason.BAD_UNIT, f"unit {found.unit[:32]!r}; expected one of {' '.join(vital.units)}")
        return _bare(vital, vital.units[found.unit], found.value)
    return _bare(vital, scale, found)


def _bare(vital: Vital, scale: Scale, found: float | bool | str | None) -> float:
    if isinstance(found, str):
        return _word(vital, found)
    if isinstance(found, bool) and vital.name != "on_oxygen":
        raise WrongValueError(Reason.MALFORMED, "expected a number, got a flag")
    if found is not None and vital.words and found not in NO_VALUE_NUMBERS:
        raise WrongValueError(Reason.MALFORMED, f"expected one of {' '.join(vital.words)}")
    return math.nan if found is None else _scaled(float(found), scale)


def _scaled(number: float, scale: Scale) -> float:
    if number in NO_VALUE_NUMBERS:
        return math.nan
    if not abs(number) <= 1e9:
        raise WrongValueError(Reason.IMPLAUSIBLE, f"{number:g}")
    return scale(number)


def _word(vital: Vital, word: str) -> float:
    if word not in vital.words:
        raise WrongValueError(Reason.MALFORMED, f"expected {' '.join(vital.words) or 'a number'}, got text")
    return float(vital.words.index(word))
