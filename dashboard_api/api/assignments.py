"""Which device was on which patient when; and correcting it afterwards."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from dashboard_api.api import corrections
from dashboard_api.api.corrections import JUST_NOW, Corrected, Correction
from dashboard_api.api.devices import found
from dashboard_api.api.patients import within
from dashboard_api.decoding import Id, Time, picked
from dashboard_api.problems import Problem, unknown
from dashboard_api.route import Call, Reply
from dashboard_api.timescale import Clash, Dangling, Invalid, Row, Transaction


class NewAssignment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """`to` absent: until further notice. The interval holds its start and not its end."""

    patient_id: Id
    since: Time
    to: Time | None = None


class AssignmentChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """What is absent stays. `to` null opens the end."""

    patient_id: Id | UnsetType = UNSET
    since: Time | UnsetType = UNSET
    to: Time | UnsetType | None = UNSET


class Assignment(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """`n` counts up for each device. `changed`: what a correction moved."""

    device: str
    n: int
    patient_id: str
    since: datetime
    to: datetime | None
    changed: dict[str, Any] | UnsetType = UNSET


class Assignments(msgspec.Struct, frozen=True):
    """All of a device."""

    items: list[Assignment]
    next: str | None


class Worn(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """A device's time on a patient."""

    device: str
    kind: str
    since: datetime
    to: datetime | None


class WornList(msgspec.Struct, frozen=True):
    """All of a patient. `corrections`: what moved to or from this patient afterwards, newest first."""

    items: list[Worn]
    corrections: list[Correction]
    next: str | None


_SELECT = (
    'SELECT device, n, patient AS patient_id, lower(during) AS "from", upper(during) AS "to" FROM clinical.assignment WHERE device = %s '
)
_LISTED = """SELECT a.device, a.n, a.patient AS patient_id, lower(a.during) AS "from", upper(a.during) AS "to"
FROM clinical.assignment a JOIN clinical.patient p ON p.id = a.patient
WHERE a.device = %(device)s AND (%(everyone)s OR p.ward = ANY(%(wards)s) OR p.id = ANY(%(patients)s)) ORDER BY a.n DESC"""


async def listed(call: Call) -> Reply:
    """Newest first; of patients out of the caller's reach nothing is said."""
    await found(call, call.path["id"])
    rows = await call.site.database.rows(_LISTED, within(call) | {"device": call.path["id"]})
    return Reply({"items": rows, "next": None}, patients=tuple({row["patient_id"] for row in rows}))


async def of_patient(call: Call) -> Reply:
    """Every device that was on the patient, also those that are on somebody else by now; newest first."""
    sql = """SELECT a.device, d.kind, lower(a.during) AS "from", upper(a.during) AS "to" FROM clinical.assignment a
             JOIN clinical.device d ON d.id = a.device WHERE a.patient = %s ORDER BY lower(a.during) DESC, a.device LIMIT 1000"""
    moved = await corrections.of(call, call.subject["id"])
    others = tuple({c.other_patient for c in moved if c.other_patient is not None})
    body = {"items": await call.site.database.rows(sql, [call.subject["id"]]), "corrections": moved, "next": None}
    return Reply(body, patients=(call.subject["id"], *others) if others else ())


async def create(call: Call) -> Reply:
    """409 when the device is on somebody at that time."""
    new: NewAssignment = call.body
    device = await found(call, call.path["id"])
    if device["revoked_at"] is not None:
        raise Problem(409, "the device is revoked")
    _check(new.since, new.to)
    sql = """INSERT INTO clinical.assignment (device, n, patient, during, author, at)
             SELECT %(device)s, COALESCE(max(n), 0) + 1, %(patient)s, tstzrange(%(since)s, %(to)s), %(author)s, %(now)s
             FROM clinical.assignment WHERE device = %(device)s RETURNING n"""
    facts = {
        "device": device["id"],
        "patient": new.patient_id,
        "since": new.since,
        "to": new.to,
        "author": call.caller.username,
        "now": call.now,
    }
    async with _Explained(), call.site.database.transaction() as transaction:
        await transaction.do("SELECT pg_advisory_xact_lock(hashtext('assignment ' || %s))", [device["id"]])
        row = await transaction.row(sql, facts)
        changed = await _reattribute(transaction, device["id"], new.since, new.to) if new.since < call.now - JUST_NOW else {}
        assert row is not None, "INSERT ... RETURNING gives a row"
        if readings := changed.get("readings", 0):  # said late, of readings that were nobody's until now
            after = {"patient_id": new.patient_id, "from": new.since, "to": new.to}
            await corrections.note(transaction, call, Corrected(device["id"], row["n"], None, after, readings))
    answer = Assignment(device=device["id"], n=row["n"], patient_id=new.patient_id, since=new.since, to=new.to, changed=changed or UNSET)
    return Reply(answer, 201, patients=(new.patient_id,), detail={"device": device["id"], "n": row["n"]})


async def change(call: Call) -> Reply:
    """Closes or corrects; the readings in between go to whom they belong, and the answer says how many."""
    wish: AssignmentChange = call.body
    device, n = call.path["id"], _number(call.path["n"])
    await found(call, device)
    async with _Explained(), call.site.database.transaction() as transaction:
        before = await transaction.row(_SELECT + "AND n = %s FOR UPDATE", [device, n])
        if before is None:
            raise unknown()
        after = before | {k: v for k, v in (("patient_id", wish.patient_id), ("from", wish.since), ("to", wish.to)) if v is not UNSET}
        _check(after["from"], after["to"])
        sql = (
            """UPDATE clinical.assignment SET patient = %s, during = tstzrange(%s, %s), author = %s, at = %s WHERE device = %s AND n = %s"""
        )
        await transaction.do(sql, [after["patient_id"], after["from"], after["to"], call.caller.username, call.now, device, n])
        changed = await _reattribute(transaction, device, *_span(before, after))
        await corrections.note(transaction, call, Corrected(device, n, before, after, changed.get("readings", 0)))
    patients = tuple(sorted({before["patient_id"], after["patient_id"]}))
    said = {name: picked(row, "patient_id", "from", "to") for name, row in (("before", before), ("after", after))}
    return Reply(after | {"changed": changed}, patients=patients, detail={"device": device, "n": n, "changed": changed} | said)


class _Explained:
    """The database's objections in the caller's words."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        match error:
            case Clash():
                raise Problem(409, "the device is on a patient at that time already") from error
            case Dangling():
                raise Problem(422, "patient_id: there is no such patient") from error
            case Invalid():
                raise Problem(422, "from, to: expected an interval that is not empty") from error


async def _reattribute(transaction: Transaction, device: str, since: datetime, to: datetime | None) -> dict[str, Any]:
    """The archive's own function, where the schema has it: readings observed in the interval go to whom the device was on."""
    known = await transaction.row("SELECT to_regprocedure('telemetry.reattribute(text, timestamptz, timestamptz)') IS NOT NULL AS there")
    if not known or not known["there"]:
        return {}
    row = await transaction.row("SELECT to_jsonb(r) AS moved FROM telemetry.reattribute(%s, %s, %s) AS r", [device, since, to])
    moved = row["moved"] if row else None
    return moved if isinstance(moved, dict) else {"readings": moved or 0}


def _span(before: Row, after: Row) -> tuple[datetime, datetime | None]:
    """From the earlier start to the later end: whatever either version covers."""
    ends = (before["to"], after["to"])
    return min(before["from"], after["from"]), None if None in ends else max(end for end in ends if end is not None)


def _check(since: datetime, to: datetime | None) -> None:
    if to is not None and to <= since:
        raise Problem(422, "to: expected a time after from")


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise unknown()
    return int(text)
