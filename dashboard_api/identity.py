"""Local accounts and their sessions: logging in, staying in, being thrown out.

In: a name and a password, a refresh token, or the claims of an access token. Out: a `Session` with tokens, or the `Caller` that policy
decides about. Promise: a wrong name and a wrong password look and last the same; after `FAILURES` wrong ones the name is locked for
`LOCKED_FOR`, existing or not; an old refresh token that comes back revokes its session.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard_api import passwords, tokens
from dashboard_api.policy import Caller, Role
from dashboard_api.timescale import Database, Row
from vitals.errors import Theirs

FAILURES = 5
LOCKED_FOR = timedelta(minutes=5)
FORGET_AFTER = timedelta(minutes=15)


class LoginRefused(Theirs):
    """Wrong name or password, or a refresh token that is not good."""


class Locked(Theirs):
    """Too many wrong passwords for this name; `retry_after` in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("locked after too many failed log-ins")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Session:
    """What a log-in gives."""

    username: str
    access_token: str
    refresh_token: str
    expires_in: int = tokens.LIFETIME_S


_CALLER = """
SELECT a.username, a.role, a.all_wards, a.patient,
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
        frozenset(row["broken_glass"]),
    )  # fmt: skip


async def caller_of(database: Database, claims: tokens.Claims, now: datetime) -> Caller | None:
    """Who holds a genuine token; None when the account is disabled or the session revoked or over."""
    row = await database.row(_CALLER, {"username": claims.username, "session": claims.session, "now": now})
    return caller_from(row) if row else None


class Accounts:
    """Log-ins against the stored accounts."""

    def __init__(self, database: Database, token_key: bytes, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._key = token_key
        self._clock = clock

    async def log_in(self, username: str, password: str) -> Session:
        """Raises LoginRefused or Locked."""
        now = self._clock()
        await self._check_lock(username, now)
        row = await self._database.row("SELECT password_hash FROM access.account WHERE username = %s AND disabled_at IS NULL", [username])
        if not await passwords.matches(row["password_hash"] if row else passwords.NOBODY, password) or row is None:
            await self._count_failure(username, now)
            raise LoginRefused("the user name or the password is wrong")
        await self._database.do("DELETE FROM access.login_failure WHERE username = %s", [username])
        return await self._begin(username, now)

    async def refresh(self, refresh: str) -> Session:
        """New tokens for a refresh token, which is then spent. Raises LoginRefused."""
        now, session = self._clock(), tokens.session_of(refresh)
        fresh = tokens.refresh_token(session, secrets.token_bytes(32))
        swap = """UPDATE access.session s SET refresh_digest = %(fresh)s FROM access.account a
                  WHERE s.id = %(session)s AND s.refresh_digest = %(old)s AND s.revoked_at IS NULL AND s.expires_at > %(now)s
                    AND a.username = s.username AND a.disabled_at IS NULL RETURNING s.username"""
        facts = {"session": session, "fresh": tokens.digest(fresh), "old": tokens.digest(refresh), "now": now}
        row = await self._database.row(swap, facts)
        if row is None:
            await self.revoke(session, "an old refresh token came back")
            raise LoginRefused("the refresh token is not valid")
        return Session(row["username"], tokens.issue(self._key, row["username"], session, now.timestamp()), fresh)

    async def revoke(self, session: str, why: str) -> None:
        """Ends a session at once."""
        sql = "UPDATE access.session SET revoked_at = %s, revoked_why = %s WHERE id = %s AND revoked_at IS NULL"
        await self._database.do(sql, [self._clock(), why, session])

    async def begin(self, username: str) -> Session:
        """A session for somebody who has proved who they are some other way."""
        return await self._begin(username, self._clock())

    async def _begin(self, username: str, now: datetime) -> Session:
        session = secrets.token_urlsafe(16)
        refresh = tokens.refresh_token(session, secrets.token_bytes(32))
        sql = "INSERT INTO access.session (id, username, refresh_digest, created_at, expires_at) VALUES (%s, %s, %s, %s, %s)"
        until = now + timedelta(seconds=tokens.REFRESH_LIFETIME_S)
        await self._database.do(sql, [session, username, tokens.digest(refresh), now, until])
        return Session(username, tokens.issue(self._key, username, session, now.timestamp()), refresh)

    async def _check_lock(self, username: str, now: datetime) -> None:
        sql = "SELECT locked_until FROM access.login_failure WHERE username = %s AND locked_until > %s"
        row = await self._database.row(sql, [username, now])
        if row:
            raise Locked(int((row["locked_until"] - now).total_seconds()) + 1)

    async def _count_failure(self, username: str, now: datetime) -> None:
        sql = """INSERT INTO access.login_failure AS f (username, failures, last_at) VALUES (%(username)s, 1, %(now)s)
                 ON CONFLICT (username) DO UPDATE SET last_at = %(now)s,
                   failures = CASE WHEN f.last_at < %(forget)s OR f.locked_until <= %(now)s THEN 1 ELSE f.failures + 1 END,
                   locked_until = CASE WHEN f.last_at >= %(forget)s AND f.failures + 1 >= %(most)s THEN %(until)s::timestamptz END"""
        facts = {"username": username, "now": now, "forget": now - FORGET_AFTER, "most": FAILURES, "until": now + LOCKED_FOR}
        await self._database.do(sql, facts)
        await self._database.do("DELETE FROM access.login_failure WHERE last_at < %s", [now - timedelta(days=1)])
