"""Idempotency-Key: a POST that is sent again gets the answer of the first time, for a day.

In: caller, key, and what was asked. Out: the stored answer, or the leave to go on. Promise: the same key with another request is 422,
at the same time as the first one 409; what is stored is sealed, for an answer may hold a secret that is shown once; its headers are not,
which name things by their ids only. A failure is not stored: what was in its way may be gone.
"""

import hashlib
import os
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.responses import Response

from dashboard_api.problems import Problem
from dashboard_api.timescale import Database

KEPT = timedelta(days=1)
_STUCK_AFTER = timedelta(minutes=1)
LONGEST = 128


@dataclass(frozen=True, slots=True)
class Asked:
    """One use of a key."""

    username: str
    key: str
    request: bytes


def asked(username: str, key: str, method: str, path: str, body: bytes) -> Asked:
    """Raises Problem 422 for a key that is too long or empty."""
    if not 1 <= len(key) <= LONGEST or not key.isprintable():
        raise Problem(422, f"Idempotency-Key: expected 1 to {LONGEST} printable characters")
    return Asked(username, key, hashlib.sha256(f"{method} {path}\n".encode() + body).digest())


class Idempotency:
    """The stored answers."""

    def __init__(self, database: Database, key: bytes) -> None:
        self._database = database
        self._cipher = AESGCM(key)

    async def earlier(self, this: Asked, now: datetime) -> Response | None:
        """The first answer, marked as such; None when this is the first (it is then noted as under way)."""
        await self._database.do("DELETE FROM access.idempotency WHERE at < %s", [now - KEPT])
        begin = """INSERT INTO access.idempotency AS i (username, key, request, at) VALUES (%s, %s, %s, %s)
                   ON CONFLICT (username, key) DO UPDATE SET at = excluded.at, request = excluded.request
                   WHERE i.status IS NULL AND i.at < %s"""
        if await self._database.do(begin, [this.username, this.key, this.request, now, now - _STUCK_AFTER]):
            return None
        row = await self._database.row("SELECT * FROM access.idempotency WHERE username = %s AND key = %s", [this.username, this.key])
        if row is None or (row["status"] is None and bytes(row["request"]) == this.request):
            raise Problem(409, "the first request with this Idempotency-Key is still under way", headers={"Retry-After": "1"})
        if bytes(row["request"]) != this.request:
            raise Problem(422, "this Idempotency-Key was used for another request")
        sealed, headers = bytes(row["answer"]), row["headers"] | {"idempotent-replayed": "true"}
        return Response(self._cipher.decrypt(sealed[:12], sealed[12:], this.key.encode()), int(row["status"]), headers)

    async def keep(self, this: Asked, answer: Response, patient: str | None) -> None:
        """Stores a success; `patient`: with whose erasure it goes."""
        nonce = os.urandom(12)
        sealed = nonce + self._cipher.encrypt(nonce, bytes(answer.body), this.key.encode())
        headers = msgspec.json.encode({name: value for name, value in answer.headers.items() if name != "content-length"}).decode()
        sql = "UPDATE access.idempotency SET status = %s, headers = %s, answer = %s, patient = %s WHERE username = %s AND key = %s"
        await self._database.do(sql, [answer.status_code, headers, sealed, patient, this.username, this.key])

    async def forget(self, this: Asked) -> None:
        """After a failure: the same key may try again."""
        await self._database.do(
            "DELETE FROM access.idempotency WHERE username = %s AND key = %s AND status IS NULL", [this.username, this.key]
        )
