"""A managing account that the broker does not let in, or not to its control topic: said so, not as silence."""

import asyncio
from dataclasses import replace

import pytest

from dashboard_api.mqtt import DeviceAccounts
from tests.integration.dashboard_api_http.site import Site
from vitals import settings
from vitals.errors import PartAway
from vitals.settings import Broker, Secret


def told(broker: Broker) -> str:
    """What a command of this account is answered."""

    async def asked() -> str:
        accounts = DeviceAccounts(broker)
        await accounts.start()
        try:
            with pytest.raises(PartAway) as caught:
                await accounts.do([{"command": "listClients"}])
            return str(caught.value)
        finally:
            await accounts.stop()

    return asyncio.run(asked())


def test_an_account_without_the_right_to_manage_is_told_so(site: Site) -> None:
    gateway = settings.broker(site.broker.url("gateway"))
    assert "refuses $CONTROL/dynamic-security/v1" in told(gateway)


def test_an_account_that_is_not_let_in_is_told_so(site: Site) -> None:
    admin = settings.broker(site.broker.url("admin"))
    assert "does not let the account in" in told(replace(admin, password=Secret("wrong")))
