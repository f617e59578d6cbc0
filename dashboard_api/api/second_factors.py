"""My second factor: set up, confirmed, taken away. Who lost the device and the recovery codes asks an admin."""

from typing import Annotated

import msgspec

from dashboard_api import policy, totp
from dashboard_api.problems import Problem, too_fast
from dashboard_api.route import Call, Reply


class Offer(msgspec.Struct, frozen=True):
    """For an authenticator app: as an address (for a QR code), and to type. It counts once it is confirmed."""

    uri: str
    secret: str


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the app shows, or a recovery code where one will do."""

    code: Annotated[str, msgspec.Meta(min_length=6, max_length=40)]


class Recovery(msgspec.Struct, frozen=True):
    """Each good once, shown once."""

    recovery_codes: list[str]


class State(msgspec.Struct, frozen=True):
    """`required`: this role must have one."""

    confirmed: bool
    required: bool


async def read(call: Call) -> Reply:
    """Whether I have one."""
    caller = call.caller
    return Reply(State(await call.site.second.held(caller.username), caller.role in call.site.second.required))


async def offer(call: Call) -> Reply:
    """409 when there is a confirmed one."""
    secret = await call.site.second.offer(call.caller.username)
    if secret is None:
        raise Problem(409, "there is a second factor already: remove it first")
    return Reply(Offer(totp.uri(secret, call.caller.username), totp.shown(secret)), 201, headers={"Cache-Control": "no-store"})


async def confirm(call: Call) -> Reply:
    """From now on it is asked for; a session that could only do this may now do the rest."""
    _slowly(call)
    wish: Code = call.body
    codes = await call.site.second.confirm(call.caller.username, wish.code)
    if codes is None:
        raise Problem(422, "code: it is wrong, was used already, or there is nothing to confirm")
    if call.caller.limits == frozenset({policy.ENROLMENT}):
        await call.site.database.do("UPDATE access.session SET scopes = NULL WHERE id = %s", [call.session])
    return Reply(Recovery(codes), headers={"Cache-Control": "no-store"})


async def remove(call: Call) -> Reply:
    """With a code, so that a stolen token cannot."""
    _slowly(call)
    wish: Code = call.body
    if not await call.site.second.right(call.caller.username, wish.code):
        raise Problem(422, "code: it is wrong, or was used already")
    await call.site.second.remove(call.caller.username)
    return Reply(status=204)


def _slowly(call: Call) -> None:
    wait = call.site.throttles.login.wait(f"factor {call.caller.username}", call.site.monotonic())
    if wait:
        raise too_fast(wait)
