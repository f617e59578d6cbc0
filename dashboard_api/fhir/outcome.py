"""Failures as FHIR says them: an OperationOutcome (R4)."""

import msgspec
from starlette.responses import Response

from dashboard_api.problems import Problem

MEDIA_TYPE = "application/fhir+json"
_CODES = {400: "invalid", 401: "login", 403: "forbidden", 404: "not-found", 405: "not-supported", 409: "conflict", 413: "too-long",
          422: "processing", 429: "throttled", 503: "transient"}  # fmt: skip


def response(problem: Problem) -> Response:
    """The HTTP answer for a problem."""
    issue = {"severity": "error", "code": _CODES.get(problem.status, "exception"), "diagnostics": str(problem)}
    body = msgspec.json.encode({"resourceType": "OperationOutcome", "issue": [issue]})
    return Response(body, problem.status, headers=problem.headers, media_type=MEDIA_TYPE)
