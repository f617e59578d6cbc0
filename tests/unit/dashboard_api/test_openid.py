"""An ID token counts when it is genuine, for us, of this time, and the answer to this very attempt; else it is refused with a reason."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from dashboard_api import openid
from dashboard_api.identity import LoginRefused

NOW = 1_800_000_000.0
KEY = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)
JWK = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key())) | {"kid": "one", "alg": "RS256"}
CLAIMS = {"iss": "https://id.test", "aud": "vigil", "sub": "7", "nonce": "n", "iat": NOW, "exp": NOW + 300}
SITE = bytes(32)


def token(key: Any = KEY, algorithm: str = "RS256", **changes: Any) -> str:
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "one"})


def checked(text: str) -> dict[str, Any]:
    return openid.verified(text, JWK, "https://id.test", "vigil", "n", NOW)


def attempt(back: str = "/ward") -> openid.Attempt:
    return openid.attempt([bytes([i]) * 32 for i in range(3)], NOW, back)


def test_a_good_token_gives_its_claims() -> None:
    assert checked(token(vigil={"role": "nurse"}))["vigil"] == {"role": "nurse"}


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.test"}, {"aud": "someone"}, {"nonce": "m"}, {"nonce": None}, {"exp": NOW - 61}, {"iat": NOW + 61},
        {"sub": None}, {"exp": None}, {"aud": ["vigil", "other"]}, {"aud": ["vigil", "other"], "azp": "other"}, {"key": OTHER},
        {"key": "a shared secret of thirty-two bytes", "algorithm": "HS256"}, {"key": None, "algorithm": "none"},
    ],
    ids="-".join,
)  # fmt: skip
def test_any_other_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(LoginRefused):
        checked(token(**changes))


def test_a_token_for_several_must_be_asked_for_by_us() -> None:
    assert checked(token(aud=["vigil", "other"], azp="vigil"))["sub"] == "7"


def test_what_the_browser_carries_comes_back_the_same() -> None:
    assert openid.unsealed(SITE, openid.sealed(SITE, attempt(), bytes(12)), NOW + 599) == attempt()


@pytest.mark.parametrize("later", [-1, 601])
def test_an_attempt_is_over_after_ten_minutes(later: int) -> None:
    with pytest.raises(LoginRefused):
        openid.unsealed(SITE, openid.sealed(SITE, attempt(), bytes(12)), NOW + later)


@pytest.mark.parametrize("text", ["", "x", "AAAA", openid.sealed(bytes([1]) * 32, attempt(), bytes(12))])
def test_what_was_not_sealed_here_is_refused(text: str) -> None:
    with pytest.raises(LoginRefused):
        openid.unsealed(SITE, text, NOW)


@pytest.mark.parametrize(
    ("back", "kept"), [("/ward?x=1", "/ward?x=1"), ("//evil.test", "/"), ("/\\evil.test", "/"), ("https://evil.test", "/")]
)
def test_the_way_back_stays_on_this_site(back: str, kept: str) -> None:
    assert attempt(back).back == kept


def test_the_challenge_is_that_of_rfc_7636_appendix_b() -> None:
    this = openid.Attempt("s", "n", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", NOW, "/")
    query = parse_qs(urlsplit(openid.address("https://id.test/auth", "vigil", "https://v.test/cb", this)).query)
    assert (query["code_challenge"], query["code_challenge_method"]) == (["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"], ["S256"])


def test_a_claim_may_lie_deep() -> None:
    claims = {"realm_access": {"roles": ["nurse"]}}
    found = [openid.claim(claims, path) for path in ("realm_access.roles", "realm_access.none", "roles", "realm_access.roles.x")]
    assert found == [["nurse"], None, None, None]
