"""A client assertion counts when its key is registered, and it is for this endpoint and short-lived."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from dashboard_api.assertions import check_keys, verified
from dashboard_api.identity import LoginRefused
from dashboard_api.problems import Problem

NOW = 1_800_000_000.0
HERE = "https://vigil.test/api/v1/token"
KEY, OTHER = (ec.generate_private_key(ec.SECP384R1()) for _ in range(2))
JWK = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key()))
CLAIMS = {"iss": "lab", "sub": "lab", "aud": HERE, "jti": "1", "exp": NOW + 60}


def checked(key: Any = KEY, **changes: Any) -> dict[str, Any]:
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    return verified(jwt.encode(claims, key, algorithm="ES384"), {"keys": [JWK]}, "lab", [HERE], NOW)


def test_a_genuine_one_is_taken() -> None:
    assert checked()["jti"] == "1"


@pytest.mark.parametrize(
    "changes",
    [
        {"key": OTHER},
        {"iss": "other"},
        {"sub": "other"},
        {"aud": "https://other.test"},
        {"exp": NOW - 60},
        {"exp": NOW + 3600},
        {"jti": None},
    ],
    ids="-".join,
)
def test_any_other_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(LoginRefused):
        checked(**changes)


@pytest.mark.parametrize(
    "jwks",
    [{}, {"keys": []}, {"keys": [1]}, {"keys": [{"kty": "oct", "k": "AA"}]}, {"keys": [{"kty": "EC"}]}, {"keys": [JWK | {"d": "AA"}]}],
)
def test_keys_that_are_not_public_or_no_keys_are_refused(jwks: dict[str, Any]) -> None:
    with pytest.raises(Problem) as caught:
        check_keys(jwks)
    assert caught.value.status == 422
