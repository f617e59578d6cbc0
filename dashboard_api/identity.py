"""Accounts and their sessions: logging in, staying in, being thrown out.

In: a name, a password and where there is one the code of a second factor; a refresh token; or the claims of an access token. Out: a
`Session` with tokens, or the `Caller` that policy decides about. Promise: a wrong name and a wrong password look and last the same; wrong
passwords lock the name, existing or not, where they come from, long before they lock it everywhere, and wrong codes at once everywhere
(`paces.LOCKS`); an old refresh token that comes back revokes its session; a session never may more than its account, and less where scopes
were asked for.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard_api import paces, passwords, policy, tokens
from dashboard_api.policy import Caller, Role
from dashboard_api.second_factor import SecondFactor
from dashboard_api.timescale import Database, Row
from vitals.errors import Theirs


class LoginRefused(Theirs):
    """Wrong name or password, or a refresh token that is not good."""


class CodeWanted(Theirs):
    """The password is right; the account has a second factor, and its code was not said."""


class ScopeRefused(Theirs):
    """None of the scopes asked for can be had."""


class Locked(Theirs):
    """Too many wrong passwords for this name; `retry_after` in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("locked after too many failed log-ins")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Session:
    """What a log-in gives. `refresh_token` None: none; `limits`: the scopes, None for all that the account may."""

    username: str
    access_token: str
    refresh_token: str | None
    limits: frozenset[str] | None = None
    expires_in: int = tokens.LIFETIME_S


@dataclass(frozen=True, slots=True)
class Login:
    """What somebody brings. `code`: of the second factor; `scope`: what is asked for, space-separated, all when empty; `address`: from
    where."""

    username: str
    password: str
    code: str = ""
    scope: str = ""
    address: str = ""

    @property
    def here(self) -> str:
        """What wrong passwords from this address are counted under."""
        return f"{paces.BY_ADDRESS} {self.address}"


_CALLER = """
SELECT a.username, a.role, a.all_wards, a.patient, s.scopes AS limits,
       CASE WHEN a.first_ward THEN a.wards || ARRAY(
           SELECT w.id FROM clinical.ward w WHERE w.id <> 'vigil-canary' ORDER BY w.created_at, w.id LIMIT 1) ELSE a.wards
       END AS wards, a.scopes,
       ARRAY(SELECT g.patient FROM access.break_glass g WHERE g.username = a.username AND g.expires_at > %(now)s) AS broken_glass
FROM access.account a JOIN access.session s USING (username)
WHERE a.username = %(username)s AND s.id = %(session)s AND a.disabled_at IS NULL AND s.revoked_at IS NULL AND s.expires_at > %(now)s
"""


def caller_from(row: Row) -> Caller:
    """The caller that an account's row describes."""
    return Caller(
        row["username"], Role(row["role"]), row["all_wards"], frozenset(row["wards"]), row["patient"], frozenset(row["scopes"]),
        frozenset(row["broken_glass"]), None if row["limits"] is None else frozenset(row["limits"]),
    )  # fmt: skip


def granted(role: Role, scope: str) -> frozenset[str] | None:
    """The scopes of those asked for that this role may hold, None when none was asked for. Raises ScopeRefused when none is left."""
    asked = scope.split()
    found = frozenset(word for word in asked if policy.may_hold(role, word))
    if asked and not found:
        raise ScopeRefused(f"scope: none of what was asked for is offered to the role {role}")
    return found if asked else None


async def caller_of(database: Database, claims: tokens.Claims, now: datetime) -> Caller | None:
    """Who holds a genuine token; None when the account is disabled or the session revoked or over."""
    row = await database.row(_CALLER, {"username": claims.username, "session": claims.session, "now": now})
    return caller_from(row) if row else None


class Accounts:
    """Log-ins against the stored accounts."""

    def __init__(self, database: Database, token_key: bytes, clock: Callable[[], datetime], second: SecondFactor) -> None:
        self._database = database
        self._key = token_key
        self._clock = clock
        self._second = second

    async def log_in(self, login: Login) -> Session:
        """Raises LoginRefused, CodeWanted, ScopeRefused or Locked."""
        role = await self._proved(login)
        held = await self._second.held(login.username)
        if held:
            await self._check_code(login)
        limits = granted(role, login.scope)
        if role in self._second.required and not held:
            limits = frozenset({policy.ENROLMENT})
        await self._forgive(login)
        return await self.begin(login.username, limits)

    async def log_in_client(self, login: Login) -> Session:
        """A system with its secret (RFC 6749, section 4.4). Raises as `log_in`."""
        role = await self._proved(login)
        if role is not Role.INTEGRATION:
            raise LoginRefused("this grant is for integrations")
        await self._forgive(login)
        return await self.begin_client(login.username, login.scope)

    async def refresh(self, refresh: str) -> Session:
        """New tokens for a refresh token, which is then spent. Raises LoginRefused."""
        now, session = self._clock(), tokens.session_of(refresh)
        fresh = tokens.refresh_token(session, secrets.token_bytes(32))
        swap = """UPDATE access.session s SET refresh_digest = %(fresh)s FROM access.account a
                  WHERE s.id = %(session)s AND s.refresh_digest = %(old)s AND s.revoked_at IS NULL AND s.expires_at > %(now)s
                    AND a.username = s.username AND a.disabled_at IS NULL RETURNING s.username, s.scopes"""
        facts = {"session": session, "fresh": tokens.digest(fresh), "old": tokens.digest(refresh), "now": now}
        row = await self._database.row(swap, facts)
        if row is None:
            await self.revoke(session, "an old refresh token came back")
            raise LoginRefused("the refresh token is not valid")
        limits = None if row["scopes"] is None else frozenset(row["scopes"])
        return Session(row["username"], tokens.issue(self._key, row["username"], session, now.timestamp()), fresh, limits)

    async def revoke(self, session: str, why: str) -> None:
        """Ends a session at once."""
        sql = "UPDATE access.session SET revoked_at = %s, revoked_why = %s WHERE id = %s AND revoked_at IS NULL"
        await self._database.do(sql, [self._clock(), why, session])

    async def begin(self, username: str, limits: frozenset[str] | None = None) -> Session:
        """A session for somebody who has proved who they are."""
        now, session = self._clock(), secrets.token_urlsafe(16)
        refresh = tokens.refresh_token(session, secrets.token_bytes(32))
        await self._store(session, username, tokens.digest(refresh), limits, tokens.REFRESH_LIFETIME_S)
        return Session(username, tokens.issue(self._key, username, session, now.timestamp()), refresh, limits)

    async def begin_client(self, username: str, scope: str) -> Session:
        """A system's session: it lasts as long as its one token."""
        limits, session = granted(Role.INTEGRATION, scope), secrets.token_urlsafe(16)
        await self._store(session, username, b"", limits, tokens.LIFETIME_S)
        return Session(username, tokens.issue(self._key, username, session, self._clock().timestamp()), None, limits)

    async def _store(self, session: str, username: str, digest: bytes, limits: frozenset[str] | None, lasts_s: int) -> None:
        sql = "INSERT INTO access.session (id, username, refresh_digest, created_at, expires_at, scopes) VALUES (%s, %s, %s, %s, %s, %s)"
        now = self._clock()
        scopes = None if limits is None else sorted(limits)
        await self._database.do(sql, [session, username, digest, now, now + timedelta(seconds=lasts_s), scopes])

    async def _proved(self, login: Login) -> Role:
        """The role of the account whose password this is."""
        now = self._clock()
        await self._check_lock(login, now)
        sql = "SELECT password_hash, role FROM access.account WHERE username = %s AND disabled_at IS NULL"
        row = await self._database.row(sql, [login.username])
        if not await passwords.matches(row["password_hash"] if row else passwords.NOBODY, login.password) or row is None:
            await self._count_failure(login.username, now, {login.here: paces.BY_ADDRESS, paces.BY_NAME: paces.BY_NAME})
            raise LoginRefused("the user name or the password is wrong")
        return Role(row["role"])

    async def _check_code(self, login: Login) -> None:
        if not login.code:
            raise CodeWanted("a code of the second factor is needed")
        if not await self._second.right(login.username, login.code):
            await self._count_failure(login.username, self._clock(), {paces.BY_CODE: paces.BY_CODE})
            raise LoginRefused("the code is wrong, or was used already")

    async def _check_lock(self, login: Login, now: datetime) -> None:
        sql = """SELECT max(locked_until) AS until FROM access.login_failure
                 WHERE username = %s AND counted = ANY(%s) AND locked_until > %s"""
        row = await self._database.row(sql, [login.username, [login.here, paces.BY_NAME, paces.BY_CODE], now])
        if row and row["until"]:
            raise Locked(int((row["until"] - now).total_seconds()) + 1)

    async def _forgive(self, login: Login) -> None:
        """What was wrong elsewhere is not forgiven: it may have been somebody else."""
        sql = "DELETE FROM access.login_failure WHERE username = %s AND counted = ANY(%s)"
        await self._database.do(sql, [login.username, [login.here, paces.BY_CODE]])

    async def _count_failure(self, username: str, now: datetime, counted: Mapping[str, str]) -> None:
        """`counted`: what is counted -> which of `paces.LOCKS` it is."""
        sql = """INSERT INTO access.login_failure AS f (username, counted, failures, last_at) VALUES (%(username)s, %(counted)s, 1, %(now)s)
                 ON CONFLICT (username, counted) DO UPDATE SET last_at = %(now)s,
                   failures = CASE WHEN f.last_at < %(forget)s OR f.locked_until <= %(now)s THEN 1 ELSE f.failures + 1 END,
                   locked_until = CASE WHEN f.locked_until > %(now)s THEN f.locked_until
                     WHEN f.locked_until IS NULL AND f.last_at >= %(forget)s AND f.failures + 1 >= %(most)s
                     THEN %(until)s::timestamptz END"""
        facts = {"username": username, "now": now, "forget": now - paces.FORGET_AFTER, "until": now + paces.LOCKED_FOR}
        async with self._database.transaction() as transaction:
            await transaction.many(sql, [facts | {"counted": what, "most": paces.LOCKS[lock]} for what, lock in counted.items()])
        await self._database.do("DELETE FROM access.login_failure WHERE last_at < %s", [now - timedelta(days=1)])
