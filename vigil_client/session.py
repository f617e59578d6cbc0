"""One account's session: logging in, staying in, asking again where that is safe.

In: requests. Out: decoded answers; a failure is `Refused` with the server's own words. Promise: the access token is renewed before it runs
out, by one thread at a time (a refresh token is good once); a 429 or 503 is waited for and asked again at most TRIES times, a POST only
under one Idempotency-Key.
"""

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx
import msgspec

from vigil_client.shapes import Tokens

T = TypeVar("T")
TRIES = 4
EARLY_S = 60.0
"""The access token is renewed so long before it runs out."""
_LONGEST_WAIT_S = 30.0
_AGAIN = (429, 503)


class Refused(Exception):
    """The server said no: its status, and its problem document (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status}: {problem.get('detail') or problem.get('title') or 'no reason given'}")
        self.status = status
        self.problem = dict(problem)


class Session:
    """`code` is asked for the second factor's code when the account has one."""

    def __init__(self, http: httpx.Client, username: str, password: str, code: Callable[[], str] | None = None) -> None:
        self._http = http
        self._login = {"grant_type": "password", "username": username, "password": password}
        self._code = code
        self._lock = threading.Lock()
        self._tokens: Tokens | None = None
        self._until = 0.0

    def token(self) -> str:
        """A valid access token."""
        with self._lock:
            if self._tokens is None or time.monotonic() > self._until:
                self._keep(self._renewed())
            return self._tokens.access_token if self._tokens else ""

    @property
    def until(self) -> float:
        """When the token should be renewed (monotonic seconds)."""
        return self._until

    def ask(self, method: str, path: str, shape: type[T], *, query: Mapping[str, Any] | None = None, body: Any = None) -> T:
        """The decoded answer of one request below /api/v1."""
        headers = {"Idempotency-Key": uuid.uuid4().hex} if method == "POST" else {}
        params = {name: value for name, value in (query or {}).items() if value is not None}
        for tries in range(TRIES):
            given = headers | {"Authorization": f"Bearer {self.token()}", "Content-Type": "application/json"}
            content = msgspec.json.encode(body) if body is not None else b""
            answer = self._http.request(method, f"/api/v1{path}", params=params, content=content, headers=given)
            if answer.status_code == 401 and tries == 0:
                self.renew()
            elif answer.status_code not in _AGAIN or tries == TRIES - 1:
                break
            else:
                time.sleep(_wait(answer))
        return _decoded(answer, shape)

    def end(self) -> None:
        """Logs out, where there is somebody to log out."""
        if self._tokens is not None:
            headers = {"Authorization": f"Bearer {self._tokens.access_token}"}
            self._http.post("/api/v1/logout", json={}, headers=headers)
            self._tokens = None

    def _renewed(self) -> Tokens:
        refresh = self._tokens.refresh_token if self._tokens else None
        if refresh is not None:
            answer = self._post({"grant_type": "refresh_token", "refresh_token": refresh})
            if answer.status_code == 200:
                return _decoded(answer, Tokens)
        answer = self._post(self._login)
        if self._code is not None and answer.status_code == 401 and _problem(answer).get("error") == "second_factor_required":
            answer = self._post(self._login | {"totp": self._code()})
        return _decoded(answer, Tokens)

    def _post(self, form: dict[str, str]) -> httpx.Response:
        for _ in range(TRIES - 1):
            answer = self._http.post("/api/v1/token", data=form)
            if answer.status_code not in _AGAIN:
                return answer
            time.sleep(_wait(answer))
        return self._http.post("/api/v1/token", data=form)

    def _keep(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._until = time.monotonic() + max(tokens.expires_in - EARLY_S, tokens.expires_in / 2)

    def renew(self) -> None:
        """The token that there is will not do: the next one asked for is new."""
        with self._lock:
            self._until = 0.0


def _wait(answer: httpx.Response) -> float:
    text = answer.headers.get("retry-after", "")
    return min(float(text), _LONGEST_WAIT_S) if text.isdigit() else 1.0


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        return dict(answer.json())
    except ValueError:
        return {"title": answer.reason_phrase}


def _decoded(answer: httpx.Response, shape: type[T]) -> T:
    if not answer.is_success:
        raise Refused(answer.status_code, _problem(answer))
    return msgspec.json.decode(answer.content, type=shape)
