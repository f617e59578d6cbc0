"""Opaque cursors of paged lists: the sort key of the last row shown. Pure.

A cursor says where to go on, nothing else: rows that come in between are neither skipped nor shown twice.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import msgspec

from dashboard_api.problems import Problem

T = TypeVar("T")
LONGEST_PAGE = 500
Size = Annotated[int, msgspec.Meta(ge=1, description=f"items of a page; more than {LONGEST_PAGE} are taken as {LONGEST_PAGE}")]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """The query of every list."""

    limit: Size = 100
    cursor: str | None = None

    def __post_init__(self) -> None:
        """Who wants more than a page holds gets a full one, and its cursor."""
        msgspec.structs.force_setattr(self, "limit", min(self.limit, LONGEST_PAGE))


def encode(*key: Any) -> str:
    """The cursor after the row with this sort key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode(text: str, shape: type[T]) -> T:
    """The sort key in a cursor; `shape` is a tuple type. Raises Problem 400 for one that this API did not give."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=shape)
    except (msgspec.DecodeError, binascii.Error, ValueError) as error:
        raise Problem(400, "the cursor is not one that this API gave") from error


def page(rows: Sequence[dict[str, Any]], limit: int, *key: str) -> tuple[Sequence[dict[str, Any]], str | None]:
    """Splits limit + 1 fetched rows into the page and the cursor after it (by the rows' `key` columns)."""
    if len(rows) <= limit:
        return rows, None
    shown = rows[:limit]
    return shown, encode(*(shown[-1][column] for column in key))
