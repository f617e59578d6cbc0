"""Notes on a patient: who said what when. Nothing is changed or taken back; a note may strike out an earlier one, saying why.

The text is sealed under the patient's own key: after an erasure it is known who wrote when, and not what.
"""

import uuid
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from dashboard_api import cursor, sealing
from dashboard_api.decoding import Id
from dashboard_api.problems import Problem
from dashboard_api.route import Call, Reply
from dashboard_api.timescale import Clash, Row, Transaction

LONGEST = 4000
NoteText = Annotated[str, Meta(min_length=1, max_length=LONGEST, pattern=r"\S")]


class NewNote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`strikes`: the note that this one strikes out; `text` is then the reason."""

    text: NoteText
    strikes: Id | None = None


class Struck(msgspec.Struct, frozen=True, kw_only=True):
    """Who struck a note out, when and why; `reason` null after an erasure."""

    by: str
    at: datetime
    reason: str | None


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """`text` null after an erasure; `strikes`: the note that this one struck out; `struck` null: it stands."""

    id: str
    author: str
    role: str
    at: datetime
    text: str | None
    strikes: str | None
    struck: Struck | None


class Notes(msgspec.Struct, frozen=True):
    """Newest first; those that strike another out are among them."""

    items: list[Note]
    next: str | None


_SELECT = """SELECT x.n, x.id, x.author, x.role, x.at, x.sealed, x.strikes, i.wrapped_key,
                    s.id AS s_id, s.author AS s_author, s.at AS s_at, s.sealed AS s_sealed
             FROM clinical.note x LEFT JOIN clinical.note s ON s.strikes = x.id LEFT JOIN identity.person i ON i.patient = x.patient
             WHERE x.patient = %(patient)s AND x.n < %(before)s ORDER BY x.n DESC LIMIT %(most)s"""
_ALL = 2**62


async def listed(call: Call) -> Reply:
    """A page of them."""
    query: cursor.Page = call.query
    (before,) = cursor.decode(query.cursor, tuple[Annotated[int, Meta(ge=0, le=_ALL)]]) if query.cursor else (_ALL,)
    facts = {"patient": call.subject["id"], "before": before, "most": query.limit + 1}
    page, following = cursor.page(await call.site.database.rows(_SELECT, facts), query.limit, "n")
    return Reply({"items": [_shown(call, row) for row in page], "next": following})


async def every(call: Call) -> list[Note]:
    """All of the patient's, newest first: for the export."""
    rows = await call.site.database.rows(_SELECT, {"patient": call.subject["id"], "before": _ALL, "most": None})
    return [_shown(call, row) for row in rows]


async def create(call: Call) -> Reply:
    """409 when the person was erased or the note is struck out already; 422 when `strikes` names no note of this patient that can be."""
    wish: NewNote = call.body
    patient, note = call.subject["id"], str(uuid.uuid4())
    sql = "INSERT INTO clinical.note (id, patient, author, role, at, sealed, strikes) VALUES (%s, %s, %s, %s, %s, %s, %s)"
    try:
        async with call.site.database.transaction() as transaction:
            key = await _key(transaction, patient)
            await _check_struck(transaction, patient, wish.strikes)
            sealed = sealing.seal_note(call.site.keys, patient, note, key, wish.text)
            await transaction.do(sql, [note, patient, call.caller.username, call.caller.role.value, call.now, sealed, wish.strikes])
    except Clash as error:
        raise Problem(409, "this note is struck out already") from error
    answer = Note(
        id=note, author=call.caller.username, role=call.caller.role, at=call.now, text=wish.text, strikes=wish.strikes, struck=None
    )
    return Reply(answer, 201, detail={"note": note} | ({"strikes": wish.strikes} if wish.strikes else {}))


async def _key(transaction: Transaction, patient: str) -> bytes:
    """The patient's wrapped key, which no erasure takes away before the note is stored."""
    row = await transaction.row("SELECT wrapped_key FROM identity.person WHERE patient = %s FOR SHARE", [patient])
    if row is None:
        raise Problem(409, "this patient's person data was erased")
    return bytes(row["wrapped_key"])


async def _check_struck(transaction: Transaction, patient: str, strikes: str | None) -> None:
    if strikes is None:
        return
    row = await transaction.row("SELECT strikes FROM clinical.note WHERE id = %s AND patient = %s", [strikes, patient])
    if row is None:
        raise Problem(422, "strikes: this patient has no such note")
    if row["strikes"] is not None:
        raise Problem(422, "strikes: a note that strikes another out is not struck out itself; write a new note")


def _shown(call: Call, row: Row) -> Note:
    struck = Struck(by=row["s_author"], at=row["s_at"], reason=_text(call, row, "s_")) if row["s_id"] else None
    return Note(
        id=row["id"], author=row["author"], role=row["role"], at=row["at"], text=_text(call, row), strikes=row["strikes"], struck=struck
    )


def _text(call: Call, row: Row, prefix: str = "") -> str | None:
    if row["wrapped_key"] is None:
        return None
    return sealing.opened_note(
        call.site.keys, call.subject["id"], row[f"{prefix}id"], bytes(row["wrapped_key"]), bytes(row[f"{prefix}sealed"])
    )
