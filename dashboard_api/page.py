"""The built page at `/`, and the headers that every answer carries.

In: the folder of the built page. Out: its files; for any other path that is not the API's the index, so that the page's own addresses
can be reloaded. Files with a hash in their name are kept for ever, the index never.
"""

from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from dashboard_api.problems import Problem, response

_NOT_BUILT = "The page is not built yet: run `npm ci && npm run build` in dashboard_api/web, or start with ./vigil up."


class Page:
    """Serves one folder, and nothing outside it."""

    def __init__(self, folder: Path, live_url: str) -> None:
        self._folder = folder.resolve()
        self._config = msgspec.json.encode({"live": live_url, "api": "/api/v1"})

    async def config(self, _: Request) -> Response:
        """What the page must know of its site."""
        return Response(self._config, media_type="application/json", headers={"Cache-Control": "no-cache"})

    async def file(self, request: Request) -> Response:
        """A file of the page, or its index."""
        path = request.url.path.lstrip("/")
        if path.startswith(("api/", "fhir/")) or request.method not in ("GET", "HEAD"):
            return response(Problem(404), request.url.path)
        wanted = (self._folder / path).resolve() if "\0" not in path else self._folder
        if path and wanted.is_relative_to(self._folder) and wanted.is_file():
            kept = "public, max-age=31536000, immutable" if path.startswith("assets/") else "no-cache"
            return FileResponse(wanted, headers={"Cache-Control": kept})
        index = self._folder / "index.html"
        if "." in path.rpartition("/")[2] or not index.is_file():
            return response(Problem(404, "" if index.is_file() else _NOT_BUILT), request.url.path)
        return FileResponse(index, headers={"Cache-Control": "no-cache"})


def security_headers(live_url: str) -> list[tuple[bytes, bytes]]:
    """On every answer. The page may load and call only this site and its live feed."""
    feed = urlsplit(live_url)
    origin = f"{feed.scheme}://{feed.netloc}" if feed.netloc else ""
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        f"font-src 'self'; media-src 'self' data:; "
        f"connect-src 'self' {origin}; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]
