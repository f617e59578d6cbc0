"""Access tokens (short-lived JWT, HS256) and refresh tokens (opaque, rotating). Pure: the time and the randomness come in.

In: claims and the site's token key. Out: a token; or the claims of one that is genuine and in time. Promise: a token that is forged,
expired, of another algorithm or another audience is a `TokenRefused`, never anything else. A token names a person, a role and a
session, nothing of a patient.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass

import jwt

from vitals.errors import Theirs

LIFETIME_S = 1800
REFRESH_LIFETIME_S = 12 * 3600
_ISSUER = "vigil"
_REQUIRED = ["iss", "aud", "sub", "sid", "iat", "exp"]


class TokenRefused(Theirs):
    """The bearer's token is not one that this site gave, or no longer valid."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Whose token it is: account, session, and until when (epoch seconds)."""

    username: str
    session: str
    expires_at: int


def issue(key: bytes, username: str, session: str, now: float) -> str:
    """A token valid for LIFETIME_S from `now` (epoch seconds)."""
    claims = {"iss": _ISSUER, "aud": _ISSUER, "sub": username, "sid": session, "iat": int(now), "exp": int(now) + LIFETIME_S}
    return jwt.encode(claims, key, algorithm="HS256")


def verify(key: bytes, token: str, now: float) -> Claims:
    """The claims of a genuine token at `now` (epoch seconds). Raises TokenRefused. `identity` says if its session still stands."""
    options = {"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False}
    try:
        found = jwt.decode(token, key, algorithms=["HS256"], audience=_ISSUER, issuer=_ISSUER, options=options)  # type: ignore[arg-type]  # PyJWT's TypedDict
        claims = Claims(str(found["sub"]), str(found["sid"]), int(found["exp"]))
    except (jwt.InvalidTokenError, ValueError, TypeError) as error:
        raise TokenRefused("the token is not valid") from error
    if claims.expires_at <= now:
        raise TokenRefused("the token has expired")
    return claims


def refresh_token(session: str, entropy: bytes) -> str:
    """`session.secret`: what the session table keeps of it is `digest`."""
    return f"{session}.{base64.urlsafe_b64encode(entropy).decode().rstrip('=')}"


def session_of(refresh: str) -> str:
    """The session that a refresh token claims to be of."""
    return refresh.partition(".")[0]


def digest(refresh: str) -> bytes:
    """What is stored instead of a refresh token."""
    return hashlib.sha256(refresh.encode()).digest()


def same(one: bytes, other: bytes) -> bool:
    """Compares in constant time."""
    return hmac.compare_digest(one, other)
