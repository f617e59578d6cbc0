"""The live feed (`vigil.v1` over WebSocket) as an iterator that comes back where it was.

In: a subscription. Out: events, in order. Promise: after a lost connection it resumes at the last cursor, so that no alert is skipped,
and the latest of all else is told; the token is renewed before it runs out. What the feed refuses for good is `Refused`.
"""

import random
import time
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
from websockets.exceptions import InvalidHandshake, WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from vigil_client.session import Refused, Session
from vigil_client.shapes import AlertChange, Delta, Event, Failure, Snapshot

SILENT_S = 15.0
"""The feed says something every 5 s at least: a connection that is silent for longer is dead."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0
_FINAL = frozenset({"forbidden", "not_found", "bad_message", "too_many"})
_TOKEN = frozenset({"unauthenticated", "token_expired"})
_decoder = msgspec.json.Decoder(Event)


class Feed:
    """`cursor`: of what was last told; give it as `resume` to go on later."""

    def __init__(self, address: str, session: Session, wish: dict[str, Any], resume: str | None = None) -> None:
        self._address, self._session, self._wish = address, session, wish
        self._connection: ClientConnection | None = None
        self._closed = False
        self.cursor = resume

    def __iter__(self) -> Iterator[Event]:
        """Ends with `close`."""
        pause = _FIRST_PAUSE_S
        while not self._closed:
            try:
                for event in self._one_connection():
                    pause = _FIRST_PAUSE_S
                    yield event
            except (OSError, TimeoutError, WebSocketException, InvalidHandshake, httpx.TransportError):
                pass  # it is asked again, at the cursor
            if not self._closed:
                time.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(pause * 2, _LONGEST_PAUSE_S)

    def close(self) -> None:
        """Ends the iteration, also from another thread."""
        self._closed = True
        if self._connection is not None:
            self._connection.close()

    def _one_connection(self) -> Iterator[Event]:
        with connect(self._address, subprotocols=[Subprotocol("vigil.v1")], max_size=None, open_timeout=10) as connection:
            self._connection = connection
            self._say(connection, {"type": "auth", "token": self._session.token()})
            self._say(connection, self._wish | ({"resume": self.cursor} if self.cursor else {}))
            renewal = self._session.until
            while not self._closed:
                if time.monotonic() > renewal:
                    self._say(connection, {"type": "auth", "token": self._session.token()})
                    renewal = self._session.until
                event = _decoder.decode(connection.recv(timeout=SILENT_S))
                if isinstance(event, Failure):
                    self._failed(event)
                if isinstance(event, (Snapshot, Delta, AlertChange)):
                    self.cursor = event.cursor
                yield event

    def _failed(self, failure: Failure) -> None:
        if failure.code in _FINAL:
            raise Refused(403 if failure.code == "forbidden" else 404, {"title": failure.code, "detail": failure.message})
        if failure.code in _TOKEN:
            self._session.renew()

    @staticmethod
    def _say(connection: ClientConnection, message: dict[str, Any]) -> None:
        connection.send(msgspec.json.encode(message).decode())
