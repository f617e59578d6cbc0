"""The live feed's door: WebSocket connections, who they are, what they ask for.

In: connections of the `websockets` library. Out: readers of the feed, error frames, audit entries. Promise: nobody hears anything
before a genuine token and a subscription that the policy permits; a subscription is audited with the patients it shows; a token that
runs out, a session that was revoked or a right that ended closes the connection with an error frame. While the database is away, those
it knew within a token's lifetime come in again and their audit entries wait in the queue; others are asked to try again.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.typing import Subprotocol

from dashboard_api import audit, tokens
from dashboard_api.live import cursor, frames, words
from dashboard_api.live.audience import Reader
from dashboard_api.live.feed import Feed
from dashboard_api.policy import Caller
from vitals.errors import PartAway

log = logging.getLogger("live.websocket")
AUTH_WITHIN_S = 5.0
RECHECK_S = 60.0
RECENT_S = 1.0
"""Who was checked so lately is not asked about again for a subscription."""
AUDIT_WITHIN_S = 1.0
"""A subscription's entry is waited for so long; with the database away it stays queued, and the reader, who was known, hears in time."""
MOST_CONNECTIONS = 4_000
MOST_BYTES_IN = 262_144
SEND_BUFFER = 65_536
"""Asked of the kernel for each connection, so that a reader's slowness shows here and not after megabytes."""


def sealed(message: bytes) -> bytes:
    """The WebSocket frame of a text message, as a server sends it (unmasked, uncompressed): the same for every reader."""
    return Frame(Opcode.TEXT, message).serialize(mask=False)


class _Closing(Exception):
    """Tell the reader why, then close with this code."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.code, self.name = code, name


@dataclass(slots=True, eq=False)
class _Port:
    connection: ServerConnection

    def write(self, frame: bytes) -> None:
        if self.connection.state is State.OPEN:
            self.connection.transport.write(frame)

    def unsent(self) -> int:
        return self.connection.transport.get_write_buffer_size()

    def cut(self, reason: str) -> None:
        log.warning("event=reader_cut reason=%s", reason.replace(" ", "_"))
        self.connection.transport.abort()


@dataclass(frozen=True, slots=True)
class Gate:
    """What the door asks others: the clock (epoch seconds), the token key, the caller behind claims, the audit."""

    clock: Callable[[], float]
    key: bytes = field(repr=False)
    caller_of: Callable[[tokens.Claims, datetime], Awaitable[Caller | None]]
    audit: Callable[[audit.Entry], Awaitable[None]]


@dataclass(slots=True, eq=False)
class _Visit:
    """One connection: who it is and what it hears."""

    port: _Port
    claims: tokens.Claims
    caller: Caller
    wanted: words.Subscribe | None = None
    reader: Reader | None = None
    checked_at: float = field(default_factory=time.monotonic)


class Door:
    """Accepts connections for one feed. `ready` False: it answers that it is starting."""

    def __init__(self, feed: Feed, gate: Gate) -> None:
        self._feed, self._gate = feed, gate
        self._known: dict[str, tuple[float, Caller]] = {}
        self.connections = 0
        self.ready = False

    async def open(self, host: str, port: int) -> Server:
        """Listens; the server's `close` ends every connection with 1001."""
        return await serve(
            self._handle,
            host,
            port,
            process_request=self._receive,
            select_subprotocol=_select,
            compression=None,
            max_size=MOST_BYTES_IN,
            max_queue=4,
            ping_interval=20,
            ping_timeout=20,
            open_timeout=5,
            close_timeout=2,
            server_header=None,
        )

    def _receive(self, connection: ServerConnection, request: Request) -> Response | None:
        path = request.path.partition("?")[0]
        if path == "/healthz":
            well = HTTPStatus.OK if self.ready else HTTPStatus.SERVICE_UNAVAILABLE
            return connection.respond(well, "ok\n" if self.ready else "starting\n")
        if path != "/live":
            return connection.respond(HTTPStatus.NOT_FOUND, "the feed is at /live\n")
        if not self.ready or self.connections >= MOST_CONNECTIONS:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "not ready, or full: try again\n")
        return None

    async def _handle(self, connection: ServerConnection) -> None:
        self.connections += 1
        port, visit = _Port(connection), None
        connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        try:
            visit = await self._welcome(connection, port)
            self._feed.guests[port] = int(self._gate.clock() * 1000)
            while True:
                await self._turn(connection, visit)
        except ConnectionClosed:
            pass
        except _Closing as closing:
            port.write(sealed(frames.error(closing.name, str(closing))))
            await connection.close(closing.code, closing.name)
        finally:
            self.connections -= 1
            self._feed.guests.pop(port, None)
            if visit is not None and visit.reader is not None:
                self._feed.leave(visit.reader)

    async def _welcome(self, connection: ServerConnection, port: _Port) -> _Visit:
        scheme, _, token = (connection.request.headers.get("Authorization", "") if connection.request else "").partition(" ")
        if scheme.lower() == "bearer":
            return _Visit(port, *await self._known_by(token.strip()))
        try:
            said = words.read(await asyncio.wait_for(connection.recv(), AUTH_WITHIN_S))
        except TimeoutError as error:
            raise _Closing(4401, "unauthenticated", "no token came within 5 s") from error
        if not isinstance(said, words.Auth):
            raise _Closing(4401, "unauthenticated", "the first message must be auth with a token")
        return _Visit(port, *await self._known_by(said.token))

    async def _known_by(self, token: str) -> tuple[tokens.Claims, Caller]:
        try:
            claims = tokens.verify(self._gate.key, token, self._gate.clock())
        except tokens.TokenRefused as error:
            raise _Closing(4401, "unauthenticated", str(error)) from error
        return claims, await self._caller(claims)

    async def _caller(self, claims: tokens.Claims) -> Caller:
        now = self._gate.clock()
        try:
            caller = await self._gate.caller_of(claims, datetime.fromtimestamp(now, UTC))
        except PartAway as error:
            at, known = self._known.get(claims.session, (0.0, None))
            if known is None or now - at > tokens.LIFETIME_S:
                raise _Closing(1013, "try_again", "who you are cannot be checked at the moment") from error
            return known
        if caller is None:
            self._known.pop(claims.session, None)
            raise _Closing(4401, "unauthenticated", "the session is over")
        self._known[claims.session] = (now, caller)
        self._known = self._known if len(self._known) < 2 * MOST_CONNECTIONS else {}
        return caller

    async def _turn(self, connection: ServerConnection, visit: _Visit) -> None:
        left = min(visit.claims.expires_at - self._gate.clock(), visit.checked_at + RECHECK_S - time.monotonic())
        if left <= 0:  # also of one who never stops talking
            await self._recheck(visit)
            return
        try:
            said = words.read(await asyncio.wait_for(connection.recv(), left))
        except TimeoutError:
            return
        if isinstance(said, words.Auth):
            claims, caller = await self._known_by(said.token)
            if caller.username != visit.caller.username:
                raise _Closing(4403, "forbidden", "a connection stays with the person who opened it")
            visit.claims, visit.caller, visit.checked_at = claims, caller, time.monotonic()
        elif isinstance(said, words.Subscribe):
            await self._subscribe(visit, said)
        else:
            visit.port.write(sealed(frames.error(said.code, said.message)))

    async def _recheck(self, visit: _Visit) -> None:
        if visit.claims.expires_at <= self._gate.clock():
            raise _Closing(4401, "token_expired", "the token has run out: send auth with a new one in time")
        visit.caller, visit.checked_at = await self._caller(visit.claims), time.monotonic()
        if visit.wanted is not None and words.may(visit.caller, visit.wanted, self._ward_of) is not None:
            raise _Closing(4403, "forbidden", "what you were allowed to see has changed")

    async def _subscribe(self, visit: _Visit, said: words.Subscribe) -> None:
        if time.monotonic() - visit.checked_at > RECENT_S:
            visit.caller, visit.checked_at = await self._caller(visit.claims), time.monotonic()
        refused = words.may(visit.caller, said, self._ward_of)
        await self._audit(visit, said, "denied" if refused else "done")
        if refused is not None:
            visit.port.write(sealed(frames.error(refused.code, refused.message)))
            return
        if visit.reader is not None:
            self._feed.leave(visit.reader)
        since = cursor.read(said.resume) if said.resume else None
        visit.wanted = said
        visit.reader = self._feed.subscribe(visit.port, said.subscription(), frozenset(said.waveforms), since, said.resume is not None)

    async def _audit(self, visit: _Visit, said: words.Subscribe, outcome: str) -> None:
        """One row that names every patient shown; while the database is away it waits in the audit's queue."""
        shown = [p.id for p in self._feed.picture.rows if p.ward in said.wards or p.id in said.patients] if outcome == "done" else []
        asked = {"wards": said.wards[:8], "asked": said.patients[:8], "resumed": said.resume is not None}
        entry = audit.Entry(
            at=datetime.fromtimestamp(self._gate.clock(), UTC),
            actor=visit.caller.username,
            role=visit.caller.role.value,
            action="live.subscribe",
            resource="/live",
            outcome=outcome,
            patient=shown[0] if len(shown) == 1 else None,
            detail=asked | {"patients": shown},
        )
        try:
            await asyncio.wait_for(self._gate.audit(entry), AUDIT_WITHIN_S)
        except (PartAway, TimeoutError):
            log.warning("event=audit_delayed cause=database_away")

    def _ward_of(self, patient: str) -> str | None:
        known = self._feed.picture.patients.get(patient)
        return known.ward if known else None


def _select(_connection: ServerConnection, offered: object) -> Subprotocol | None:
    names = list(offered) if isinstance(offered, (list, tuple)) else []
    return Subprotocol("vigil.v1") if "vigil.v1" in names else None
