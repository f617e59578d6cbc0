"""A NEWS2 result as it travels (`vitals.scores`) and as the API and the live feed show it."""

from typing import Literal

import msgspec

Tier = Literal["low", "low-medium", "medium", "high"]


class ScoreInput(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One parameter: value in the chart's resolution (None = missing), its points (None = missing), when it was observed (ms)."""

    value: float | str | None = None
    points: int | None = None
    observed_at: int | None = None
    stale: bool = False


class ScoreUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """`lowest` counts missing inputs as 0, `highest` at their worst; `tier` belongs to `lowest`. `at`: observed ms.

    Keys of `inputs`: rr, spo2, oxygen, sbp, pulse, acvpu, temp.
    """

    patient: str
    at: int
    lowest: int
    highest: int
    tier: Tier
    scale: Literal[1, 2]
    inputs: dict[str, ScoreInput]
