"""The canary's device speaks to the broker that the gateways speak to, in the same way."""

import pytest

from deploy.canary import Account


@pytest.mark.parametrize(
    ("gateways", "mine"),
    [
        ("mqtt://gateway:x@127.0.0.1:1883", "mqtt://dev-1:p%2Fw@127.0.0.1:1883"),
        ("mqtts://gateway:x@broker.example", "mqtts://dev-1:p%2Fw@broker.example:8883"),
    ],
)
def test_its_address_is_the_gateways_with_its_own_account(gateways: str, mine: str) -> None:
    assert Account("dev-1", "p/w").url(gateways) == mine
