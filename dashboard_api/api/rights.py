"""The patient's rights: a copy of everything, erasure of who they are, and what they agree to."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from dashboard_api.api import alerts, corrections, limits, notes, patients
from dashboard_api.decoding import Time
from dashboard_api.problems import Problem
from dashboard_api.route import Call, Reply
from vitals.registry import VITALS

_MOST_READINGS = 200_000
PURPOSES = ("monitoring", "research", "sharing_with_gp", "device_vendor")
"""What a patient may agree to or not; monitoring itself rests on care, and a refusal of it is for the care team to act on."""


class Erasure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`confirm`: the patient's id once more, for a person who might be on the wrong page; the path alone says it too."""

    confirm: str | None = None
    reason: Annotated[str, Meta(max_length=2000)] | None = None


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What is gone, and what stays under a pseudonym that nobody can resolve any more."""

    patient: str
    erased_at: datetime
    person_erased: bool
    devices_released: int


class Consent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One purpose. `granted` null: still not asked. `by` and `at` are for one given back as GET shows it, which stays as it is."""

    purpose: Annotated[str, Meta(pattern=r"^[a-z_]{1,40}\Z")]
    granted: bool | None
    by: str | None = None
    at: Time | None = None


class ConsentsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Those named are set, the others stay. `next` as GET shows it says nothing."""

    items: Annotated[list[Consent], Meta(max_length=20)]
    next: None = None


class ConsentShown(msgspec.Struct, frozen=True, kw_only=True):
    """`granted` null: not asked yet."""

    purpose: str
    granted: bool | None
    by: str | None
    at: datetime | None


class Consents(msgspec.Struct, frozen=True, kw_only=True):
    """Every purpose."""

    items: list[ConsentShown]
    next: None = None


_READINGS = """SELECT vital, observed_at, received_at, value, quality, device_no, seq FROM telemetry.reading
               WHERE patient_no = %s ORDER BY observed_at DESC LIMIT %s"""
_ASSIGNMENTS = (
    """SELECT device, lower(during) AS "from", upper(during) AS "to" FROM clinical.assignment WHERE patient = %s ORDER BY lower(during)"""
)
_AUDIT = """SELECT at, actor, role, action, outcome FROM access.audit WHERE patient = %s OR detail -> 'patients' ? %s
            ORDER BY n DESC LIMIT 10000"""


async def export(call: Call) -> Reply:
    """Everything that is held of a patient, as one document; says when there were more readings than it holds."""
    row, database = call.subject, call.site.database
    patient = row["id"]
    readings = await database.rows(_READINGS, [row["no"], _MOST_READINGS + 1])
    stored = await database.rows("SELECT body FROM alerting.alert WHERE patient = %s ORDER BY raised_at", [patient])
    own = await database.rows("SELECT * FROM clinical.limit_override WHERE patient = %s", [patient])
    body = {
        "patient": await patients.shown(call, patient),
        "exported_at": call.now,
        "readings": [{**r, "vital": VITALS[r["vital"]].name, "unit": VITALS[r["vital"]].unit} for r in readings[:_MOST_READINGS]],
        "readings_complete": len(readings) <= _MOST_READINGS,
        "alerts": [alerts.shown(alert["body"]) for alert in stored],
        "limits": limits.shown(own),
        "notes": await notes.every(call),
        "devices": await database.rows(_ASSIGNMENTS, [patient]),
        "corrections": await corrections.of(call, patient),
        "consents": (await _consents(call)),
        "who_saw_it": await database.rows(_AUDIT, [patient, patient]),
    }
    name = f'attachment; filename="vigil-{patient}.json"'
    return Reply(body, headers={"Content-Disposition": name}, detail={"readings": len(readings)})


async def erase(call: Call) -> Reply:
    """Name, number, birth date and their key are deleted, and with it the notes' words; devices are released, the account unlinked;
    readings stay without a person."""
    wish: Erasure = call.body
    patient = call.subject["id"]
    if wish.confirm not in (None, patient):
        raise Problem(422, "confirm: expected the patient's id")
    release = """UPDATE clinical.assignment SET during = tstzrange(lower(during), greatest(%s, lower(during) + interval '1 ms'))
                 WHERE patient = %s AND (upper_inf(during) OR upper(during) > %s)"""
    async with call.site.database.transaction() as transaction:
        person = await transaction.do("DELETE FROM identity.person WHERE patient = %s", [patient])
        released = await transaction.do(release, [call.now, patient, call.now])
        gone = "UPDATE clinical.patient SET version = version + 1, bed = '', discharged_at = COALESCE(discharged_at, %s) WHERE id = %s"
        await transaction.do(gone, [call.now, patient])
        close = """UPDATE access.session SET revoked_at = %s, revoked_why = 'erasure' WHERE revoked_at IS NULL
                   AND username IN (SELECT username FROM access.account WHERE patient = %s)"""
        await transaction.do(close, [call.now, patient])
        await transaction.do("UPDATE access.account SET patient = NULL WHERE patient = %s", [patient])
        await transaction.do("DELETE FROM access.idempotency WHERE patient = %s", [patient])
    await call.site.contexts.publish(patient)
    answer = Erased(patient=patient, erased_at=call.now, person_erased=bool(person), devices_released=released)
    return Reply(answer, detail={"reason": wish.reason})


async def consents(call: Call) -> Reply:
    """Every purpose, asked or not."""
    return Reply({"items": await _consents(call), "next": None})


async def put_consents(call: Call) -> Reply:
    """Who said so and when stays on record: rows are added, never changed."""
    wish: ConsentsBody = call.body
    if unknown := [c.purpose for c in wish.items if c.purpose not in PURPOSES]:
        raise Problem(422, f"purpose: {unknown[0]!r} is not one of {', '.join(PURPOSES)}")
    stands = {(row["purpose"], row["granted"], row["by"], row["at"]) for row in await _consents(call)}
    said = [c for c in wish.items if c.granted is not None and (c.purpose, c.granted, c.by, c.at) not in stands]
    sql = "INSERT INTO access.consent (patient, purpose, granted, author, at) VALUES (%s, %s, %s, %s, %s)"
    async with call.site.database.transaction() as transaction:
        await transaction.many(sql, [(call.subject["id"], c.purpose, c.granted, call.caller.username, call.now) for c in said])
    return Reply({"items": await _consents(call), "next": None}, detail={"consents": {c.purpose: c.granted for c in said}})


async def _consents(call: Call) -> list[dict[str, Any]]:
    sql = """SELECT DISTINCT ON (purpose) purpose, granted, author AS by, at FROM access.consent WHERE patient = %s
             ORDER BY purpose, n DESC"""
    known = {row["purpose"]: row for row in await call.site.database.rows(sql, [call.subject["id"]])}
    return [known.get(p, {"purpose": p, "granted": None, "by": None, "at": None}) for p in PURPOSES]
