"""A second factor: set up, asked for, good once, lost, taken away; and roles that must have one."""

import asyncio
import base64
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from dashboard_api import totp
from dashboard_api.identity import Accounts, Login, caller_of
from dashboard_api.policy import ENROLMENT, Right, rights
from dashboard_api.second_factor import SecondFactor
from dashboard_api.timescale import Database
from dashboard_api.tokens import verify
from tests.integration.dashboard_api_http.site import Site
from tests.integration.dashboard_api_http.test_sessions import PASSWORD, account, token

KEY = bytes(32)


def secret_of(offer: dict[str, str]) -> bytes:
    return base64.b32decode(offer["secret"])


def code(secret: bytes, ahead: int = 0) -> str:
    """The code of now, or of the next step, which is taken too."""
    return totp.code(secret, totp.step_of(time.time()) + ahead)


def enrolled(site: Site) -> tuple[str, bytes, list[str], httpx.Client]:
    """Somebody with a confirmed factor (the step of now is used): name, secret, recovery codes, and a client of before."""
    name = account(site, wards=["north"])
    client = site.logged_in(name, PASSWORD)
    secret = secret_of(client.post("/api/v1/me/second-factor").json())
    answer = client.post("/api/v1/me/second-factor/confirm", json={"code": code(secret)})
    assert answer.status_code == 200, answer.text
    return name, secret, list(answer.json()["recovery_codes"]), client


def test_from_the_confirmation_on_the_password_alone_is_not_enough(site: Site) -> None:
    name, secret, _, _ = enrolled(site)
    without, with_it = token(site, username=name, password=PASSWORD), token(site, username=name, password=PASSWORD, totp=code(secret, 1))
    assert [(a.status_code, a.json().get("error")) for a in (without, with_it)] == [(401, "second_factor_required"), (200, None)]


def test_what_was_never_confirmed_is_not_asked_for(site: Site) -> None:
    name = account(site)
    site.logged_in(name, PASSWORD).post("/api/v1/me/second-factor").raise_for_status()
    assert token(site, username=name, password=PASSWORD).status_code == 200


def test_a_code_is_good_once(site: Site) -> None:
    name, secret, _, _ = enrolled(site)
    said = code(secret, 1)
    assert [token(site, username=name, password=PASSWORD, totp=said).status_code for _ in range(2)] == [200, 401]


def test_five_wrong_codes_lock_the_name(site: Site) -> None:
    name, secret, _, _ = enrolled(site)
    wrong = [token(site, username=name, password=PASSWORD, totp="000000").status_code for _ in range(5)]
    assert (wrong, token(site, username=name, password=PASSWORD, totp=code(secret, 1)).status_code) == ([401] * 5, 429)


def test_a_recovery_code_is_good_once(site: Site) -> None:
    name, _, codes, _ = enrolled(site)
    assert [token(site, username=name, password=PASSWORD, totp=codes[0]).status_code for _ in range(2)] == [200, 401]


def test_a_wrong_code_confirms_nothing(site: Site) -> None:
    client = site.logged_in(account(site), PASSWORD)
    client.post("/api/v1/me/second-factor").raise_for_status()
    answer = client.post("/api/v1/me/second-factor/confirm", json={"code": "000000"})
    assert (answer.status_code, client.get("/api/v1/me/second-factor").json()["confirmed"]) == (422, False)


def test_a_second_one_needs_the_first_removed_and_that_a_code(site: Site) -> None:
    _, secret, _, client = enrolled(site)
    path = "/api/v1/me/second-factor"
    statuses = [
        client.post(path).status_code,
        client.post(f"{path}/remove", json={"code": "000000"}).status_code,
        client.post(f"{path}/remove", json={"code": code(secret, 1)}).status_code,
        client.post(path).status_code,
    ]
    assert statuses == [409, 422, 204, 201]


def test_an_admin_helps_who_lost_it(site: Site) -> None:
    name, _, _, _ = enrolled(site)
    site.client("admin").put(f"/api/v1/accounts/{name}", json={"second_factor": False}).raise_for_status()
    assert token(site, username=name, password=PASSWORD).status_code == 200


def test_neither_secret_nor_recovery_code_is_stored_readable(site: Site) -> None:
    name, secret, codes, _ = enrolled(site)
    sealed = site.sql("SELECT secret FROM access.second_factor WHERE username = %s", name)[0][0]
    digests = site.sql("SELECT digest FROM access.recovery_code WHERE username = %s", name)
    assert (secret in bytes(sealed), any(codes[0].encode() in bytes(row[0]) for row in digests)) == (False, False)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One for the parts that are used without their process."""
    made = asyncio.new_event_loop()
    yield made
    made.close()


def test_a_role_that_must_have_one_may_only_set_it_up_first(site: Site, loop: asyncio.AbstractEventLoop) -> None:
    name = account(site)

    async def entered() -> Any:
        database, now = Database(site.database, size=1), datetime.now(UTC)
        await database.open()
        second = SecondFactor(database, KEY, lambda: now, frozenset({"nurse"}))
        session = await Accounts(database, KEY, lambda: now, second).log_in(Login(name, PASSWORD))
        caller = await caller_of(database, verify(KEY, session.access_token, now.timestamp()), now)
        await database.close()
        return session.limits, rights(caller) if caller else None

    assert loop.run_until_complete(entered()) == ({ENROLMENT}, {Right.ME})
