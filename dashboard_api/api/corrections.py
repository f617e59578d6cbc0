"""Corrections of assignments: kept for ever, and told on the pages of both patients.

Who reads one patient learns that readings went to or came from another; which other only where that one is within reach, too.
"""

from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

import msgspec

from dashboard_api import moved, policy
from dashboard_api.route import Call
from dashboard_api.timescale import Row, Transaction

JUST_NOW = timedelta(minutes=1)
"""What begins or ends now is no correction: an assignment of now has no readings to move yet."""


class Correction(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """Readings of `device` observed in [from, to) went `away` from this patient, or came `here`, at the time `at`.

    `other`: whose they are since, or were before; `other_patient`: null also where the caller may not know. `readings`: how many changed
    hands by the whole correction at once."""

    device: str
    since: datetime
    to: datetime
    moved: Literal["away", "here"]
    other: Literal["patient", "nobody"]
    other_patient: str | None
    by: str
    at: datetime
    readings: int


class Corrected(NamedTuple):
    """Assignment `n` of a device: `patient_id`, `from`, `to` before (None: it is new) and after, and how many readings that moved."""

    device: str
    n: int
    before: Row | None
    after: Row
    readings: int


_Way = tuple[Literal["away", "here"], moved.Worn | None, moved.Worn | None, str]
"""Which way, what holds, what does not, and the prefix of the other patient's columns."""
_KEEP = """INSERT INTO clinical.assignment_correction
           (device, n, before_patient, before_during, after_patient, after_during, author, at, readings)
           VALUES (%(device)s, %(n)s, %(b_patient)s, CASE WHEN %(b_patient)s::text IS NOT NULL THEN tstzrange(%(b_since)s, %(b_to)s) END,
                   %(a_patient)s, tstzrange(%(a_since)s, %(a_to)s), %(author)s, %(at)s, %(readings)s)"""
_OF = """SELECT c.device, c.author, c.at, c.readings,
                c.before_patient AS b_patient, lower(c.before_during) AS b_since, upper(c.before_during) AS b_to, b.ward AS b_ward,
                c.after_patient AS a_patient, lower(c.after_during) AS a_since, upper(c.after_during) AS a_to, a.ward AS a_ward
         FROM clinical.assignment_correction c JOIN clinical.patient a ON a.id = c.after_patient
         LEFT JOIN clinical.patient b ON b.id = c.before_patient
         WHERE %(patient)s IN (c.before_patient, c.after_patient) ORDER BY c.id DESC LIMIT 1000"""


async def note(transaction: Transaction, call: Call, done: Corrected) -> None:
    """Puts a correction down, where it moved anything that was past."""
    before, after = _worn(done.before), _worn(done.after)
    assert after is not None, "an assignment is of somebody"
    if moved.moves(before, after, call.now - JUST_NOW):
        who = {"author": call.caller.username, "at": call.now}
        facts = {"device": done.device, "n": done.n, "readings": done.readings} | who | _facts("b", before) | _facts("a", after)
        await transaction.do(_KEEP, facts)


async def of(call: Call, patient: str) -> list[Correction]:
    """All that moved to or from this patient, newest first."""
    rows = await call.site.database.rows(_OF, {"patient": patient})
    return [one for row in rows for one in _told(row, patient, call.caller)]


def _told(row: Row, patient: str, caller: policy.Caller) -> list[Correction]:
    """What one correction took from this patient, and what it brought."""
    before, after = (moved.Worn(row[f"{x}_patient"], row[f"{x}_since"], row[f"{x}_to"]) if row[f"{x}_patient"] else None for x in "ba")
    ways: tuple[_Way, ...] = (("away", before, after, "a"), ("here", after, before, "b"))
    return [
        Correction(device=row["device"], since=a, to=b, moved=way, by=row["author"], at=row["at"], readings=row["readings"], **other)
        for way, one, two, x in ways
        if one is not None and one.patient == patient
        for other in [_other(row[f"{x}_patient"], row[f"{x}_ward"], patient, caller)]
        for a, b in moved.left(one, two, row["at"])
    ]


def _other(other: str | None, ward: str | None, patient: str, caller: policy.Caller) -> dict[str, Any]:
    if other is None or other == patient:
        return {"other": "nobody", "other_patient": None}
    return {"other": "patient", "other_patient": other if policy.sees(caller, other, ward or "") else None}


def _worn(row: Row | None) -> moved.Worn | None:
    return None if row is None else moved.Worn(row["patient_id"], row["from"], row["to"])


def _facts(prefix: str, worn: moved.Worn | None) -> dict[str, Any]:
    return {f"{prefix}_{part}": getattr(worn, part) if worn else None for part in ("patient", "since", "to")}
