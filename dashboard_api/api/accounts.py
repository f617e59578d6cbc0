"""Accounts of people and systems: an admin makes them, links them and closes them."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from dashboard_api import cursor, passwords, policy
from dashboard_api.decoding import Id
from dashboard_api.problems import Problem, unknown
from dashboard_api.route import Call, Reply
from dashboard_api.timescale import Clash, Dangling

Username = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._@-]{1,64}\Z")]
Password = Annotated[str, Meta(min_length=passwords.SHORTEST, max_length=256)]
Scopes = list[str]


class NewAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`scopes`: which rights an integration has."""

    username: Username
    password: Password
    role: policy.Role
    all_wards: bool = False
    wards: list[Id] = []
    patient: Id | None = None
    scopes: Scopes = []


class AccountChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is absent stays. A changed password or a disabled account ends its sessions."""

    password: Password | UnsetType = UNSET
    all_wards: bool | UnsetType = UNSET
    wards: list[Id] | UnsetType = UNSET
    patient: Id | UnsetType | None = UNSET
    scopes: Scopes | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account without its secrets."""

    username: str
    role: str
    all_wards: bool
    wards: list[str]
    patient: str | None
    scopes: list[str]
    created_at: datetime
    disabled_at: datetime | None


class AccountList(msgspec.Struct, frozen=True):
    """A page of accounts."""

    items: list[Account]
    next: str | None


_COLUMNS = "username, role, all_wards, wards, patient, scopes, created_at, disabled_at"


async def create(call: Call) -> Reply:
    """409 when the name is taken."""
    new: NewAccount = call.body
    _check_scopes(new.scopes)
    sql = f"""INSERT INTO access.account (username, role, password_hash, all_wards, wards, patient, scopes, created_at)
              VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}"""  # noqa: S608  # a constant
    stored = await passwords.hash_slowly(new.password)
    try:
        facts = [new.username, new.role, stored, new.all_wards, new.wards, new.patient, new.scopes, call.now]
        row = await call.site.database.row(sql, facts)
    except Clash as error:
        raise Problem(409, "there is an account of that name already") from error
    except Dangling as error:
        raise Problem(422, "patient: there is no such patient") from error
    return Reply(row, 201, detail={"account": new.username, "role": new.role})


async def listed(call: Call) -> Reply:
    """By name."""
    query: cursor.Page = call.query
    after = cursor.decode(query.cursor, tuple[str])[0] if query.cursor else ""
    sql = f"SELECT {_COLUMNS} FROM access.account WHERE username > %s ORDER BY username LIMIT %s"  # noqa: S608  # a constant
    page, following = cursor.page(await call.site.database.rows(sql, [after, query.limit + 1]), query.limit, "username")
    return Reply({"items": page, "next": following})


async def change(call: Call) -> Reply:
    """Links wards or a patient, changes the password, disables."""
    wish: AccountChange = call.body
    columns = {c: v for c in ("all_wards", "wards", "patient", "scopes") if (v := getattr(wish, c)) is not UNSET}
    _check_scopes(columns.get("scopes", []))
    if wish.password is not UNSET:
        columns["password_hash"] = await passwords.hash_slowly(wish.password)
    if wish.disabled is not UNSET:
        columns["disabled_at"] = call.now if wish.disabled else None
    username = call.path["username"]
    sets = ", ".join(f"{column} = %({column})s" for column in columns) or "username = username"
    sql = f"UPDATE access.account SET {sets} WHERE username = %(username)s RETURNING {_COLUMNS}"  # noqa: S608  # column names of this module
    try:
        async with call.site.database.transaction() as transaction:
            row = await transaction.row(sql, columns | {"username": username})
            if wish.password is not UNSET or wish.disabled is True:
                end = (
                    "UPDATE access.session SET revoked_at = %s, revoked_why = 'account changed' WHERE username = %s AND revoked_at IS NULL"
                )
                await transaction.do(end, [call.now, username])
    except Dangling as error:
        raise Problem(422, "patient: there is no such patient") from error
    if row is None:
        raise unknown()
    return Reply(row, detail={"account": username, "changed": sorted(columns)})


def _check_scopes(scopes: Scopes) -> None:
    offered = {right.value for right in policy.RIGHTS[policy.Role.INTEGRATION]}
    if others := sorted(set(scopes) - offered):
        raise Problem(422, f"scopes: {others[0]!r} is not one of {', '.join(sorted(offered))}")
