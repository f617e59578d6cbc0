"""An OpenID provider for tests, stricter than most: one client with a secret, PKCE S256 only, codes good once, exact redirect addresses.

It asks nobody for a password: the next one who comes is whom `claims` describes. (A real Keycloak is tried in tests/integration/keycloak.)
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "vigil-tests", "the client's secret"
_NEEDED = {"response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method"}


@dataclass(eq=False)
class OpenIdProvider:
    """`claims`: whom it vouches for next. `changed`: what it gets wrong in its next ID tokens. `codes`: given and not yet spent.
    `refused`: whether whoever comes next says no there."""

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    changed: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refused: bool = False
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    def settings(self) -> dict[str, str]:
        """What a site needs to know of it."""
        return {"VIGIL_OIDC_ISSUER": self.issuer, "VIGIL_OIDC_CLIENT_ID": CLIENT, "VIGIL_OIDC_CLIENT_SECRET": SECRET}

    def discovery(self) -> dict[str, Any]:
        """OpenID Connect Discovery."""
        names = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "jwks"}
        return {"issuer": self.issuer} | {name: f"{self.issuer}/{path}" for name, path in names.items()}

    def jwks(self) -> dict[str, Any]:
        """Its one key."""
        return {"keys": [json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key())) | {"kid": "one", "use": "sig"}]}

    def authorized(self, query: dict[str, str]) -> str | None:
        """Where the browser goes back to; None for a request that is not whole."""
        if not query.keys() >= _NEEDED or query["client_id"] != CLIENT or query["code_challenge_method"] != "S256":
            return None
        if self.refused:
            return f"{query['redirect_uri']}?{urlencode({'error': 'access_denied', 'state': query['state'], 'iss': self.issuer})}"
        code = secrets.token_urlsafe(8)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], 'iss': self.issuer})}"

    def exchanged(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """Tokens for a code; None for anything that does not fit."""
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).decode().rstrip("=")
        mine = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if asked is None or authorization != mine or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return None
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "nonce": asked["nonce"], "iat": now, "exp": now + 60} | self.claims | self.changed
        return {"access_token": "x", "token_type": "Bearer", "id_token": jwt.encode(claims, self.key, "RS256", headers={"kid": "one"})}


def _handler(provider: OpenIdProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Nothing is."""

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            pages = {"/.well-known/openid-configuration": provider.discovery, "/jwks": provider.jwks}
            if url.path in pages:
                self._answer(200, pages[url.path]())
                return
            to = provider.authorized({name: values[0] for name, values in parse_qs(url.query).items()}) if url.path == "/auth" else None
            self.send_response(302 if to else 400)
            if to:
                self.send_header("Location", to)
            self.end_headers()

        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            tokens = provider.exchanged(form, self.headers.get("Authorization", ""))
            self._answer(200 if tokens else 400, tokens or {"error": "invalid_grant"})

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

    return Handler


def running_provider() -> Iterator[OpenIdProvider]:
    """On a free port."""
    provider = OpenIdProvider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(provider))
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield provider
    server.shutdown()
    thread.join()
    server.server_close()
