"""Accounts of people and systems: an admin makes them, links them and closes them."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from dashboard_api import assertions, cursor, passwords, policy
from dashboard_api.decoding import Id
from dashboard_api.problems import Problem, unknown
from dashboard_api.route import Call, Reply
from dashboard_api.timescale import Clash, Dangling, json_value

Username = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._@-]{1,64}\Z")]
Password = Annotated[str, Meta(min_length=passwords.SHORTEST, max_length=256)]
Provided = Annotated[str, Meta(min_length=1, max_length=255)]
Scopes = list[str]


class NewAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`scopes`: which rights an integration has, or SMART scopes of level `system`. `jwks`: the public keys it signs its assertions
    with. `issuer` and `subject`: who this is at the OpenID provider."""

    username: Username
    password: Password
    role: policy.Role
    all_wards: bool = False
    wards: list[Id] = []
    patient: Id | None = None
    scopes: Scopes = []
    jwks: dict[str, Any] | None = None
    issuer: Provided | None = None
    subject: Provided | None = None


class AccountChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is absent stays. A changed password or a disabled account ends its sessions. `second_factor` false: takes it away, for
    somebody who lost it."""

    password: Password | UnsetType = UNSET
    all_wards: bool | UnsetType = UNSET
    wards: list[Id] | UnsetType = UNSET
    patient: Id | UnsetType | None = UNSET
    scopes: Scopes | UnsetType = UNSET
    jwks: dict[str, Any] | UnsetType | None = UNSET
    issuer: Provided | UnsetType | None = UNSET
    subject: Provided | UnsetType | None = UNSET
    second_factor: Literal[False] | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account without its secrets."""

    username: str
    role: str
    all_wards: bool
    wards: list[str]
    patient: str | None
    scopes: list[str]
    issuer: str | None
    subject: str | None
    created_at: datetime
    disabled_at: datetime | None


class AccountList(msgspec.Struct, frozen=True):
    """A page of accounts."""

    items: list[Account]
    next: str | None


_CHANGEABLE = ("all_wards", "wards", "patient", "scopes", "issuer", "subject")
_COLUMNS = "username, role, all_wards, wards, patient, scopes, issuer, subject, created_at, disabled_at"


async def create(call: Call) -> Reply:
    """409 when the name is taken."""
    new: NewAccount = call.body
    _check_scopes(new.scopes)
    assertions.check_keys(new.jwks)
    sql = f"""INSERT INTO access.account (username, role, password_hash, all_wards, wards, patient, scopes, created_at,
              issuer, subject, jwks)
              VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}"""  # noqa: S608  # a constant
    stored = await passwords.hash_slowly(new.password)
    try:
        facts = [new.username, new.role, stored, new.all_wards, new.wards, new.patient, new.scopes, call.now, new.issuer, new.subject]
        facts.append(_stored(new.jwks))
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
    columns = await _columns(wish, call.now)
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
    except Clash as error:
        raise Problem(409, "another account is linked to that subject") from error
    if row is None:
        raise unknown()
    if wish.second_factor is False:
        await call.site.second.remove(username)
    changed = [*sorted(columns), *["second_factor"] * (wish.second_factor is False)]
    return Reply(row, detail={"account": username, "changed": changed})


async def _columns(wish: AccountChange, now: datetime) -> dict[str, Any]:
    """What is to be stored. Raises Problem 422."""
    columns: dict[str, Any] = {c: v for c in _CHANGEABLE if (v := getattr(wish, c)) is not UNSET}
    _check_scopes(columns.get("scopes", []))
    if wish.jwks is not UNSET:
        assertions.check_keys(wish.jwks)
        columns["jwks"] = _stored(wish.jwks)
    if wish.password is not UNSET:
        columns["password_hash"] = await passwords.hash_slowly(wish.password)
    if wish.disabled is not UNSET:
        columns["disabled_at"] = now if wish.disabled else None
    return columns


def _check_scopes(scopes: Scopes) -> None:
    offered = {right.value for right in policy.RIGHTS[policy.Role.INTEGRATION]}
    if others := sorted(scope for scope in set(scopes) - offered if not policy.may_hold(policy.Role.INTEGRATION, scope)):
        raise Problem(422, f"scopes: {others[0]!r} is not one of {', '.join(sorted(offered))}, system/...")


def _stored(jwks: dict[str, Any] | None) -> Any:
    return None if jwks is None else json_value(jwks)
