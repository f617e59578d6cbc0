"""What of a sample may be believed: plausibility, "no value", time rules, all samples at once.

In: `Columns`. Out: a `Verdict` of numpy columns. Pure; no sample knows of another here.
Sources: the plausible ranges and the "no value" numbers are the registry's; sbp below dbp is implausible as a pair (CLINICAL.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest.gather import Columns
from ingest.measure import ABSENT
from vitals.batch import type_f64, type_i64
from vitals.refusal import Reason
from vitals.registry import HIGH, LOW, NO_VALUE_NUMBERS, VITALS, ZERO_IS_NO_VALUE, V, index

YEAR_2000 = 946_684_800_000
AHEAD_MS = 300_000
"""How far a device's time may be ahead of the gateway's: five minutes, the usual drift of an unsynchronised clock over a year."""

_FIO2, _ON_OXYGEN, _SBP, _DBP = index("fio2"), index("on_oxygen"), index("sbp"), index("dbp")
_BIT = np.left_shift(np.uint32(1), np.arange(V, dtype=np.uint32))


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """n samples by column.

    Attributes:
        values: (n, V) float64, canonical units, NaN = nothing usable; quality: (n, V) float32.
        no_value: (n,) uint32 bits; implausible: (n, V) bool; empty: (n,) bool, nothing of the sample is left.
        bad_time, future: (n,) bool.
        given: (n, V) float64 as sent, for the refusal's detail.
    """

    values: type_f64
    quality: npt.NDArray[np.float32]
    no_value: npt.NDArray[np.uint32]
    implausible: npt.NDArray[np.bool_]
    empty: npt.NDArray[np.bool_]
    bad_time: npt.NDArray[np.bool_]
    future: npt.NDArray[np.bool_]
    given: type_f64


def judge(columns: Columns, observed_at: type_i64, received_at: type_i64) -> Verdict:
    """(n,) samples with their times in ms -> the verdict; 30 ns a vital."""
    given = np.array(columns.rows, dtype=np.float64).reshape(-1, V)
    fio2 = given[:, _FIO2]
    given[:, _FIO2] = np.where((fio2 > 0) & (fio2 <= 1), fio2 * 100, fio2)  # a fraction: no room air has 1 % oxygen
    none = np.isnan(given) | np.isin(given, NO_VALUE_NUMBERS) | ((given == 0) & ZERO_IS_NO_VALUE)
    present = (given != ABSENT) & ~none
    bad = present & ((given < LOW) | (given > HIGH))
    bad[:, _ON_OXYGEN] |= present[:, _ON_OXYGEN] & ~np.isin(given[:, _ON_OXYGEN], (0, 1))
    pair = present[:, _SBP] & present[:, _DBP] & (given[:, _SBP] < given[:, _DBP])
    bad[:, _SBP] |= pair
    bad[:, _DBP] |= pair
    usable = present & ~bad
    quality = np.full(given.shape, np.nan, np.float32)
    for i, row in columns.qualities.items():
        quality[i] = row
    return Verdict(
        values=np.where(usable, given, np.nan),
        quality=quality,
        no_value=(none * _BIT).sum(axis=1, dtype=np.uint32),
        implausible=bad,
        empty=~(usable | none).any(axis=1),
        bad_time=observed_at < YEAR_2000,
        future=observed_at > received_at + AHEAD_MS,
        given=given,
    )


def objections(verdict: Verdict, i: int) -> Iterator[tuple[Reason, str, str | None]]:
    """What is wrong with sample i: (reason, detail, vital or None for the whole). A whole one comes alone."""
    if verdict.bad_time[i]:
        yield Reason.BAD_TIME, "observed_at is before the year 2000", None
    elif verdict.future[i]:
        yield Reason.FROM_THE_FUTURE, f"observed_at is more than {AHEAD_MS // 1000} s ahead of the gateway's clock", None
    else:
        for column in np.flatnonzero(verdict.implausible[i]):
            yield Reason.IMPLAUSIBLE, _why(verdict, i, int(column)), VITALS[column].name


def _why(verdict: Verdict, i: int, column: int) -> str:
    vital, value = VITALS[column], verdict.given[i, column]
    if LOW[column] <= value <= HIGH[column] and column in (_SBP, _DBP):
        return f"systolic {verdict.given[i, _SBP]:g} is below diastolic {verdict.given[i, _DBP]:g}"
    return f"{vital.name} {value:g} {vital.unit} is outside {vital.low:g} to {vital.high:g}"
