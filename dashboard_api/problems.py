"""Errors as RFC 9457 problem documents: every status that is not a success leaves the API in this form, and nothing else does.

In: what went wrong. Out: a `Problem` to raise, and its JSON. Promise: no stack trace, no SQL, no patient data but the caller's own
words.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from vitals.errors import Theirs

MEDIA_TYPE = "application/problem+json"

TITLES = {
    304: "Not modified",
    400: "The request is not well formed",
    401: "Log in first",
    403: "Your role may not do this",
    404: "There is no such thing here",
    405: "This method is not offered here",
    406: "This form is not offered",
    409: "This contradicts what is there",
    410: "This is over",
    413: "The request is too large",
    415: "This kind of content is not taken here",
    422: "A value is not acceptable",
    429: "Too fast",
    500: "Vigil made a mistake",
    503: "A part that is needed does not answer",
}


TOO_FAST = 429


class Problem(Theirs):
    """An answer that is not a success: status, why, and headers or members of its own."""

    def __init__(self, status: int, detail: str = "", headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail or TITLES.get(status, ""))
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    def document(self, instance: str) -> dict[str, Any]:
        """The problem document (RFC 9457, section 3)."""
        head = {"type": f"urn:vigil:problem:{self.status}", "title": TITLES.get(self.status, "Error"), "status": self.status}
        return head | ({"detail": self.detail} if self.detail else {}) | {"instance": instance} | self.members


def unknown() -> Problem:
    """The one 404: for what does not exist and for what the caller may not know of."""
    return Problem(404)


def too_fast(retry_after_s: float, detail: str = "") -> Problem:
    """429 with the seconds to wait."""
    return Problem(429, detail, headers={"Retry-After": str(max(1, int(retry_after_s + 0.999)))})


def away(detail: str) -> Problem:
    """503: come back in a moment."""
    return Problem(503, detail, headers={"Retry-After": "2"})


def response(problem: Problem, instance: str) -> Response:
    """The HTTP answer for a problem."""
    body = msgspec.json.encode(problem.document(instance))
    return Response(body, problem.status, headers=problem.headers, media_type=MEDIA_TYPE)
