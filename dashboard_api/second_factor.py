"""Second factors of local accounts: offered, confirmed, asked for, taken away.

In: an account's name and the codes that somebody types. Out: secrets, recovery codes, yes or no. Promise: a factor counts only once a code
of it was right; each code is good once, also when it comes twice at the same time; the secret is stored sealed, recovery codes as digests.
"""

import hashlib
import os
import secrets
from collections.abc import Callable
from datetime import datetime

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dashboard_api import totp
from dashboard_api.timescale import Database

_OFFER = """INSERT INTO access.second_factor AS f (username, secret) VALUES (%s, %s)
            ON CONFLICT (username) DO UPDATE SET secret = excluded.secret, last_step = 0 WHERE f.confirmed_at IS NULL"""
_SPEND = "UPDATE access.second_factor SET last_step = %(step)s WHERE username = %(username)s AND last_step < %(step)s"
_RECOVER = "UPDATE access.recovery_code SET used_at = %s WHERE username = %s AND digest = %s AND used_at IS NULL"


class SecondFactor:
    """The factors of a site; `required`: roles whose accounts must have one."""

    def __init__(self, database: Database, key: bytes, clock: Callable[[], datetime], required: frozenset[str]) -> None:
        self._database = database
        self._cipher = AESGCM(key)
        self._clock = clock
        self.required = required

    async def offer(self, username: str) -> bytes | None:
        """A new secret, which replaces one that was never confirmed; None when there is a confirmed one."""
        secret, nonce = secrets.token_bytes(totp.SECRET_BYTES), os.urandom(12)
        sealed = nonce + self._cipher.encrypt(nonce, secret, username.encode())
        return secret if await self._database.do(_OFFER, [username, sealed]) else None

    async def confirm(self, username: str, said: str) -> list[str] | None:
        """The recovery codes, shown this once; None when the code is wrong, or there is nothing to confirm."""
        if await self.held(username) or not await self._spent(username, said, confirmed=False):
            return None
        codes = [totp.recovery(secrets.token_bytes(totp.RECOVERY_BYTES)) for _ in range(totp.RECOVERY_CODES)]
        async with self._database.transaction() as transaction:
            await transaction.do("DELETE FROM access.recovery_code WHERE username = %s", [username])
            insert = "INSERT INTO access.recovery_code (username, digest) VALUES (%s, %s)"
            await transaction.many(insert, [(username, _digest(code)) for code in codes])
            await transaction.do("UPDATE access.second_factor SET confirmed_at = %s WHERE username = %s", [self._clock(), username])
        return codes

    async def held(self, username: str) -> bool:
        """Whether this account has a confirmed one."""
        sql = "SELECT 1 FROM access.second_factor WHERE username = %s AND confirmed_at IS NOT NULL"
        return await self._database.row(sql, [username]) is not None

    async def right(self, username: str, said: str) -> bool:
        """Whether this is the account's code now, or one of its recovery codes; it is then used up."""
        said = said.strip().lower()
        if said.isdigit():
            return await self._spent(username, said, confirmed=True)
        return bool(await self._database.do(_RECOVER, [self._clock(), username, _digest(said)]))

    async def remove(self, username: str) -> None:
        """Takes the factor and its recovery codes away."""
        async with self._database.transaction() as transaction:
            await transaction.do("DELETE FROM access.recovery_code WHERE username = %s", [username])
            await transaction.do("DELETE FROM access.second_factor WHERE username = %s", [username])

    async def _spent(self, username: str, said: str, *, confirmed: bool) -> bool:
        sql = "SELECT secret, last_step FROM access.second_factor WHERE username = %s AND (confirmed_at IS NOT NULL) = %s"
        row = await self._database.row(sql, [username, confirmed])
        if row is None:
            return False
        sealed = bytes(row["secret"])
        secret = self._cipher.decrypt(sealed[:12], sealed[12:], username.encode())
        step = totp.matching(secret, said, self._clock().timestamp(), row["last_step"])
        return step is not None and bool(await self._database.do(_SPEND, {"step": step, "username": username}))


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
