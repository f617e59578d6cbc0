"""Log-in with OpenID Connect (Core 1.0, code flow) and PKCE (RFC 7636). Pure: time and randomness come in.

In: the provider's words and what the browser brings back. Out: where to send the browser, and the claims of an ID token that is genuine,
meant for us, in time, and the answer to this very attempt. Promise: what fails a check is a `LoginRefused` with the reason and nothing
of the token.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import jwt
import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dashboard_api.identity import LoginRefused

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384")
ATTEMPT_S = 600
LEEWAY_S = 60
"""How far the provider's clock may be from ours."""
ENTROPY = 32
_AAD = b"openid attempt"


class Attempt(msgspec.Struct, frozen=True):
    """A log-in under way, which the browser carries sealed. `at`: epoch seconds; `back`: the page's own address to return to."""

    state: str
    nonce: str
    verifier: str
    at: float
    back: str


def attempt(entropy: Sequence[bytes], now: float, back: str) -> Attempt:
    """A new one of three times ENTROPY random bytes."""
    state, nonce, verifier = (_base64url(part) for part in entropy)
    return Attempt(state, nonce, verifier, now, back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/")


def sealed(key: bytes, this: Attempt, nonce: bytes) -> str:
    """What the browser keeps; `nonce`: 12 random bytes."""
    return _base64url(nonce + AESGCM(key).encrypt(nonce, msgspec.json.encode(this), _AAD))


def unsealed(key: bytes, text: str, now: float) -> Attempt:
    """The attempt that was sealed. Raises LoginRefused for one that is forged, or older than ATTEMPT_S."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        this = msgspec.json.decode(AESGCM(key).decrypt(data[:12], data[12:], _AAD), type=Attempt)
    except (ValueError, InvalidTag, msgspec.DecodeError) as error:
        raise LoginRefused("this browser did not begin the log-in") from error
    if not 0 <= now - this.at <= ATTEMPT_S:
        raise LoginRefused("the log-in took too long")
    return this


def address(endpoint: str, client: str, redirect: str, this: Attempt) -> str:
    """Where the browser goes."""
    challenge = _base64url(hashlib.sha256(this.verifier.encode()).digest())
    query = {
        "response_type": "code", "client_id": client, "redirect_uri": redirect, "scope": "openid profile", "state": this.state,
        "nonce": this.nonce, "code_challenge": challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"


def key_id(token: str) -> str:
    """Which key a token says it is signed with ("" when it does not say). Raises LoginRefused when it is no token."""
    try:
        return str(jwt.get_unverified_header(token).get("kid", ""))
    except jwt.InvalidTokenError as error:
        raise LoginRefused("the provider's token cannot be read") from error


def verified(token: str, key: Mapping[str, Any], issuer: str, client: str, nonce: str, now: float) -> dict[str, Any]:
    """The claims of an ID token signed with `key` (a JWK). Raises LoginRefused."""
    options = {"require": ["iss", "aud", "sub", "exp", "iat"], "verify_exp": False, "verify_iat": False, "verify_nbf": False}
    try:
        public = jwt.PyJWK.from_dict(dict(key))
        claims: dict[str, Any] = jwt.decode(token, public, algorithms=list(ALGORITHMS), audience=client, issuer=issuer, options=options)  # type: ignore[arg-type]  # PyJWT's TypedDict
        exp, iat = float(claims["exp"]), float(claims["iat"])
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise LoginRefused("the provider's token is not genuine, or not for us") from error
    if exp + LEEWAY_S <= now or iat - LEEWAY_S > now:
        raise LoginRefused("the provider's token is not of this time")
    if claims.get("nonce") != nonce:
        raise LoginRefused("the provider's token is the answer to another log-in")
    if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != client:
        raise LoginRefused("the provider's token is for another client too")
    return claims


def claim(claims: Mapping[str, Any], path: str) -> Any:
    """The claim at a dotted path, None when there is none: `realm_access.roles`."""
    found: Any = claims
    for word in path.split("."):
        found = found.get(word) if isinstance(found, Mapping) else None
    return found


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
