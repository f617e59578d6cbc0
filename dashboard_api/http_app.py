"""The ASGI application: the table of routes behind the gate, health at the root, the page at `/`.

In: a `Site`. Out: an application that answers every request, errors as problem documents, with security headers on all.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Path

from dashboard_api.fhir import outcome
from dashboard_api.gate import Gate, failed
from dashboard_api.health import Health
from dashboard_api.page import Page, security_headers
from dashboard_api.problems import Problem, unknown
from dashboard_api.route import Route
from dashboard_api.routes import ALL, FHIR_BASE
from dashboard_api.site import Site

Endpoint = Callable[[Request], Awaitable[Response]]
_Message = MutableMapping[str, Any]
_Send = Callable[[_Message], Awaitable[None]]


def application(site: Site) -> Starlette:
    """The application of one site."""
    gate, health, page = Gate(site), Health(site), Page(site.facts.page, site.facts.live_url)
    paths = [
        Path("/healthz", health.live),
        Path("/readyz", health.ready),
        Path("/metrics", health.metrics),
        Path("/config.json", page.config),
    ]
    table = by_path(ALL)
    table[f"{FHIR_BASE}/"] = table[FHIR_BASE]  # a client that puts its base and nothing together sends a transaction there
    paths += [Path(path, _by_method(gate, routes), methods=_EVERY) for path, routes in table.items()]
    paths += [Path(f"{FHIR_BASE}/{{path:path}}", _no_such_resource, methods=_EVERY), Path("/{path:path}", page.file, methods=_EVERY)]
    headers = security_headers(site.facts.live_url)
    return Starlette(
        routes=paths, middleware=[Middleware(_Headers, headers=headers), Middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)]
    )


_EVERY = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def by_path(table: Sequence[tuple[str, Route]]) -> dict[str, dict[str, Route]]:
    """Full path -> method -> route, in the table's order."""
    found: dict[str, dict[str, Route]] = defaultdict(dict)
    for prefix, route in table:
        found[prefix + route.path][route.method] = route
    return found


def _by_method(gate: Gate, routes: dict[str, Route]) -> Endpoint:
    allowed = ", ".join(sorted(routes))

    async def answer(request: Request) -> Response:
        route = routes.get("GET" if request.method == "HEAD" else request.method)
        if route is None:
            return failed(next(iter(routes.values())), Problem(405, headers={"Allow": allowed}), request)
        return await gate.answer(route, request)

    return answer


async def _no_such_resource(_: Request) -> Response:
    return outcome.response(unknown())


class _Headers:
    """Puts the same headers on every answer."""

    def __init__(self, app: Any, headers: list[tuple[bytes, bytes]]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: _Message, receive: Any, send: _Send) -> None:
        async def with_headers(message: _Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._headers]
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)
