"""POST /token: the grants of OAuth 2 that this site takes, as a table.

In: a form (RFC 6749). Out: tokens, or a problem with OAuth's own `error` word. Promise: every attempt is audited, and none is faster than
the throttles allow; one that succeeds does not count there.
"""

import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl, unquote_plus

import msgspec
from msgspec import UNSET, UnsetType

from dashboard_api import assertions, identity
from dashboard_api.audit import Entry
from dashboard_api.decoding import printable
from dashboard_api.identity import Login, LoginRefused, Session
from dashboard_api.problems import Problem, too_fast
from dashboard_api.route import Call, Reply

NEVER_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}
Form = Mapping[str, str]


class Tokens(msgspec.Struct, frozen=True):
    """RFC 6749, section 5.1. `scope`: where the token may less than its account."""

    access_token: str
    expires_in: int
    refresh_token: str | UnsetType = UNSET
    scope: str | UnsetType = UNSET
    token_type: str = "bearer"  # noqa: S105  # the kind of token, not one


async def token(call: Call) -> Reply:
    """OAuth 2, as a form."""
    form = _form(call)
    name, grant = _field(form, "username") or _field(form, "client_id"), _field(form, "grant_type") or "password"
    not_too_fast(call, name)
    if grant not in _GRANTS:
        raise Problem(400, f"grant_type: expected one of {', '.join(_GRANTS)}", error="unsupported_grant_type")
    try:
        session = await _GRANTS[grant](call, form)
    except identity.ScopeRefused as error:
        await note(call, name, grant, "denied")
        raise Problem(400, str(error), error="invalid_scope") from error
    except identity.CodeWanted as error:
        await note(call, name, grant, "denied")
        raise Problem(401, str(error), {"WWW-Authenticate": 'Bearer realm="vigil"'}, error="second_factor_required") from error
    except identity.Locked as error:
        await note(call, name, grant, "denied")
        raise Problem(429, "too many failed log-ins; wait", {"Retry-After": str(error.retry_after)}, error="invalid_grant") from error
    except LoginRefused as error:
        await note(call, name, grant, "denied")
        raise Problem(401, str(error), {"WWW-Authenticate": 'Bearer realm="vigil"'}, error="invalid_grant") from error
    give_back(call, name)
    await note(call, session.username, grant, "done")
    return Reply(_tokens(session), headers=NEVER_KEPT)


def _tokens(session: Session) -> Tokens:
    scope = UNSET if session.limits is None else " ".join(sorted(session.limits))
    return Tokens(session.access_token, session.expires_in, session.refresh_token or UNSET, scope)


async def _password(call: Call, form: Form) -> Session:
    login = Login(_field(form, "username"), _field(form, "password"), _field(form, "totp"), _field(form, "scope"), _address(call))
    return await call.site.accounts.log_in(login)


async def _refresh(call: Call, form: Form) -> Session:
    return await call.site.accounts.refresh(_field(form, "refresh_token"))


async def _client(call: Call, form: Form) -> Session:
    """With a secret, in the form or as Basic; or with a signed assertion."""
    scope = _field(form, "scope")
    if form.get("client_assertion"):
        if _field(form, "client_assertion_type") != assertions.TYPE:
            raise Problem(400, f"client_assertion_type: expected {assertions.TYPE}", error="invalid_request")
        here = str(call.request.url.replace(query=""))
        client = await call.site.assertions.client(_field(form, "client_assertion", 8192), [here])
        return await call.site.accounts.begin_client(client, scope)
    name, secret = _basic(call) or (_field(form, "client_id"), _field(form, "client_secret"))
    return await call.site.accounts.log_in_client(Login(name, secret, scope=scope, address=_address(call)))


async def _code(call: Call, form: Form) -> Session:
    """The code with which a log-in at the OpenID provider came back to the page."""
    digest = hashlib.sha256(_field(form, "code").encode()).digest()
    spend = "DELETE FROM access.login_code WHERE digest = %s RETURNING username, expires_at"
    row = await call.site.database.row(spend, [digest])
    if row is None or row["expires_at"] <= call.now:
        raise LoginRefused("the code is not valid, or was used already")
    return await call.site.accounts.begin(row["username"])


_GRANTS: Mapping[str, Callable[[Call, Form], Awaitable[Session]]] = {
    "password": _password,
    "refresh_token": _refresh,
    "client_credentials": _client,
    "authorization_code": _code,
}


def _form(call: Call) -> dict[str, str]:
    content = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content != "application/x-www-form-urlencoded":
        raise Problem(415, "expected a form: application/x-www-form-urlencoded")
    try:
        return dict(parse_qsl(call.body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=20, errors="strict"))
    except ValueError as error:
        raise Problem(400, "the form cannot be read", error="invalid_request") from error


def _field(form: Form, name: str, longest: int = 1024) -> str:
    value = form.get(name, "")
    if len(value) > longest or "\0" in value:
        raise Problem(400, f"{name}: expected text", error="invalid_request")
    return value


def _basic(call: Call) -> tuple[str, str] | None:
    """Client id and secret of HTTP Basic (RFC 6749, section 2.3.1)."""
    scheme, _, value = call.request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise Problem(400, "Authorization: this is no Basic", error="invalid_request") from error
    if "\0" in name:
        raise Problem(400, "Authorization: expected text", error="invalid_request")
    return unquote_plus(name)[:256].replace("\0", ""), unquote_plus(secret)


def not_too_fast(call: Call, name: str) -> None:
    """Raises Problem 429 when this address, or this name from there, is tried too often: elsewhere the name is not held up."""
    now, address = call.site.monotonic(), _address(call)
    wait = call.site.throttles.address.wait(address, now)
    if not wait and name:
        wait = call.site.throttles.login.wait(f"{address} {name}", now)
    if wait:
        call.site.metrics.logins.labels("too_fast").inc()
        raise too_fast(wait)


def give_back(call: Call, name: str) -> None:
    """A log-in that succeeded was no guess: what it took of `not_too_fast` is there again."""
    address = _address(call)
    call.site.throttles.address.give_back(address)
    call.site.throttles.login.give_back(f"{address} {name}")


def _address(call: Call) -> str:
    return call.request.client.host if call.request.client else ""


async def note(call: Call, name: str, grant: str, outcome: str) -> None:
    """Counts and audits an attempt."""
    call.site.metrics.logins.labels(outcome).inc()
    entry = Entry(
        at=call.now,
        actor=printable(name, 64),
        role="",
        action=f"login.{printable(grant, 20)}",
        resource=f"{call.request.method} {call.request.url.path}",
        outcome=outcome,
    )
    await call.site.audit.write(entry)
