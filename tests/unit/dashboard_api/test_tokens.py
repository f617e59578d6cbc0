"""A token is genuine, in time and of this site, or it is refused."""

import base64
import json

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard_api import tokens

KEY, NOW = b"k" * 32, 1_800_000_000.0


def unsigned() -> str:
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=")
    body = tokens.issue(KEY, "doctor", "s", NOW).split(".")[1]
    return f"{head.decode()}.{body}."


def foreign(**changes: object) -> str:
    claims = {"iss": "vigil", "aud": "vigil", "sub": "doctor", "sid": "s", "iat": NOW, "exp": NOW + 60}
    return jwt.encode({k: v for k, v in (claims | changes).items() if v is not None}, KEY, algorithm="HS256")


def test_a_genuine_token_says_whose_it_is() -> None:
    claims = tokens.verify(KEY, tokens.issue(KEY, "doctor", "s1", NOW), NOW)
    assert claims == tokens.Claims("doctor", "s1", int(NOW) + tokens.LIFETIME_S)


def test_a_token_expires_to_the_second() -> None:
    token = tokens.issue(KEY, "doctor", "s1", NOW)
    with pytest.raises(tokens.TokenRefused, match="expired"):
        tokens.verify(KEY, token, NOW + tokens.LIFETIME_S)


@pytest.mark.parametrize(
    "token",
    [
        unsigned(),
        tokens.issue(b"x" * 32, "doctor", "s1", NOW),
        foreign(aud="other"),
        foreign(iss="other"),
        foreign(sid=None),
        foreign(exp="soon"),
        foreign(exp=None),
        "",
        "a.b.c",
    ],
)
def test_a_forged_or_foreign_token_is_refused(token: str) -> None:
    with pytest.raises(tokens.TokenRefused):
        tokens.verify(KEY, token, NOW)


@given(st.text(max_size=200))
@settings(max_examples=50)
def test_any_text_is_refused_by_name(text: str) -> None:
    with pytest.raises(tokens.TokenRefused):
        tokens.verify(KEY, text, NOW)


def test_a_refresh_token_names_its_session() -> None:
    assert tokens.session_of(tokens.refresh_token("s1", b"x" * 32)) == "s1"
