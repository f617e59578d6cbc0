"""Logging in and out, and who I am."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec

from dashboard_api import identity, policy
from dashboard_api.audit import Entry
from dashboard_api.decoding import printable
from dashboard_api.problems import Problem, too_fast
from dashboard_api.route import Call, Reply

_NEVER_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class Tokens(msgspec.Struct, frozen=True):
    """RFC 6749, section 5.1."""

    access_token: str
    expires_in: int
    refresh_token: str
    token_type: str = "bearer"  # noqa: S105  # the kind of token, not one


class Me(msgspec.Struct, frozen=True):
    """Who I am and what I may do. `wards` null: every ward."""

    username: str
    role: str
    wards: list[str] | None
    patient: str | None
    permissions: list[str]


class Revocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to end: every session of this account, or only the one of this token."""

    everywhere: bool = False


async def token(call: Call) -> Reply:
    """OAuth 2: grant_type `password` or `refresh_token`, as a form."""
    form = _form(call)
    grant = _field(form, "grant_type") or "password"
    name = _field(form, "username")
    address = call.request.client.host if call.request.client else ""
    _not_too_fast(call, address, name)
    try:
        if grant == "refresh_token":
            session = await call.site.accounts.refresh(_field(form, "refresh_token"))
        elif grant == "password":
            session = await call.site.accounts.log_in(name, _field(form, "password"))
        else:
            raise Problem(400, "grant_type: expected password or refresh_token", error="unsupported_grant_type")
    except identity.Locked as error:
        await _note(call, name, grant, "denied")
        raise Problem(429, "too many failed log-ins; wait", {"Retry-After": str(error.retry_after)}, error="invalid_grant") from error
    except identity.LoginRefused as error:
        await _note(call, name, grant, "denied")
        raise Problem(401, str(error), {"WWW-Authenticate": 'Bearer realm="vigil"'}, error="invalid_grant") from error
    await _note(call, session.username, grant, "done")
    return Reply(Tokens(session.access_token, session.expires_in, session.refresh_token), headers=_NEVER_KEPT)


async def me(call: Call) -> Reply:
    """The caller as policy sees them."""
    caller = call.caller
    wards = None if caller.all_wards or caller.role is policy.Role.ADMIN else sorted(caller.wards)
    return Reply(Me(caller.username, caller.role, wards, caller.patient, sorted(policy.rights(caller))))


async def log_out(call: Call) -> Reply:
    """Revokes this session at once, or all of this account."""
    wish: Revocation = call.body
    if wish.everywhere:
        sql = "UPDATE access.session SET revoked_at = %s, revoked_why = 'logged out' WHERE username = %s AND revoked_at IS NULL"
        await call.site.database.do(sql, [call.now, call.caller.username])
    else:
        await call.site.accounts.revoke(call.session, "logged out")
    return Reply(status=204)


def _form(call: Call) -> dict[str, str]:
    content = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content != "application/x-www-form-urlencoded":
        raise Problem(415, "expected a form: application/x-www-form-urlencoded")
    try:
        return dict(parse_qsl(call.body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=20, errors="strict"))
    except ValueError as error:
        raise Problem(400, "the form cannot be read", error="invalid_request") from error


def _field(form: Mapping[str, str], name: str) -> str:
    value = form.get(name, "")
    if len(value) > 1024 or "\0" in value:
        raise Problem(400, f"{name}: expected text", error="invalid_request")
    return value


def _not_too_fast(call: Call, address: str, name: str) -> None:
    now = call.site.monotonic()
    wait = max(call.site.throttles.address.wait(address, now), call.site.throttles.login.wait(name, now))
    if wait:
        call.site.metrics.logins.labels("too_fast").inc()
        raise too_fast(wait)


async def _note(call: Call, name: str, grant: str, outcome: str) -> None:
    call.site.metrics.logins.labels(outcome).inc()
    entry = Entry(
        at=call.now,
        actor=printable(name, 64),
        role="",
        action=f"login.{printable(grant, 20)}",
        resource="POST /api/v1/token",
        outcome=outcome,
    )
    await call.site.audit.write(entry)
