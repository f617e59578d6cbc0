"""A system that proves who it is with a signature: client assertions (RFC 7523; SMART Backend Services, `private_key_jwt`).

In: an assertion, and the public keys that an admin registered. Out: the account's name. Promise: an assertion is for this token endpoint,
lives at most LONGEST_S, and is good once; a private key is refused at registration.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import jwt

from dashboard_api.identity import LoginRefused
from dashboard_api.problems import Problem
from dashboard_api.timescale import Database

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("RS384", "ES384", "RS256", "ES256")
"""The first two are what SMART asks every server for."""
LONGEST_S = 300
_LEEWAY_S = 30
_MOST_KEYS = 10
_ACCOUNT = "SELECT jwks FROM access.account WHERE username = %s AND role = 'integration' AND disabled_at IS NULL AND jwks IS NOT NULL"
_REFUSED = "the client assertion is not valid"


def check_keys(jwks: Mapping[str, Any] | None) -> None:
    """Raises Problem 422 unless these are public keys that an assertion may be signed with."""
    if jwks is None:
        return
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not 1 <= len(keys) <= _MOST_KEYS or not all(isinstance(key, dict) for key in keys):
        raise Problem(422, f"jwks: expected {{'keys': [...]}} with 1 to {_MOST_KEYS} keys")
    if any({"d", "p", "q", "k"} & key.keys() for key in keys):
        raise Problem(422, "jwks: a private key must not leave its owner; register the public one")
    try:
        for key in keys:
            jwt.PyJWK.from_dict(key)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise Problem(422, "jwks: a key cannot be read") from error


def verified(assertion: str, jwks: Mapping[str, Any], client: str, audiences: list[str], now: float) -> dict[str, Any]:
    """The claims of a genuine assertion of this client. Raises LoginRefused."""
    options = {"require": ["iss", "sub", "aud", "exp", "jti"], "verify_exp": False, "verify_iat": False, "verify_nbf": False}
    for key in jwks["keys"]:
        try:
            public = jwt.PyJWK.from_dict(key)
            claims: dict[str, Any] = jwt.decode(
                assertion,
                public,
                algorithms=list(ALGORITHMS),
                audience=audiences,
                issuer=client,
                options=options,  # type: ignore[arg-type]  # PyJWT's TypedDict
            )
            exp = float(claims["exp"])
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        if claims["sub"] == client and now - _LEEWAY_S < exp <= now + LONGEST_S + _LEEWAY_S and 0 < len(str(claims["jti"])) <= 200:
            return claims
    raise LoginRefused(_REFUSED)


class Assertions:
    """The registered keys and the assertions that were used."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def client(self, assertion: str, audiences: list[str]) -> str:
        """Whose assertion this is; it is then used up. Raises LoginRefused."""
        try:
            client = str(jwt.decode(assertion, options={"verify_signature": False}).get("iss", ""))
        except jwt.PyJWTError as error:
            raise LoginRefused(_REFUSED) from error
        row = await self._database.row(_ACCOUNT, [client]) if "\0" not in client else None
        if row is None:
            raise LoginRefused(_REFUSED)
        claims = verified(assertion, row["jwks"], client, audiences, self._clock().timestamp())
        await self._database.do("DELETE FROM access.assertion WHERE expires_at < %s", [self._clock()])
        expires = datetime.fromtimestamp(float(claims["exp"]) + _LEEWAY_S, UTC)
        insert = "INSERT INTO access.assertion (username, jti, expires_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
        if not await self._database.do(insert, [client, str(claims["jti"]).replace("\0", ""), expires]):
            raise LoginRefused("the client assertion was used before")
        return client
