"""Who I am, and logging out."""

import msgspec

from dashboard_api import policy
from dashboard_api.route import Call, Reply


class Me(msgspec.Struct, frozen=True):
    """Who I am and what I may do. `wards` null: every ward. `units`: what the site shows values in (`temp`, `pressure`,
    `glucose`); all that the API itself says is in canonical units. `alarms_later_s`: how much later than the values all alarms and scores
    are, by a setting of the site; 0 where they are prompt."""

    username: str
    role: str
    wards: list[str] | None
    patient: str | None
    permissions: list[str]
    units: dict[str, str]
    alarms_later_s: float


class Revocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to end: every session of this account, or only the one of this token."""

    everywhere: bool = False


async def me(call: Call) -> Reply:
    """The caller as policy sees them."""
    caller = call.caller
    wards = None if caller.all_wards or caller.role is policy.Role.ADMIN else sorted(caller.wards)
    facts, rights = call.site.facts, list[str](sorted(policy.rights(caller)))
    return Reply(Me(caller.username, caller.role, wards, caller.patient, rights, dict(facts.units), facts.alarms_later_s))


async def log_out(call: Call) -> Reply:
    """Revokes this session at once, or all of this account."""
    wish: Revocation = call.body
    if wish.everywhere:
        sql = "UPDATE access.session SET revoked_at = %s, revoked_why = 'logged out' WHERE username = %s AND revoked_at IS NULL"
        await call.site.database.do(sql, [call.now, call.caller.username])
    else:
        await call.site.accounts.revoke(call.session, "logged out")
    return Reply(status=204)
