"""A right that ended ends the connection, whatever is said on it meanwhile."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from dashboard_api import audit, tokens
from dashboard_api.live import websocket
from dashboard_api.live.feed import Feed
from dashboard_api.live.state import Picture
from dashboard_api.policy import Caller, Role

KEY = bytes(32)


class Accounts:
    """One nurse, whose ward may be taken away and whose session may be revoked."""

    def __init__(self) -> None:
        self.nurse: Caller | None = Caller("n", Role.NURSE, wards=frozenset({"north"}))
        self.audited: list[audit.Entry] = []

    async def caller_of(self, _claims: tokens.Claims, _now: datetime) -> Caller | None:
        return self.nurse

    async def audit(self, entry: audit.Entry) -> None:
        self.audited.append(entry)


@asynccontextmanager
async def visit(accounts: Accounts) -> AsyncIterator[ClientConnection]:
    """A connection of the nurse's to a door of its own."""
    door = websocket.Door(Feed(Picture(1), "k", websocket.sealed), websocket.Gate(time.time, KEY, accounts.caller_of, accounts.audit))
    door.ready = True
    server = await door.open("127.0.0.1", 0)
    port = next(iter(server.sockets)).getsockname()[1]
    bearer = {"Authorization": f"Bearer {tokens.issue(KEY, 'n', 's', time.time())}"}
    async with connect(f"ws://127.0.0.1:{port}/live", additional_headers=bearer) as connection:
        yield connection
    server.close()
    await server.wait_closed()


async def said(connection: ClientConnection, **words: Any) -> Any:
    await connection.send(json.dumps(words))
    return json.loads(await asyncio.wait_for(connection.recv(), 10))


async def who_never_stops_talking(accounts: Accounts) -> int:
    """The code with which the connection is closed."""
    async with visit(accounts) as connection:
        await said(connection, type="subscribe", wards=["north"])
        accounts.nurse = None
        try:
            while True:
                await said(connection, type="nonsense")
        except ConnectionClosed as closed:
            return int(closed.rcvd.code) if closed.rcvd else 0


def test_a_session_that_was_revoked_ends_a_connection_that_never_stops_talking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "RECHECK_S", 0.2)
    assert asyncio.run(asyncio.wait_for(who_never_stops_talking(Accounts()), 20)) == 4401


class Unheard(Accounts):
    """The audit takes nothing."""

    async def audit(self, entry: audit.Entry) -> None:
        await asyncio.Event().wait()


async def who_subscribes(accounts: Accounts) -> str:
    async with visit(accounts) as connection:
        return str((await said(connection, type="subscribe", wards=["north"]))["type"])


@pytest.mark.slow
def test_an_audit_that_does_not_answer_keeps_nobody_waiting() -> None:
    assert asyncio.run(who_subscribes(Unheard())) == "snapshot"


async def who_subscribes_anew(accounts: Accounts) -> tuple[str, str]:
    async with visit(accounts) as connection:
        before = await said(connection, type="subscribe", wards=["north"])
        accounts.nurse = Caller("n", Role.NURSE, wards=frozenset({"south"}))
        return before["type"], (await said(connection, type="subscribe", wards=["north"])).get("code", "")


def test_a_ward_that_was_taken_away_is_not_subscribed_to_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "RECENT_S", 0.0)
    assert asyncio.run(who_subscribes_anew(Accounts())) == ("snapshot", "not_found")
