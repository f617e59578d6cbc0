"""Logging in with the hospital's OpenID provider: off to it, and back.

In: a browser. Out: redirects; at the end one to the page with a code that is good once, for a minute, at POST /token
(`grant_type=authorization_code`). Promise: only the browser that began comes back; who the provider vouches for gets the role and the wards
that its claims say at every log-in, or none; a local account is never taken over: an admin links it first.
"""

import hashlib
import os
import secrets
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from dashboard_api import openid, passwords, policy
from dashboard_api.api.accounts import Username
from dashboard_api.api.token import give_back, not_too_fast, note
from dashboard_api.identity import LoginRefused
from dashboard_api.problems import Problem
from dashboard_api.route import Call, Reply
from dashboard_api.timescale import Clash

COOKIE = "vigil_login"
PATH = "/api/v1/login/oidc"
_CALLBACK = f"{PATH}/callback"
_CODE_GOOD = timedelta(seconds=60)
_UPDATE = """UPDATE access.account SET role = %(role)s, all_wards = %(all)s, wards = %(wards)s
             WHERE issuer = %(issuer)s AND subject = %(subject)s RETURNING username, disabled_at"""
_INSERT = """INSERT INTO access.account (username, role, password_hash, all_wards, wards, created_at, issuer, subject)
             VALUES (%(username)s, %(role)s, %(hash)s, %(all)s, %(wards)s, %(now)s, %(issuer)s, %(subject)s)"""
_username = msgspec.json.Decoder(Username)


class ProviderShown(msgspec.Struct, frozen=True):
    """The button: its words, and where it leads."""

    name: str
    url: str


class Methods(msgspec.Struct, frozen=True):
    """How one may log in here. `second_factor`: the roles that must have one."""

    password: bool
    oidc: ProviderShown | None
    second_factor: list[str]


class BeginQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`back`: the page's address to come back to, beginning with `/`."""

    back: Annotated[str, msgspec.Meta(max_length=500)] = "/"


class BackQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider sends (OpenID Connect Core, 3.1.2.5 and 3.1.2.6; RFC 9207)."""

    state: Annotated[str, msgspec.Meta(max_length=200)]
    code: Annotated[str, msgspec.Meta(max_length=4096)] | None = None
    error: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    error_description: str | None = None
    session_state: str | None = None
    iss: str | None = None


async def methods(call: Call) -> Reply:
    """For the page's log-in."""
    mine = call.site.provider.client
    shown = ProviderShown(mine.name, PATH) if call.site.provider.there else None
    return Reply(Methods(True, shown, sorted(call.site.second.required)))


async def begin(call: Call) -> Reply:
    """Sends the browser to the provider."""
    _there(call)
    query: BeginQuery = call.query
    this = openid.attempt([os.urandom(openid.ENTROPY) for _ in range(3)], call.now.timestamp(), query.back)
    metadata = await call.site.provider.metadata()
    answer = _to(openid.address(metadata.authorization_endpoint, call.site.provider.client.id, _redirect(call), this))
    kept = openid.sealed(call.site.keys.login, this, os.urandom(12))
    answer.set_cookie(COOKIE, kept, openid.ATTEMPT_S, path=PATH, secure=_redirect(call).startswith("https:"), httponly=True, samesite="lax")
    return Reply(raw=answer)


async def back(call: Call) -> Reply:
    """The provider sent the browser back: to the page, with a code or with what went wrong."""
    _there(call)
    not_too_fast(call, "")
    place = "/"
    try:
        this = openid.unsealed(call.site.keys.login, call.request.cookies.get(COOKIE, ""), call.now.timestamp())
        place = this.back
        username = await _admitted(call, this)
        told = {"login_code": await _code(call, username)}
        give_back(call, "")
        await note(call, username, "oidc", "done")
    except LoginRefused as error:
        await note(call, "", "oidc", "denied")
        told = {"login_error": str(error)}
    answer = _to(f"{place}#{urlencode(told)}")
    answer.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="lax")
    return Reply(raw=answer)


async def _admitted(call: Call, this: openid.Attempt) -> str:
    """The account of whoever the provider vouches for. Raises LoginRefused."""
    query: BackQuery = call.query
    if not secrets.compare_digest(query.state.encode(), this.state.encode()):
        raise LoginRefused("this is the answer to another log-in")
    mine = call.site.provider.client
    if query.code is None:
        raise LoginRefused("the provider did not let you in")
    if query.iss is not None and query.iss != mine.issuer:
        raise LoginRefused("the answer is from another provider")
    token = await call.site.provider.exchange(query.code, this.verifier, _redirect(call))
    key = await call.site.provider.key(openid.key_id(token))
    claims = openid.verified(token, key, mine.issuer, mine.id, this.nonce, call.now.timestamp())
    given = policy.from_claims(openid.claim(claims, mine.roles), openid.claim(claims, mine.wards))
    if given is None:
        raise LoginRefused("the provider gives you no role here, or more than one")
    return await _account(call, str(claims["sub"]), claims.get("preferred_username"), given)


async def _account(call: Call, subject: str, name: object, given: policy.Given) -> str:
    facts = {"issuer": call.site.provider.client.issuer, "subject": subject, "role": given.role, "all": given.all_wards,
             "wards": sorted(given.wards), "now": call.now}  # fmt: skip
    row = await call.site.database.row(_UPDATE, facts)
    if row is not None and row["disabled_at"] is not None:
        raise LoginRefused("this account is disabled")
    if row is not None:
        return str(row["username"])
    try:
        username = _username.decode(msgspec.json.encode(name))
        stored = await passwords.hash_slowly(secrets.token_urlsafe(32))
        await call.site.database.do(_INSERT, facts | {"username": username, "hash": stored})
    except msgspec.ValidationError as error:
        raise LoginRefused("the provider gives you no user name that can be used here") from error
    except Clash as error:
        raise LoginRefused("there is another account of your name; an admin can link it to you") from error
    return username


async def _code(call: Call, username: str) -> str:
    code = secrets.token_urlsafe(32)
    await call.site.database.do("DELETE FROM access.login_code WHERE expires_at < %s", [call.now])
    insert = "INSERT INTO access.login_code (digest, username, expires_at) VALUES (%s, %s, %s)"
    await call.site.database.do(insert, [hashlib.sha256(code.encode()).digest(), username, call.now + _CODE_GOOD])
    return code


def _there(call: Call) -> None:
    if not call.site.provider.there:
        raise Problem(404, "no OpenID provider is set up here (VIGIL_OIDC_ISSUER)")


def _redirect(call: Call) -> str:
    return call.site.provider.client.redirect or f"{str(call.request.base_url).rstrip('/')}{_CALLBACK}"


def _to(address: str) -> Response:
    return Response(status_code=302, headers={"Location": address, "Cache-Control": "no-store"})
