"""What a rule reckons of several vitals: a small expression in data, and its value for many patients at once.

In: `{"ratio": ["hr", "sbp"]}`, `{"sum": [...]}`, `{"difference": [a, b]}`, `{"product": [...]}`, `{"mean": [...]}`, or
`{"all_of": [{"vital": "hr", "above": 100}, {"vital": "sbp", "below": 100}]}`, `{"any_of": [...]}`, `{"count_of": [...]}`.
Out: (n,) values; NaN where a vital is missing: what is not known is no finding. A condition's value is 0 or 1, of `count_of` how many hold.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec
import numpy as np
import numpy.typing as npt

from vitals.registry import BY_NAME

type_f64 = npt.NDArray[np.float64]


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A vital above or below a value, strictly; with both, one of them is enough."""

    vital: str
    above: float | None = None
    below: float | None = None


class Expression(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Exactly one of these."""

    ratio: tuple[str, str] | None = None
    difference: tuple[str, str] | None = None
    sum: tuple[str, ...] | None = None
    product: tuple[str, ...] | None = None
    mean: tuple[str, ...] | None = None
    all_of: tuple[Condition, ...] | None = None
    any_of: tuple[Condition, ...] | None = None
    count_of: tuple[Condition, ...] | None = None


def _ratio(columns: type_f64) -> type_f64:
    below = np.where(columns[1] == 0, np.nan, columns[1])
    quotient: type_f64 = columns[0] / below
    return quotient


_NUMBERS: Mapping[str, Callable[[type_f64], type_f64]] = MappingProxyType(
    {
        "ratio": _ratio,
        "difference": lambda c: c[0] - c[1],
        "sum": lambda c: c.sum(axis=0),
        "product": lambda c: c.prod(axis=0),
        "mean": lambda c: c.mean(axis=0),
    }
)
_CONDITIONS: Mapping[str, Callable[[type_f64], type_f64]] = MappingProxyType(
    {
        "all_of": lambda c: c.min(axis=0),
        "any_of": lambda c: c.max(axis=0),
        "count_of": lambda c: c.sum(axis=0),
    }
)
_FORMS = (*_NUMBERS, *_CONDITIONS)


def form(of: Expression) -> str:
    """Which of the forms it is."""
    return next(name for name in _FORMS if getattr(of, name) is not None)


def used(of: Expression) -> tuple[str, ...]:
    """The vitals that it is made of."""
    parts: tuple[str | Condition, ...] = getattr(of, form(of))
    return tuple(p if isinstance(p, str) else p.vital for p in parts)


def mistakes(of: Expression) -> list[tuple[str, str]]:
    """(place within the expression, what is wrong with it)."""
    given = [name for name in _FORMS if getattr(of, name) is not None]
    if len(given) != 1:
        return [("", f"exactly one of {', '.join(_FORMS)}")]
    name = given[0]
    found = [(name, f"no such vital: {vital}") for vital in used(of) if vital not in BY_NAME]
    if len(used(of)) < 2:
        found.append((name, "at least two vitals"))
    if name in _CONDITIONS:
        found += [(name, f"{c.vital}: above or below what?") for c in getattr(of, name) if c.above is None and c.below is None]
    return found


def value(of: Expression, values: type_f64) -> type_f64:
    """(n,) of `values` (n, V), canonical units."""
    name = form(of)
    columns = values[:, [BY_NAME[vital].index for vital in used(of)]].T
    if name in _NUMBERS:
        return _NUMBERS[name](columns)
    holds = np.stack([_holds(c, column) for c, column in zip(getattr(of, name), columns, strict=True)])
    return _CONDITIONS[name](holds)


def _holds(c: Condition, column: type_f64) -> type_f64:
    yes = np.zeros(len(column), dtype=np.bool_)
    if c.above is not None:
        yes |= column > c.above
    if c.below is not None:
        yes |= column < c.below
    return np.where(np.isnan(column), np.nan, yes.astype(np.float64))
