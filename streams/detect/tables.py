"""Tables of columns: what a column is made of, and room for more rows. In: a dataclass whose fields say `kept`. Out: its columns."""

from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt


def kept(dtype: Any, width: int = 1, fill: float = 0) -> dict[str, Any]:
    """What a column is made of: `width` cells a row, each `fill` before anything is known."""
    return {"dtype": dtype, "width": width, "fill": fill}


def filled(table: Any, rows: int) -> list[npt.NDArray[Any]]:
    """The columns of `table` for `rows` of which nothing is known."""
    return [_column(f.metadata, rows) for f in fields(table)]


def _column(meta: Any, rows: int) -> npt.NDArray[Any]:
    return np.full(rows * meta["width"], meta["fill"], dtype=meta["dtype"])


def grown(table: Any, rows: int) -> list[npt.NDArray[Any]]:
    """The columns of `table` with room for `rows`, the new cells as they are before anything is known."""
    longer = []
    for f in fields(table):
        new, old = _column(f.metadata, rows), getattr(table, f.name)
        new[: len(old)] = old
        longer.append(new)
    return longer
