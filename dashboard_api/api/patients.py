"""Patients: registering, finding, changing. Names are opened only for the answer."""

import uuid
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from dashboard_api import cursor, policy, sealing
from dashboard_api.decoding import Id, Text, picked
from dashboard_api.problems import Problem
from dashboard_api.route import Call, Reply
from dashboard_api.sealing import SEXES, Person, Sealed
from dashboard_api.timescale import Clash, Dangling, Row, Transaction
from vitals import canary

Bed = Annotated[str, Meta(max_length=40, pattern=r"^(?![\s\S]*[\x00-\x1f\x7f])")]
"""One line: it is in the subject of a page."""
Birth = date
Scale = Literal[1, 2]
SexWord = Literal["female", "male", "other", "unknown", "f", "m", "o", "u", "F", "M", "O", "U"]


class NewPatient(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Registration. The age band comes from the birth date; `spo2_scale` 2 is for a prescribed target of 88-92 %."""

    mrn: Annotated[str, Meta(min_length=1, max_length=64)]
    name: Text
    birth_date: Birth
    sex: SexWord
    ward: Id
    bed: Bed = ""
    spo2_scale: Scale = 1
    pregnant: bool = False


class PatientChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is absent stays. Names, ward and discharge are registration (admin); bed, scale and pregnancy are care."""

    mrn: Annotated[str, Meta(min_length=1, max_length=64)] | UnsetType = UNSET
    name: Text | UnsetType = UNSET
    birth_date: Birth | UnsetType = UNSET
    sex: SexWord | UnsetType = UNSET
    ward: Id | UnsetType = UNSET
    bed: Bed | UnsetType = UNSET
    spo2_scale: Scale | UnsetType = UNSET
    pregnant: bool | UnsetType = UNSET
    discharged: bool | UnsetType = UNSET


class PatientQuery(cursor.Page, frozen=True, kw_only=True):
    """`mrn` finds the one with that record number; `discharged` true includes those gone home."""

    ward: str | None = None
    mrn: str | None = None
    discharged: bool = False


class Patient(msgspec.Struct, frozen=True, kw_only=True):
    """A patient; the person's fields are null after an erasure."""

    id: str
    ward: str
    bed: str
    age_band: str
    spo2_scale: int
    pregnant: bool
    version: int
    created_at: str
    discharged_at: str | None
    mrn: str | None
    name: str | None
    birth_date: date | None
    sex: str | None


class Patients(msgspec.Struct, frozen=True):
    """A page of patients."""

    items: list[Patient]
    next: str | None


_COLUMNS = ("id", "ward", "bed", "age_band", "spo2_scale", "pregnant", "version", "created_at", "discharged_at")
_PERSON = ("mrn", "name", "birth_date", "sex")
_CARE = ("bed", "spo2_scale", "pregnant")
_SELECT = f"""SELECT {", ".join(f"p.{c}" for c in _COLUMNS)}, i.wrapped_key, i.sealed
FROM clinical.patient p LEFT JOIN identity.person i ON i.patient = p.id """  # noqa: S608  # constants of this module


async def create(call: Call) -> Reply:
    """409 when the record number is known; 422 for a ward that is not there."""
    new: NewPatient = call.body
    patient, today = str(uuid.uuid4()), call.now.date()
    _check_birth(new.birth_date, today)
    insert = """INSERT INTO clinical.patient (id, ward, bed, age_band, spo2_scale, pregnant) VALUES (%s, %s, %s, %s, %s, %s)"""
    try:
        async with call.site.database.transaction() as transaction:
            band = sealing.age_band(new.birth_date, today)
            await transaction.do(insert, [patient, new.ward, new.bed, band, new.spo2_scale, new.pregnant])
            person = Person(mrn=new.mrn, name=new.name, birth_date=new.birth_date, sex=SEXES[new.sex])
            await _store_person(transaction, patient, sealing.seal(call.site.keys, patient, person))
    except Clash as error:
        raise Problem(409, "a patient with this record number is registered already") from error
    except Dangling as error:
        raise Problem(422, f"ward: there is no ward {new.ward}") from error
    await call.site.contexts.publish(patient)
    return Reply(await shown(call, patient), 201, {"Location": f"/api/v1/patients/{patient}"}, (patient,))


async def listed(call: Call) -> Reply:
    """The patients within the caller's reach, by id."""
    return await among(call, None)


async def among(call: Call, ids: list[str] | None) -> Reply:
    """The same, of these ids only; None: of all."""
    query: PatientQuery = call.query
    after = cursor.decode(query.cursor, tuple[str])[0] if query.cursor else ""
    sql = (
        _SELECT
        + """WHERE p.id > %(after)s AND (%(everyone)s OR p.ward = ANY(%(wards)s) OR p.id = ANY(%(patients)s))
        AND (%(ward)s::text IS NULL OR p.ward = %(ward)s) AND (p.ward <> %(canary)s OR %(ward)s = %(canary)s)
        AND (%(mrn)s::bytea IS NULL OR i.mrn_digest = %(mrn)s) AND (%(ids)s::text[] IS NULL OR p.id = ANY(%(ids)s))
        AND (%(gone)s OR p.discharged_at IS NULL) ORDER BY p.id LIMIT %(n)s"""
    )
    mrn = sealing.mrn_digest(call.site.keys, query.mrn) if query.mrn else None
    filters = {"after": after, "ward": query.ward, "mrn": mrn, "gone": query.discharged, "ids": ids, "n": query.limit + 1}
    rows = await call.site.database.rows(sql, within(call) | filters)
    page, following = cursor.page(rows, query.limit, "id")
    return Reply({"items": [_open(call, row) for row in page], "next": following}, patients=tuple(row["id"] for row in page))


async def read(call: Call) -> Reply:
    """One patient."""
    return Reply(await shown(call, call.subject["id"]))


async def change(call: Call) -> Reply:
    """Raises the patient's version when anything differs."""
    wish: PatientChange = call.body
    given = {f: value for f in wish.__struct_fields__ if (value := getattr(wish, f)) is not UNSET}
    if call.caller.role is not policy.Role.ADMIN and (others := sorted(set(given) - set(_CARE))):
        raise Problem(403, f"only an admin changes {', '.join(others)}")
    patient = call.subject["id"]
    try:
        async with call.site.database.transaction() as transaction:
            await _change_person(call, transaction, patient, given)
            await _change_place(call, transaction, patient, given)
    except Clash as error:
        raise Problem(409, "a patient with this record number is registered already") from error
    except Dangling as error:
        raise Problem(422, "ward: there is no such ward") from error
    if given.get("discharged") is False:  # who comes back years later is older
        await call.site.age_bands.renew(patient)
    await call.site.contexts.publish(patient)
    return Reply(await shown(call, patient), detail={"changed": sorted(given)})


def within(call: Call) -> dict[str, Any]:
    """The SQL parameters `everyone`, `wards`, `patients` of the caller's reach; `canary`: the ward that only shows where it is named."""
    reach = policy.reach(call.caller)
    return {"everyone": reach.everyone, "wards": list(reach.wards), "patients": list(reach.patients), "canary": canary.WARD}


async def shown(call: Call, patient: str) -> Row:
    """The patient as the API shows it."""
    row = await call.site.database.row(_SELECT + "WHERE p.id = %s", [patient])
    if row is None:
        raise Problem(404)
    return _open(call, row)


def _open(call: Call, row: Row) -> Row:
    if row["sealed"] is None:
        return picked(row, *_COLUMNS) | dict.fromkeys(_PERSON)
    person = sealing.opened(call.site.keys, row["id"], bytes(row["wrapped_key"]), bytes(row["sealed"]))
    return picked(row, *_COLUMNS) | {f: getattr(person, f) for f in _PERSON}


def _check_birth(born: date, today: date) -> None:
    if not date(1880, 1, 1) <= born <= today:
        raise Problem(422, "birth_date: expected a day in the past")


async def _store_person(transaction: Transaction, patient: str, sealed: Sealed) -> None:
    sql = """INSERT INTO identity.person (patient, wrapped_key, sealed, mrn_digest) VALUES (%s, %s, %s, %s) ON CONFLICT (patient) DO UPDATE
             SET wrapped_key = excluded.wrapped_key, sealed = excluded.sealed, mrn_digest = excluded.mrn_digest"""
    await transaction.do(sql, [patient, sealed.wrapped_key, sealed.sealed, sealed.mrn_digest])


async def _change_person(call: Call, transaction: Transaction, patient: str, given: dict[str, Any]) -> None:
    wanted = {f: given[f] for f in _PERSON if f in given}
    if not wanted:
        return
    row = await transaction.row("SELECT wrapped_key, sealed FROM identity.person WHERE patient = %s FOR UPDATE", [patient])
    if row is None:
        raise Problem(409, "this patient's person data was erased")
    person = sealing.opened(call.site.keys, patient, bytes(row["wrapped_key"]), bytes(row["sealed"]))
    if "sex" in wanted:
        wanted["sex"] = SEXES[wanted["sex"]]
    changed = msgspec.structs.replace(person, **wanted)
    _check_birth(changed.birth_date, call.now.date())
    sealed = sealing.resealed(call.site.keys, patient, bytes(row["wrapped_key"]), changed)
    await _store_person(transaction, patient, sealed)
    if "birth_date" in wanted:
        given["age_band"] = sealing.age_band(changed.birth_date, call.now.date())


async def _change_place(call: Call, transaction: Transaction, patient: str, given: dict[str, Any]) -> None:
    columns: dict[str, Any] = {c: given[c] for c in ("ward", "bed", "spo2_scale", "pregnant", "age_band") if c in given}
    if "discharged" in given:
        columns["discharged_at"] = call.now if given["discharged"] else None
    sets = ", ".join(f"{column} = %({column})s" for column in columns)
    if columns:
        sql = f"UPDATE clinical.patient SET {sets}, version = version + 1 WHERE id = %(id)s"  # noqa: S608  # column names of this module
        await transaction.do(sql, columns | {"id": patient})
