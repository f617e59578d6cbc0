"""The OpenID provider over HTTPS: what it says of itself, its keys, and the exchange of a code for an ID token.

In: the issuer's address and our client there. Out: its metadata and keys (kept for an hour; an unknown key is looked for anew, at most
every KEYS_AGAIN_S), an ID token. Promise: a provider that does not answer is `PartAway`; one that speaks for another issuer is refused.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import msgspec

from dashboard_api.identity import LoginRefused
from vitals.errors import PartAway
from vitals.settings import Secret

T = TypeVar("T")
KEPT_S = 3600.0
KEYS_AGAIN_S = 30.0
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are there. `issuer` "": no provider. `secret` "": a public client. `redirect` "": as the request's own address says.
    `roles`, `wards`: the claims that say them; `name`: what the button calls the provider."""

    issuer: str
    id: str
    secret: Secret
    redirect: str
    roles: str
    wards: str
    name: str


class Metadata(msgspec.Struct, frozen=True):
    """OpenID Connect Discovery 1.0, section 3: what is needed of it."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Keys(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


class _Answer(msgspec.Struct, frozen=True):
    id_token: str


class Provider:
    """One provider."""

    def __init__(self, client: Client, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.client = client
        self._monotonic = monotonic
        self._http = httpx.AsyncClient(timeout=_PATIENCE_S)
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, dict[str, dict[str, Any]]] = (float("-inf"), {})

    @property
    def there(self) -> bool:
        """Whether the site has one."""
        return bool(self.client.issuer)

    async def close(self) -> None:
        """Ends its connections."""
        await self._http.aclose()

    async def metadata(self) -> Metadata:
        """What it says of itself."""
        now = self._monotonic()
        if self._metadata is None or now - self._metadata[0] > KEPT_S:
            found = await self._get(f"{self.client.issuer.rstrip('/')}/.well-known/openid-configuration", Metadata)
            if found.issuer != self.client.issuer:
                raise PartAway("the OpenID provider speaks for another issuer than VIGIL_OIDC_ISSUER")
            self._metadata = (now, found)
        return self._metadata[1]

    async def key(self, name: str) -> dict[str, Any]:
        """Its key of this id ("": its only one). Raises LoginRefused when it has none."""
        read_at, keys = self._keys
        now = self._monotonic()
        known = name in keys or (not name and len(keys) == 1)
        if now - read_at > KEPT_S or (not known and now - read_at > KEYS_AGAIN_S):
            found = await self._get((await self.metadata()).jwks_uri, _Keys)
            keys = {str(key.get("kid", "")): key for key in found.keys if key.get("use", "sig") == "sig"}
            self._keys = (now, keys)
        if not name and len(keys) == 1:
            return next(iter(keys.values()))
        if name not in keys:
            raise LoginRefused("the provider's token is signed with a key that it does not show")
        return keys[name]

    async def exchange(self, code: str, verifier: str, redirect: str) -> str:
        """The ID token for a code. Raises LoginRefused when the provider does not take it."""
        mine = self.client
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier, "client_id": mine.id}
        auth = httpx.BasicAuth(mine.id, mine.secret) if mine.secret else httpx.USE_CLIENT_DEFAULT
        try:
            answer = await self._http.post((await self.metadata()).token_endpoint, data=form, auth=auth)
        except httpx.HTTPError as error:
            raise PartAway("the OpenID provider does not answer") from error
        if answer.status_code >= 500:
            raise PartAway("the OpenID provider does not answer")
        try:
            return msgspec.json.decode(answer.content, type=_Answer).id_token
        except msgspec.DecodeError as error:
            raise LoginRefused("the provider did not take the code") from error

    async def _get(self, address: str, shape: type[T]) -> T:
        try:
            answer = await self._http.get(address)
            answer.raise_for_status()
            return msgspec.json.decode(answer.content, type=shape)
        except (httpx.HTTPError, msgspec.DecodeError) as error:
            raise PartAway("the OpenID provider does not answer") from error
