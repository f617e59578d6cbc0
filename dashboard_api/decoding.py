"""A caller's query and body as typed values. Pure.

In: text. Out: a msgspec value of the endpoint's type, its times in UTC, whatever their offset was. Promise: what does not fit is a
`Problem`: 400 for what cannot be read, 422 for a value that is not acceptable, naming the field.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from dashboard_api.problems import Problem
from dashboard_api.timescale import Row

Time = Annotated[datetime, Meta(tz=True)]
"""RFC 3339 with an offset."""
Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z")]
Text = Annotated[str, Meta(min_length=1, max_length=200)]
Comment = Annotated[str, Meta(min_length=1, max_length=2000)]

_SPACE_FOR_PLUS = re.compile(r"(T\d\d:\d\d(?::\d\d(?:\.\d+)?)?) (\d\d:\d\d)")


def query(pairs: Iterable[tuple[str, str]], shape: Any) -> Any:
    """The query string's pairs. Where a name comes twice the last counts; unknown names are refused."""
    given = {name: _SPACE_FOR_PLUS.sub(r"\1+\2", value) for name, value in pairs}
    if shape is None:
        return None
    known = {f.encode_name for f in msgspec.structs.fields(shape)}
    if unknown := sorted(set(given) - known):
        raise Problem(422, f"unknown query parameter {unknown[0]!r}", known=sorted(known))
    try:
        return in_utc(msgspec.convert({name: value for name, value in given.items() if value != ""}, shape, strict=False))
    except msgspec.ValidationError as error:
        raise Problem(422, str(error)) from error


def body(data: bytes, shape: Any) -> Any:
    """A JSON body; none at all is an empty object."""
    try:
        return in_utc(msgspec.json.decode(data or b"{}", type=shape))
    except msgspec.ValidationError as error:
        raise Problem(422, str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "the body is not JSON") from error


def in_utc(value: Any) -> Any:
    """The same value, every time with an offset in it as UTC. Raises Problem 422 for one that UTC has no year for."""
    if isinstance(value, msgspec.Struct):
        moved = {f: in_utc(getattr(value, f)) for f in value.__struct_fields__}
        changed = {f: new for f, new in moved.items() if new is not getattr(value, f)}
        return msgspec.structs.replace(value, **changed) if changed else value
    if isinstance(value, list):
        return [in_utc(one) for one in value]
    if isinstance(value, datetime) and value.tzinfo is not None:
        return _moved(value)
    return value


def _moved(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise Problem(422, f"{at.isoformat()}: expected a time in the years 1 to 9999 UTC") from error


def picked(row: Row, *columns: str) -> Row:
    """These columns of a row, in this order."""
    return {column: row[column] for column in columns}


def printable(text: str, longest: int = 300) -> str:
    """A caller's text as it may be stored and logged: no control characters, bounded."""
    clean = text.encode("utf-8", "replace").decode()
    return "".join(c if c.isprintable() else "\ufffd" for c in clean[:longest])
