"""The canary's device speaks to the broker that the gateways speak to, in the same way."""

import json
from pathlib import Path

import pytest

from deploy.canary import Account, as_it_was


@pytest.mark.parametrize(
    ("gateways", "mine"),
    [
        ("mqtt://gateway:x@127.0.0.1:1883", "mqtt://dev-1:p%2Fw@127.0.0.1:1883"),
        ("mqtts://gateway:x@broker.example", "mqtts://dev-1:p%2Fw@broker.example:8883"),
    ],
)
def test_its_address_is_the_gateways_with_its_own_account(gateways: str, mine: str) -> None:
    assert Account("dev-1", "p/w").url(gateways) == mine


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ({"device": "dev-1", "password": "p", "pager": 21_001}, Account("dev-1", "p", 21_001)),
        ({"device": "dev-1", "password": "p"}, Account("dev-1", "p", 21_999)),
    ],
)
def test_one_that_is_not_let_in_any_more_is_as_it_was(tmp_path: Path, kept: dict[str, object], expected: Account) -> None:
    (tmp_path / "canary.json").write_text(json.dumps(kept))
    assert as_it_was(tmp_path / "canary.json", 21_999) == expected
