"""What the site knows of its OpenID provider: kept, asked for anew when it changes, and named when it is away or somebody else's."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import jwt
import pytest

from dashboard_api.identity import LoginRefused
from dashboard_api.openid_provider import KEPT_S, KEYS_AGAIN_S, Client, Provider
from tests.integration.dashboard_api_http.provider import CLIENT, SECRET, OpenIdProvider
from vitals.errors import PartAway
from vitals.settings import Secret

T = TypeVar("T")
NOWHERE = "http://127.0.0.1:9"


def client(issuer: str) -> Client:
    return Client(issuer, CLIENT, Secret(SECRET), "", "roles", "wards", "Hospital")


def asked(issuer: str, questions: Callable[[Provider, list[float]], Coroutine[Any, Any, T]]) -> T:
    """What `questions` finds, given the provider and a clock that it may put forward."""
    clock = [0.0]

    async def run() -> T:
        provider = Provider(client(issuer), lambda: clock[0])
        try:
            return await questions(provider, clock)
        finally:
            await provider.close()

    return asyncio.run(run())


def test_a_key_that_is_new_there_is_looked_for_but_not_again_and_again(provider: OpenIdProvider) -> None:
    async def questions(mine: Provider, clock: list[float]) -> list[str]:
        found = [(await mine.key("one"))["kid"]]
        for later in (KEYS_AGAIN_S / 2, KEYS_AGAIN_S + 1):
            clock[0] = later
            try:
                await mine.key("two")
            except LoginRefused:
                found.append("none")
        return found

    assert asked(provider.issuer, questions) == ["one", "none", "none"]


def test_keys_that_were_replaced_are_known_within_the_hour(provider: OpenIdProvider) -> None:
    async def questions(mine: Provider, clock: list[float]) -> tuple[bool, bool]:
        before = await mine.key("one")
        kept, provider.key = provider.key, OpenIdProvider().key
        soon = await mine.key("one") == before
        clock[0] = KEPT_S + 1
        late = await mine.key("one") == before
        provider.key = kept
        return soon, late

    assert asked(provider.issuer, questions) == (True, False)


def test_a_provider_that_is_away_is_a_part_away() -> None:
    async def questions(mine: Provider, _: list[float]) -> None:
        await mine.metadata()

    with pytest.raises(PartAway):
        asked(NOWHERE, questions)


def test_a_provider_that_speaks_for_another_issuer_is_not_believed(provider: OpenIdProvider) -> None:
    async def questions(mine: Provider, _: list[float]) -> None:
        mine.client = replace(mine.client, issuer=f"{provider.issuer}/")
        await mine.metadata()

    with pytest.raises(PartAway):
        asked(provider.issuer, questions)


def test_a_code_that_it_did_not_give_is_refused(provider: OpenIdProvider) -> None:
    async def questions(mine: Provider, _: list[float]) -> str:
        return await mine.exchange("nothing", "verifier", "http://back")

    with pytest.raises(LoginRefused):
        asked(provider.issuer, questions)


def test_the_providers_own_key_opens_its_tokens(provider: OpenIdProvider) -> None:
    async def questions(mine: Provider, _: list[float]) -> dict[str, Any]:
        return await mine.key("")

    signed = jwt.encode({"sub": "7"}, provider.key, "RS256")
    assert jwt.decode(signed, jwt.PyJWK.from_dict(asked(provider.issuer, questions)), algorithms=["RS256"]) == {"sub": "7"}
