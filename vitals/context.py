"""What detection and the live feed must know of a patient: the compacted topic `vitals.patients`, so that alarms need no database.

Carries a pseudonym, ward and bed; never a name, a birth date or a record number (the age is a band).
"""

from typing import Literal

import msgspec

AgeBand = Literal["0-3m", "3-12m", "1-4y", "4-12y", "12-16y", "adult"]


class Limit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A patient's own limit in the canonical unit; reverts by itself at `expires_at` (ms), None = until changed."""

    low: float | None = None
    high: float | None = None
    expires_at: int | None = None


class PatientContext(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """`version` rises with each change; a reader keeps the highest. `active` False: discharged, no alarms."""

    patient: str
    version: int
    ward: str
    bed: str = ""
    age_band: AgeBand = "adult"
    spo2_scale: Literal[1, 2] = 1
    pregnant: bool = False
    active: bool = True
    limits: dict[str, Limit] = {}
